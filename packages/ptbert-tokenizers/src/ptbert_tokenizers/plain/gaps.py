"""Removing the spaces before punctuation marks in decoded text."""

GAPS = (
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
    """Remove the spaces before punctuation and contractions in tokenized English.

    The replacements are those of 2019, in the same order, and include ``do not``.

    Example:
        >>> close_gaps("It 's late , is n't it ?")
        "It's late, isn't it?"
    """
    for gap, closed in GAPS:
        text = text.replace(gap, closed)
    return text
