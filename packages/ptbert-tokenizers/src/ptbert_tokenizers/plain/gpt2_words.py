"""How GPT-2 cuts text into words.

Source:
    Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", section 2.2.
"""

import regex  # type: ignore[import-untyped, unused-ignore]

from ptbert_tokenizers.plain.unicode import valid
from ptbert_tokenizers.plain.unicode_14 import masked

PATTERN = regex.compile(
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
)
"""Contractions, letters, numbers, other marks, spaces. Letters, numbers and marks may have one
space before them, which is part of the word."""


def gpt2_words(text: str) -> list[str]:
    """Return the words of ``text``, without its lone surrogates.

    Which characters are letters and numbers depends on the release of ``regex``, but not for
    characters of Unicode 14.0. So the pattern sees no other characters.

    Example:
        >>> gpt2_words("I'm 5 ∞")
        ['I', "'m", ' 5', ' ∞']
    """
    text = valid(text)
    shown = masked(text)
    if shown is text:
        return PATTERN.findall(text)
    return [text[slice(*word.span())] for word in PATTERN.finditer(shown)]
