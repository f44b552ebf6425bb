"""GPT-2's words of one text, found faster than by the pattern.

The pattern uses Unicode properties, which the standard library's ``re`` does not support. But most
texts have characters of a few Unicode blocks only, whose letters and numbers can be listed. For
these texts a pattern of ``re`` finds the same words faster (``benchmarks/gpt2_words.py`` measures
it). Texts with other characters are cut by the
plain definition.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from ptbert_tokenizers.plain.gpt2_words import gpt2_words
from ptbert_tokenizers.quick.places import Places

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ptbert_tokenizers.quick.spans import WordSpans

# The characters that the fast pattern knows: Latin up to the phonetic letters, general
# punctuation, currencies.
FAMILIAR = "\0-ʯ\u2000-\u206f\u20a0-\u20bf™"
_LETTERS = "A-Za-zªµºÀ-ÖØ-öø-ʯ"
_NUMBERS = "0-9²³¹¼-¾"
_SPACES = "\t-\r \x85\xa0\u2000-\u200a\u2028\u2029\u202f\u205f"

_FOREIGN = re.compile(f"[^{FAMILIAR}]")
_FAMILIAR_PATTERN = re.compile(
    f" ?[{_LETTERS}]+|'(?:[stmd]|re|ve|ll)| ?[{_NUMBERS}]+| ?[^{_SPACES}{_LETTERS}{_NUMBERS}]+"
    f"|[{_SPACES}]+(?![^{_SPACES}])|[{_SPACES}]+"
)
_ASCII_PATTERN = re.compile(
    r" ?[A-Za-z]+|'(?:[stmd]|re|ve|ll)| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+", re.ASCII
)


class Gpt2Words:
    """Words as ``gpt2_words`` finds them.

    Example:
        >>> Gpt2Words()("I'm 5 ∞")
        ['I', "'m", ' 5', ' ∞']
    """

    signs: Mapping[str, str] = {}

    def __call__(self, text: str) -> list[str]:
        """Return the words of one text."""
        if text.isascii():
            return _ASCII_PATTERN.findall(text)
        if _FOREIGN.search(text):
            return gpt2_words(text)
        return _FAMILIAR_PATTERN.findall(text)

    def of_each(self, texts: Sequence[str]) -> list[list[str]]:
        """Return the words of each of several texts."""
        return list(map(self, texts))

    def places(self, text: str) -> Places | None:
        """Return the words of one text and where they begin; None if it has lone surrogates."""
        words = self(text)
        starts = list(accumulate(map(len, words), initial=0))
        return Places(words, starts[:-1]) if starts[-1] == len(text) else None

    def spans(self, texts: Sequence[str]) -> "Iterator[WordSpans]":
        """Return the words of all texts."""
        from ptbert_tokenizers.quick.gpt2_spans import gpt2_spans

        return gpt2_spans(texts)

    def positions(self, texts: Sequence[str]) -> "NDArray[np.intp]":
        """Return for each byte of ``spans`` the place of its character in its text."""
        from ptbert_tokenizers.quick.gpt2_spans import gpt2_positions

        return gpt2_positions(texts)
