"""Closing the gaps before punctuation marks, which makes decoded text readable."""

_GAPS = (
    (" .", "."),
    (" ?", "?"),
    (" !", "!"),
    (" ,", ","),
    (" ' ", "'"),
    (" n't", "n't"),
    (" 'm", "'m"),
    (" do not", " don't"),
    (" 's", "'s"),
    (" 've", "'ve"),
    (" 're", "'re"),
)


def close_gaps(text: str) -> str:
    """Remove the spaces that stand before punctuation and contractions in tokenized English.

    The replacements, ``do not`` included, are those of 2019, one after the other.

    Example:
        >>> close_gaps("It 's late , is n't it ?")
        "It's late, isn't it?"
    """
    for gap, closed in _GAPS:
        text = text.replace(gap, closed)
    return text
