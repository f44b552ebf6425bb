"""The ids of words in a block, looked up together.

The ids of all known words are in one long array, the *pool*. A table of words gives the position in
the pool. So a few calls look up most words of a whole block. Only new words are handled one by one.
"""

import os
import weakref
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from threading import RLock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ptbert_tokenizers.quick.memo import Ids
from ptbert_tokenizers.quick.spans import WordSpans, listed_spans
from ptbert_tokenizers.quick.table import LONGEST, WordTable, keys_of, with_room

MOST_LEARNT = 2**17
"""Largest number of words to remember; then all of them are dropped. At most 16 MiB with ids."""

_OFFSET = 32  # a place is a position in the pool, shifted by this, plus a number of ids
_COUNT = 2**_OFFSET - 1


class BlockIds(NamedTuple):
    """The ids of a block.

    Args:
        ids: (T,) int32.
        ends: (N,) integers, where in ``ids`` the texts end.
    """

    ids: NDArray[np.int32]
    ends: NDArray[np.intp]


class _Known(NamedTuple):
    """Words and their ids; never changed, only replaced by a larger or a smaller one.

    Later objects share the arrays, and write only after the part that this one uses.
    """

    table: WordTable
    places: NDArray[np.int64]  # by number of a word; nothing for number 0
    pool: NDArray[np.int32]
    used: int  # of the pool

    def with_words(
        self, words: Sequence[bytes], ids: NDArray[np.int32], counts: NDArray[np.int64]
    ) -> "_Known":
        """Return these and more words, which differ from each other and from those here."""
        table = self.table.with_words(keys_of(listed_spans(words)))
        start, stop = len(self.table) + 1, len(table) + 1
        places = with_room(self.places, stop)
        places[start:stop] = (counts.cumsum() - counts + self.used) << _OFFSET | counts
        used = self.used + len(ids)
        pool = with_room(self.pool, used)
        pool[self.used : used] = ids
        return _Known(table, places, pool, used)

    def cut(self, words: int, used: int) -> "_Known":
        """Return the first words only, in arrays that are not shared."""
        places, pool = self.places[: words + 1].copy(), self.pool[:used].copy()
        return _Known(self.table.cut(words), places, pool, used)


class WordIds:
    """Words to ids, by a table of the words that occurred before.

    Any number of threads may call it. What a call returns depends on the table as it was when the
    call began and on the ids that the call computed itself. Learning the new words comes after
    that: one thread at a time makes a new table and publishes it by a single assignment. If another
    thread is doing this, a thread does not wait, and its new words are not remembered. So neither
    an interrupted call nor a fork during a call can make ids wrong.

    Args:
        ids_of_word: computes the ids of a word, at least one.
        ids_of_long_word: the same for words of more than 15 bytes, which are not in the table.
        known: ids of words, known from the start and never dropped.

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
        words = [word for word in known if 0 < len(word) <= LONGEST]
        ids = np.fromiter(map(known.__getitem__, words), np.int32, len(words))
        table = WordTable.of(keys_of(listed_spans([])))
        empty = _Known(table, np.zeros(1, np.int64), np.zeros(1, np.int32), 0)
        self._known = empty.with_words(words, ids, np.ones(len(words), np.int64))
        self._first_words, self._first_used = len(words), self._known.used
        self._is_clean = True  # False while a thread adds words
        self.renew_lock()
        _everywhere.add(self)

    def renew_lock(self) -> None:
        """Take a new lock, because in a forked process no thread would ever release the old one."""
        self._learning = RLock()

    def __call__(self, spans: WordSpans) -> BlockIds:
        """Return the ids of all words of a window."""
        known = self._known
        numbers = known.table.find(keys_of(spans))
        places = known.places.take(numbers)
        unknown = (numbers < 0).nonzero()[0]
        if not len(unknown):
            return _collected(known, places, spans)
        words = spans.words(unknown)
        new = list(dict.fromkeys(words))
        ids, counts = _flat([self._computed(word) for word in new])
        index_of = dict(zip(new, range(len(new)), strict=True))
        which = np.fromiter(map(index_of.__getitem__, words), np.intp, len(words))
        places[unknown] = counts.take(which)  # leaves room for ids that are not in the pool
        block = _collected(known, places, spans)
        _fill_in(block, places, unknown, ids, counts, which)
        self._learn(new, ids, counts)
        return block

    def _computed(self, word: bytes) -> Ids:
        compute = self._ids_of_word if len(word) <= LONGEST else self._ids_of_long_word
        return compute(word.decode())

    def _learn(
        self, words: Sequence[bytes], ids: NDArray[np.int32], counts: NDArray[np.int64]
    ) -> None:
        """Remember the short ones of some words, unless another thread is doing so."""
        is_short = np.fromiter((len(word) <= LONGEST for word in words), bool, len(words))
        if not is_short.any():
            return
        is_mine = False
        try:
            is_mine = self._learning.acquire(blocking=False)
            if is_mine:
                self._replace_known(words, is_short, ids, counts)
        finally:
            if is_mine:
                self._learning.release()

    def _replace_known(
        self,
        words: Sequence[bytes],
        is_short: NDArray[np.bool_],
        ids: NDArray[np.int32],
        counts: NDArray[np.int64],
    ) -> None:
        known = self._known
        if not self._is_clean:  # an earlier call was interrupted before the last line
            known = known.cut(len(known.table), known.used)
        if len(known.table) - self._first_words > MOST_LEARNT:
            known = known.cut(self._first_words, self._first_used)
        is_new = is_short & (known.table.find(keys_of(listed_spans(words))) < 0)
        new = [word for word, each in zip(words, is_new.tolist(), strict=True) if each]
        self._is_clean = False
        self._known = known.with_words(new, ids[is_new.repeat(counts)], counts[is_new])
        self._is_clean = True


def _collected(known: _Known, places: NDArray[np.int64], spans: WordSpans) -> BlockIds:
    """The ids at all places, one after the other."""
    counts = places & _COUNT
    stops = counts.cumsum()
    # The place of a word whose ids are not known yet may be beyond the end of the pool.
    ids = known.pool.take(_ranges(places >> _OFFSET, counts, stops), mode="clip")
    return BlockIds(ids, stops.take(spans.ends))


def _fill_in(
    block: BlockIds,
    places: NDArray[np.int64],
    unknown: NDArray[np.intp],
    ids: NDArray[np.int32],
    counts: NDArray[np.int64],
    which: NDArray[np.intp],
) -> None:
    """Put the ids of unknown words into a block.

    Args:
        block: is changed.
        places: of all its words.
        unknown: (U,) numbers of the words to fill in.
        ids: of different words, one after the other.
        counts: how many ids each of these has.
        which: (U,) which of them each unknown word is.
    """
    each_count = counts.take(which)
    each_stop = each_count.cumsum()
    starts = (counts.cumsum() - counts).take(which)
    targets = (places & _COUNT).cumsum().take(unknown) - each_count
    found = ids.take(_ranges(starts, each_count, each_stop))
    block.ids[_ranges(targets, each_count, each_stop)] = found


def _ranges(
    starts: NDArray[np.int64], counts: NDArray[np.int64], stops: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The numbers from each start on, as many as its count.

    Args:
        starts: (N,); is overwritten.
        counts: (N,).
        stops: (N,), the sums of the counts so far.
    """
    total = int(stops[-1]) if len(stops) else 0
    starts -= stops
    starts += counts
    numbers = starts.repeat(counts)
    numbers += np.arange(total)
    return numbers


def _flat(found: Sequence[Ids]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The ids of words one after the other, and how many each has."""
    counts = np.fromiter(map(len, found), np.int64, len(found))
    return np.fromiter(chain.from_iterable(found), np.int32, int(counts.sum())), counts


_everywhere: "weakref.WeakSet[WordIds]" = weakref.WeakSet()


def _renew_locks() -> None:
    for each in _everywhere:
        each.renew_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)
