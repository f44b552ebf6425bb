"""Random texts that mix scripts, spaces of all kinds and what has tripped tokenizers."""

from hypothesis import strategies as st

TRAPS = (
    "Σσς İıẞßﬁÉé日本語カ북한हदार\u0301\u0327\u1100\U0002b820\uf900\x00\x07\x0b\x1c\x85\xa0\xad"
    "\u2009\u200b\u200d\u2028\u3000\ufeff\ufffd\ud800\ue000\u0378\U0010ffff😀\u037e。¿$^`'’\t\n\r"
)
FRAGMENTS = (
    *("[SEP]", "[MASK]", "[sep]", "don't", "WE'RE", "  ", " a", "the", "unable", "1234", "##s"),
    *(
        "Größe ",
        "Москва",
        " мир",
        "ΣΊΣΥΦΟΣ",
        "مرحبا",
        "हिन्दी",
        "한국어",
        "北京",
        "カタカナ",
        "naïve",
    ),
)


def texts_in_many_scripts():
    """Up to twelve fragments, traps and random strings, one behind the other."""
    parts = st.one_of(st.text(max_size=8), st.sampled_from(TRAPS), st.sampled_from(FRAGMENTS))
    return st.lists(parts, max_size=12).map("".join)
