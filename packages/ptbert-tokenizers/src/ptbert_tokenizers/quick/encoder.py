"""Text to ids by remembering words: the ids of a word are computed once and looked up afterwards.

An encoder is made for the current state of a tokenizer's parts. When they change, a new one is
made. Its results must equal those of the tokenizer's plain path. A tokenizer with replaced parts
has no quick encoder.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Protocol

from ptbert_tokenizers.batches.flat import FlatIds, blocks
from ptbert_tokenizers.quick.memo import WORDS_LIMIT, Ids, Memo

if TYPE_CHECKING:
    from ptbert_tokenizers.quick.ids import BlockIds, WordIds
    from ptbert_tokenizers.quick.spans import WordSpans

_BLOCK = 2**16  # characters handled together; they fit into the processor's cache
_LONG = 2**20  # characters; the words of a longer text are not made into a list


class WordMaker(Protocol):
    """Cuts texts into the words whose ids are remembered."""

    def __call__(self, text: str) -> Sequence[str]:
        """Return the words of one text."""

    def spans(self, texts: Sequence[str]) -> "Iterator[WordSpans] | None":
        """Return the words of all texts, part by part; None if one text must be handled alone."""


class SpacedWords:
    """Words that spaces separate.

    Example:
        >>> SpacedWords()("one two")
        ['one', 'two']
    """

    def __call__(self, text: str) -> list[str]:
        """Return the words of one text."""
        return text.split()

    def spans(self, texts: Sequence[str]) -> None:
        """Return None, so that texts are split one by one; this setting is rare."""


class QuickEncoder:
    """Text to ids by remembered words.

    Args:
        words: cuts texts into words.
        ids_of_word: computes the ids of a word.
        known: ids of words, known from the start.
        whole_words: called when batches first need it; returns words, as UTF-8, with one id each.
        tokens: token of each id; None if two tokens have the same id.
        ambiguous: an id that several tokens share, if there is one.
    """

    def __init__(
        self,
        words: WordMaker,
        ids_of_word: Callable[[str], Ids],
        known: Mapping[str, Ids],
        whole_words: Callable[[], Mapping[bytes, int]],
        tokens: Mapping[int, str] | None,
        ambiguous: int | None = None,
    ) -> None:
        self.memo = Memo(WORDS_LIMIT, ids_of_word, known)
        self._words = words
        self._ids_of_word = ids_of_word
        self._whole_words = whole_words
        self._tokens = tokens
        self._ambiguous = ambiguous
        self._words_of_batches: WordIds | None = None

    def ids(self, text: str) -> list[int]:
        """Return the ids of a text."""
        return self.flat([text]).ids.tolist() if len(text) > _LONG else self._ids_alone(text)

    def _ids_alone(self, text: str) -> list[int]:
        return list(chain.from_iterable(map(self.memo.__getitem__, self._words(text))))

    def tokens(self, text: str) -> list[str] | None:
        """Return the tokens of a text, or None if they do not follow from its ids."""
        if self._tokens is None:
            return None
        ids = self.ids(text)
        if self._ambiguous is not None and self._ambiguous in ids:
            return None
        return list(map(self._tokens.__getitem__, ids))

    def flat(self, texts: Sequence[str]) -> FlatIds:
        """Return the ids of many texts, end to end."""
        import numpy as np

        parts = [part for block in blocks(texts, _BLOCK) for part in self._parts(block)]
        bounds = np.zeros(len(texts) + 1, np.int64)
        before = done = 0
        for ids, ends in parts:
            bounds[done + 1 : done + 1 + len(ends)] = ends + before
            before, done = before + len(ids), done + len(ends)
        if len(parts) == 1:
            return FlatIds(parts[0].ids, bounds)
        return FlatIds(np.concatenate([np.empty(0, np.int32), *(ids for ids, _ in parts)]), bounds)

    def _parts(self, texts: Sequence[str]) -> "Iterator[BlockIds]":
        """The ids of a block of texts, part by part; an exception is a part by itself."""
        import numpy as np

        from ptbert_tokenizers.quick.ids import BlockIds

        windows = self._words.spans(texts)
        if windows is not None:
            yield from map(self._word_ids(), windows)
        elif len(texts) > 1:  # halve the list until the exception is alone
            middle = len(texts) // 2
            yield from self._parts(texts[:middle])
            yield from self._parts(texts[middle:])
        else:
            ids = np.array(self._ids_alone(texts[0]), np.int32)
            yield BlockIds(ids, np.array([len(ids)]))

    def _word_ids(self) -> "WordIds":
        """The ids of words in batches; made when first needed, because that is slow."""
        if self._words_of_batches is None:
            from ptbert_tokenizers.quick.ids import WordIds

            self._words_of_batches = WordIds(
                self._ids_of_word, self.memo.__getitem__, self._whole_words()
            )
        return self._words_of_batches


def are_ids(numbers: Collection[int]) -> bool:
    """Tell whether all numbers are valid ids: non-negative integers that fit into int32."""
    found = list(numbers)  # the dictionary is slow to go through, and large ones have a million
    if {*map(type, found)} - {int}:
        return False
    return not found or (min(found) >= 0 and max(found) < 2**31)
