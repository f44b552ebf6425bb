"""Ids of many texts at once: remembered words, joined in C.

An encoder here is made for one state of one tokenizer, and knows its words in a
:class:`~ptbert_tokenizers.memo.Memo`. The tokenizer's plain path is the definition of what it
returns; a tokenizer whose parts were replaced has no quick encoder.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ptbert_tokenizers.memo import Ids, Memo

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BLOCK = 2**20  # characters of text to handle at a time
_BETWEEN_TEXTS = -1  # stands among the ids where a text ends


class FlatIds(NamedTuple):
    """The ids of several texts, end to end.

    Args:
        ids: (T,) int32, all ids.
        bounds: (N + 1,) int64; text ``i`` has ``ids[bounds[i]:bounds[i + 1]]``.
    """

    ids: "NDArray[np.int32]"
    bounds: "NDArray[np.int64]"


class WordMaker(Protocol):
    """Cuts texts into the words whose ids are remembered."""

    separator: str

    def __call__(self, text: str) -> Sequence[str]:
        """Return the words of one text."""

    def of_many(self, texts: Sequence[str]) -> Iterator[Sequence[str]]:
        """Yield the words of all texts in lists of bounded size, ``separator`` after each text."""


class SpacedWords:
    """Words that spaces separate.

    Example:
        >>> list(SpacedWords().of_many(["one two", "three"]))
        [['one', 'two', ''], ['three', '']]
    """

    separator = ""
    """Stands as a word between texts; no word is empty."""

    def __call__(self, text: str) -> list[str]:
        """Return the words of one text."""
        return text.split()

    def of_many(self, texts: Sequence[str]) -> Iterator[list[str]]:
        """Yield the words of each text, and ``separator`` after them."""
        for text in texts:
            yield [*text.split(), self.separator]


class QuickEncoder:
    """Text to ids by remembered words.

    Args:
        words: cuts texts into words.
        ids_of_word: computes the ids of a word.
        known: words with their ids that need no computing.
        tokens: token of each id; None if ids do not tell tokens apart.
        ambiguous: an id that stands for different tokens, if there is one.
    """

    def __init__(
        self,
        words: WordMaker,
        ids_of_word: Callable[[str], Ids],
        known: Mapping[str, Ids],
        tokens: Mapping[int, str] | None,
        ambiguous: int | None = None,
    ) -> None:
        self.memo = Memo(ids_of_word, {**known, words.separator: (_BETWEEN_TEXTS,)})
        self._words = words
        self._tokens = tokens
        self._ambiguous = ambiguous

    def ids(self, text: str) -> list[int]:
        """Return the ids of a text."""
        if len(text) <= _BLOCK:
            return list(self._found(self._words(text)))
        lists = map(self._found, self._words.of_many([text]))
        return list(chain.from_iterable(lists))[:-1]

    def _found(self, words: Sequence[str]) -> Iterator[int]:
        return chain.from_iterable(map(self.memo.__getitem__, words))

    def tokens(self, text: str) -> list[str] | None:
        """Return the tokens of a text, or None where its ids do not tell them."""
        if self._tokens is None:
            return None
        ids = self.ids(text)
        if self._ambiguous is not None and self._ambiguous in ids:
            return None
        return list(map(self._tokens.__getitem__, ids))

    def flat(self, texts: Sequence[str]) -> FlatIds:
        """Return the ids of many texts, end to end."""
        import numpy as np

        parts = [
            np.fromiter(self._found(words), np.int32)
            for block in blocks(texts)
            for words in self._words.of_many(block)
        ]
        marked = np.concatenate(parts) if parts else np.empty(0, np.int32)
        ends = np.flatnonzero(marked == _BETWEEN_TEXTS)
        bounds = np.zeros(len(ends) + 1, np.int64)
        bounds[1:] = ends - np.arange(len(ends))
        return FlatIds(marked[marked != _BETWEEN_TEXTS], bounds)


def blocks(texts: Sequence[str], size: int = _BLOCK) -> Iterator[Sequence[str]]:
    """Cut a list of texts into lists of about ``size`` characters.

    Example:
        >>> list(blocks(["ab", "c", "def"], 3))
        [['ab', 'c'], ['def']]
    """
    start = total = 0
    for position, text in enumerate(texts):
        if total and total + len(text) > size:
            yield texts[start:position]
            start, total = position, 0
        total += len(text)
    if start < len(texts):
        yield texts[start:]


def are_ids(numbers: Collection[int]) -> bool:
    """Tell whether numbers can stand in an array of int32 among the marks between texts."""
    return all(type(number) is int and 0 <= number < 2**31 for number in numbers)
