"""A hash table that looks up thousands of short words in a few calls.

The key of a word of up to 15 bytes is two 64-bit numbers: its bytes, filled up with zeros, and its
length. They are read directly from the text. Words are equal if their keys are equal. The table
uses open addressing with linear probing: the hash of a word gives its first slot, and if another
word is there, the next slot is tried. Each step is done for all words at once.
"""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ptbert_tokenizers.quick.spans import WordSpans

LONGEST = 15
"""Bytes of the longest word that has a key; the last byte of the key is the length."""

Keys = tuple[NDArray[np.uint64], NDArray[np.uint64]]

# By length: the bytes that belong to the word, in the first eight and in the next eight.
_FIRST = np.array([2 ** (8 * min(n, 8)) - 1 for n in range(LONGEST + 2)], "<u8")
_NEXT = np.array([2 ** (8 * max(n - 8, 0)) - 1 for n in range(LONGEST + 1)] + [0], "<u8")
_LENGTH_SHIFT = np.uint64(56)

# Odd numbers with irregular bits, so that each byte of a word changes the product's upper bits.
_FACTORS = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD1342543DE82EF95)

_FEWEST_SLOTS = 2**10
_SLOTS_PER_WORD = 8  # at least, so that nearly every search is short


def keys_of(spans: WordSpans) -> Keys:
    """Return the keys of words: two (W,) arrays, both 0 for an empty word.

    The keys of words longer than ``LONGEST`` are meaningless.
    """
    # The eight bytes from each position on; copied, because they are read in no order.
    size = len(spans.block) - 7
    eight = np.ndarray((size,), "<u8", spans.block, strides=(1,)).copy()
    lengths = np.minimum(spans.lengths, LONGEST + 1)
    first = eight.take(spans.starts)
    first &= _FIRST.take(lengths)
    following = lengths.astype(np.uint64)
    following <<= _LENGTH_SHIFT
    over_eight = (lengths > 8).nonzero()[0]
    rest = eight.take(spans.starts.take(over_eight) + 8)
    rest &= _NEXT.take(lengths.take(over_eight))
    following[over_eight] |= rest
    return first, following


class WordTable:
    """Numbers for short words: 1 for the first word added, 2 for the next one.

    Number 0 is the empty word, which stands for the ends of texts. Empty slots hold 0, too.

    The answers of a table never change: adding words makes a new table. To save time, the new table
    shares arrays with the old one, writes after the old entries, and puts its numbers into the same
    slots. Therefore a table treats a slot as empty if its number is higher than the table's own
    numbers. Any number of threads may read while words are added. Only one thread may add, and only
    to the newest table.

    Example:
        >>> from ptbert_tokenizers.quick.spans import listed_spans
        >>> table = WordTable.of(keys_of(listed_spans([b"to", b"be"])))
        >>> table.find(keys_of(listed_spans([b"be", b"or", b"to"]))).tolist()
        [2, -1, 1]
    """

    def __init__(
        self,
        first: NDArray[np.uint64],
        following: NDArray[np.uint64],
        count: int,
        slots: NDArray[np.int32],
        start: int = 1,
    ) -> None:
        self._first = first  # halves of the keys, by number
        self._next = following
        self._count = count  # numbers in use, 0 included
        self._slots = slots  # the number of a word, 0 if empty
        self._place(start)  # the words before already have slots

    @classmethod
    def of(cls, keys: Keys) -> Self:
        """Return a table of words that differ from each other."""
        empty = np.zeros(1, np.uint64)
        return cls(empty, empty, 1, np.zeros(_FEWEST_SLOTS, np.int32)).with_words(keys)

    def __len__(self) -> int:
        """How many words have numbers."""
        return self._count - 1

    @property
    def nbytes(self) -> int:
        """Bytes in use."""
        return self._first.nbytes + self._next.nbytes + self._slots.nbytes

    def find(self, keys: Keys) -> NDArray[np.int32]:
        """Return the numbers of words, -1 for those not known.

        Args:
            keys: two (W,) arrays.

        Returns:
            (W,) numbers.
        """
        first, following = keys
        slots = self._home(keys)
        numbers = self._numbers_in(slots)
        differs = self._first.take(numbers) != first
        differs |= self._next.take(numbers) != following
        # If the slot has another word, try the next slot; if it is empty, the word is not known.
        seeking = differs.nonzero()[0]
        while len(seeking):
            met = numbers.take(seeking)
            numbers[seeking[met == 0]] = -1
            seeking = seeking[met != 0]
            slots[seeking] = further = self._one_further(slots.take(seeking))
            numbers[seeking] = met = self._numbers_in(further)
            differs = self._first.take(met) != first.take(seeking)
            differs |= self._next.take(met) != following.take(seeking)
            seeking = seeking[differs]
        return numbers

    def _numbers_in(self, slots: NDArray[np.intp]) -> NDArray[np.int32]:
        """The numbers in slots; 0 for those of newer tables."""
        numbers = self._slots.take(slots)
        if numbers.max(initial=0) >= self._count:
            numbers[numbers >= self._count] = 0
        return numbers

    def with_words(self, keys: Keys) -> Self:
        """Return a table with more words, which must differ from each other and from those here."""
        first, following = keys
        stop = self._count + len(first)
        firsts, nexts = with_room(self._first, stop), with_room(self._next, stop)
        firsts[self._count : stop] = first
        nexts[self._count : stop] = following
        size = len(self._slots)
        while _SLOTS_PER_WORD * stop > size:
            size *= 2
        if size == len(self._slots):
            slots, start = self._slots, self._count
        else:
            slots, start = np.zeros(size, np.int32), 1
        return type(self)(firsts, nexts, stop, slots, start)

    def cut(self, words: int) -> Self:
        """Return a table of the first words only, which shares nothing with this one.

        Args:
            words: how many to keep.
        """
        keys = self._first[1 : words + 1].copy(), self._next[1 : words + 1].copy()
        return self.of(keys)

    def _place(self, start: int) -> None:
        """Put the words from number ``start`` on into slots."""
        numbers = np.arange(start, self._count, dtype=np.int32)
        slots = self._home((self._first[start : self._count], self._next[start : self._count]))
        while len(numbers):
            free = self._slots.take(slots) == 0
            # If several words want one slot, the last to write gets it. Words that were added
            # early are the most frequent ones, so they write last.
            self._slots[slots[free][::-1]] = numbers[free][::-1]
            homeless = self._slots.take(slots) != numbers
            numbers, slots = numbers[homeless], self._one_further(slots[homeless])

    def _home(self, keys: Keys) -> NDArray[np.intp]:
        """The first slot to look at."""
        mixed = keys[1] * _FACTORS[1]
        mixed ^= keys[0]
        mixed *= _FACTORS[0]
        mixed >>= np.uint64(64 - (len(self._slots).bit_length() - 1))
        return mixed.view(np.int64)

    def _one_further(self, slots: NDArray[np.intp]) -> NDArray[np.intp]:
        return (slots + 1) & (len(self._slots) - 1)


def with_room(array: NDArray[Any], length: int) -> NDArray[Any]:
    """Return the array, or if it is shorter than ``length``, a longer copy (by half at least)."""
    if length <= len(array):
        return array
    longer = np.zeros(max(length, len(array) * 3 // 2), array.dtype)
    longer[: len(array)] = array
    return longer
