"""The ids of words in a block, looked up together.

A word's ids stand in one long array, the *pool*, and a table of words says where: most words are
found with a handful of calls for a whole block. Only words that never came before are looked at
one by one.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ptbert_tokenizers.quick.memo import Ids
from ptbert_tokenizers.quick.spans import WordSpans, listed_spans
from ptbert_tokenizers.quick.table import LONGEST, WordTable, keys_of, with_room

MOST_LEARNT = 2**17
"""Words to learn before all that was learnt is forgotten; at most 16 MiB with their ids."""

_OFFSET = 32  # bits of a place: where ids begin in the pool, above how many they are
_COUNT = 2**_OFFSET - 1


class BlockIds(NamedTuple):
    """The ids of a block.

    Args:
        ids: (T,) int32.
        ends: (N,) integers, where in ``ids`` the texts end.
    """

    ids: NDArray[np.int32]
    ends: NDArray[np.intp]


class WordIds:
    """Words to ids, by a table of those that came before.

    Args:
        ids_of_word: computes the ids of a word, at least one.
        ids_of_long_word: the same for words of more than 15 bytes, which are not in the table.
        known: words with their ids that need no computing and are never forgotten.

    Example:
        >>> ids = WordIds(lambda word: tuple(map(ord, word)), lambda word: (0,), {b"be": 7})
        >>> ids(listed_spans([b"to", b"be"])).ids.tolist()
        [116, 111, 7]
    """

    def __init__(
        self,
        ids_of_word: Callable[[str], Ids],
        ids_of_long_word: Callable[[str], Ids],
        known: Mapping[bytes, int],
    ) -> None:
        self._ids_of_word = ids_of_word
        self._ids_of_long_word = ids_of_long_word
        self._table = WordTable()
        self._places = np.zeros(2**10, np.int64)  # by number of a word; nothing for number 0
        self._pool = np.zeros(2**10, np.int32)
        self._used = 0  # of the pool
        words = [word for word in known if 0 < len(word) <= LONGEST]
        ids = np.fromiter(map(known.__getitem__, words), np.int32, len(words))
        self._learn(words, ids, np.ones(len(words), np.int64))
        self._known, self._used_by_known = len(words), self._used

    def __call__(self, spans: WordSpans) -> BlockIds:
        """Return the ids of all words of a window."""
        if len(self._table) - self._known > MOST_LEARNT:
            self._table.keep(self._known)
            self._used = self._used_by_known
        numbers = self._table.find(keys_of(spans))
        unknown = (numbers < 0).nonzero()[0]
        is_long = spans.lengths.take(unknown) > LONGEST
        new, long = unknown[~is_long], unknown[is_long]
        if len(new):
            numbers[new] = self._learnt(spans.words(new))
        places = self._places.take(numbers)
        if len(long):
            places[long] = self._places_of_long(spans.words(long))
        counts = places & _COUNT
        stops = counts.cumsum()
        return BlockIds(self._collected(places >> _OFFSET, counts, stops), stops.take(spans.ends))

    def _collected(
        self, offsets: NDArray[np.int64], counts: NDArray[np.int64], stops: NDArray[np.int64]
    ) -> NDArray[np.int32]:
        """The ids from ``offsets`` in the pool, ``counts`` each, ending at ``stops`` here."""
        total = int(stops[-1]) if len(stops) else 0
        offsets -= stops
        offsets += counts
        sources = offsets.repeat(counts)
        sources += np.arange(total)
        return self._pool.take(sources)

    def _learnt(self, words: Sequence[bytes]) -> NDArray[np.intp]:
        """The numbers of words that are new, and may come several times here."""
        new = list(dict.fromkeys(words))
        numbers = dict(zip(new, range(len(self._table) + 1, sys.maxsize), strict=False))
        self._learn(new, *_flat([self._ids_of_word(word.decode()) for word in new]))
        return np.fromiter(map(numbers.__getitem__, words), np.intp, len(words))

    def _learn(
        self, words: Sequence[bytes], ids: NDArray[np.int32], counts: NDArray[np.int64]
    ) -> None:
        """Add words that differ from each other; their ids are one after the other."""
        self._table.add(keys_of(listed_spans(words)))
        stop = len(self._table) + 1
        self._places = with_room(self._places, stop)
        self._places[stop - len(words) : stop] = self._pooled(ids, counts)
        self._used += len(ids)

    def _places_of_long(self, words: Sequence[bytes]) -> NDArray[np.int64]:
        """The places of words that have no number, good until the next are learnt."""
        distinct = list(dict.fromkeys(words))
        ids, counts = _flat([self._ids_of_long_word(word.decode()) for word in distinct])
        places = dict(zip(distinct, self._pooled(ids, counts).tolist(), strict=True))
        return np.fromiter(map(places.__getitem__, words), np.int64, len(words))

    def _pooled(self, ids: NDArray[np.int32], counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Write ids into the pool behind what is in use, and return their places."""
        stop = self._used + len(ids)
        self._pool = with_room(self._pool, stop)
        self._pool[self._used : stop] = ids
        return (counts.cumsum() - counts + self._used) << _OFFSET | counts


def _flat(found: Sequence[Ids]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The ids of words one after the other, and how many each has."""
    counts = np.fromiter(map(len, found), np.int64, len(found))
    return np.fromiter(chain.from_iterable(found), np.int32, int(counts.sum())), counts
