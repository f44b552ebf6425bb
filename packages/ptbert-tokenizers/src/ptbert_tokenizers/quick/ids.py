"""The ids of words in a block, looked up together.

The ids of all known words are in one long array, the *pool*. A table of words gives the position in
the pool. So a few calls look up most words of a whole block. Only new words are handled one by one.
"""

import os
import weakref
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from threading import RLock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ptbert_tokenizers.batches.flat import positions
from ptbert_tokenizers.quick.memo import Ids
from ptbert_tokenizers.quick.spans import WordSpans, listed_spans
from ptbert_tokenizers.quick.table import LONGEST, Keys, WordTable, keys_of, with_room

MOST_LEARNT = 2**17
"""Largest number of words to remember; then all of them are dropped. At most 16 MiB with ids."""

_OFFSET = 32  # a place is a position in the pool, shifted by this, plus a number of ids
_COUNT = 2**_OFFSET - 1


class BlockIds(NamedTuple):
    """The ids of a block.

    Args:
        ids: (T,) int32.
        ends: (N,) integers, where in ``ids`` the texts end.
        stops: (W,) integers, where in ``ids`` the words end; empty if words are not known.
        spans: (T, 2), the characters of its text that each token comes from; None if not needed.
    """

    ids: NDArray[np.int32]
    ends: NDArray[np.intp]
    stops: NDArray[np.intp]
    spans: NDArray[np.int64] | None = None


class SomeIds(NamedTuple):
    """The ids of some of a list of words.

    Args:
        which: (W,) the numbers of these words.
        ids: int32, the ids of one word after the other.
        counts: (W,) how many ids each has, at least one.
    """

    which: NDArray[np.intp]
    ids: NDArray[np.int32]
    counts: NDArray[np.int64]


Together = Callable[[Sequence[bytes]], Iterable[SomeIds]]
"""From different words to the ids of those that are quicker to do together."""


class KnownWords(NamedTuple):
    """Words that have one id each.

    Args:
        spans: (W,) words; empty and long ones are left out, and all others are different.
        ids: (W,) their ids.
    """

    spans: WordSpans
    ids: NDArray[np.int32]


NO_WORDS = KnownWords(listed_spans([]), np.empty(0, np.int32))


class _Known(NamedTuple):
    """Words and their ids; never changed, only replaced by a larger or a smaller one.

    Later objects share the arrays, and write only after the part that this one uses.
    """

    table: WordTable
    places: NDArray[np.int64]  # by number of a word; nothing for number 0
    pool: NDArray[np.int32]
    used: int  # of the pool

    def with_words(self, keys: Keys, ids: NDArray[np.int32], counts: NDArray[np.int64]) -> "_Known":
        """Return these and more words, which differ from each other and from those here."""
        table = self.table.with_words(keys)
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
        known: words with their ids, known from the start and never dropped.
        together: is given the words that are not known, before they are done one by one.

    Example:
        >>> known = KnownWords(listed_spans([b"be"]), np.array([7], np.int32))
        >>> ids = WordIds(lambda word: tuple(map(ord, word)), lambda word: (0,), known)
        >>> ids(listed_spans([b"to", b"be"])).ids.tolist()
        [116, 111, 7]
    """

    def __init__(
        self,
        ids_of_word: Callable[[str], Ids],
        ids_of_long_word: Callable[[str], Ids],
        known: KnownWords,
        together: Together | None = None,
    ) -> None:
        self._together = together
        self._ids_of_word = ids_of_word
        self._ids_of_long_word = ids_of_long_word
        lengths = known.spans.lengths
        chosen = ((lengths > 0) & (lengths <= LONGEST)).nonzero()[0]
        first, following = keys_of(known.spans)
        table = WordTable.of(keys_of(NO_WORDS.spans))
        self._known = _Known(table, np.zeros(1, np.int64), np.zeros(1, np.int32), 0).with_words(
            (first.take(chosen), following.take(chosen)),
            known.ids.take(chosen),
            np.ones(len(chosen), np.int64),
        )
        self._first_words, self._first_used = len(chosen), self._known.used
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
        computed = self._compute(spans.words(unknown)) if len(unknown) else None
        if computed is not None:
            places[unknown] = computed.counts.take(computed.which)  # room for ids to be filled in
        counts = places & _COUNT
        places >>= _OFFSET
        stops = counts.cumsum()
        # Where room was left, the place may be beyond the end of the pool.
        ids = known.pool.take(_ranges(places, counts, stops), mode="clip")
        if computed is not None:
            computed.fill_in(ids, stops.take(unknown))
            if (spans.lengths.take(unknown) <= LONGEST).any():
                self._learn(computed)
        return BlockIds(ids, stops.take(spans.ends), stops)

    def _compute(self, words: Sequence[bytes]) -> "_Computed":
        """The ids of words that are not known, and may come several times here."""
        distinct = list(dict.fromkeys(words))
        ids, counts = self._ids_of(distinct)
        number_of = dict(zip(distinct, range(len(distinct)), strict=True))
        which = np.fromiter(map(number_of.__getitem__, words), np.intp, len(words))
        return _Computed(distinct, ids, counts, which)

    def _ids_of(self, words: Sequence[bytes]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """The ids of different words, end to end, and how many each has."""
        done = [] if self._together is None else list(self._together(words))
        if not done:
            return self._one_by_one(words)
        counts = np.zeros(len(words), np.int64)
        for some in done:
            counts[some.which] = some.counts
        others = (counts == 0).nonzero()[0]
        done.append(SomeIds(others, *self._one_by_one([words[each] for each in others.tolist()])))
        counts[others] = done[-1].counts
        starts = counts.cumsum() - counts
        ids = np.empty(int(counts.sum()), np.int32)
        for some in done:
            ids[positions(starts.take(some.which), some.counts)] = some.ids
        return ids, counts

    def _one_by_one(self, words: Sequence[bytes]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        short, long = self._ids_of_word, self._ids_of_long_word
        found = [(short if len(word) <= LONGEST else long)(word.decode()) for word in words]
        counts = np.fromiter(map(len, found), np.int64, len(found))
        return np.fromiter(chain.from_iterable(found), np.int32, int(counts.sum())), counts

    def _learn(self, computed: "_Computed") -> None:
        """Remember the short words, unless another thread is doing so."""
        is_mine = False
        try:
            is_mine = self._learning.acquire(blocking=False)
            if is_mine:
                self._replace_known(computed)
        finally:
            if is_mine:
                self._learning.release()

    def _replace_known(self, computed: "_Computed") -> None:
        known, words, counts = self._known, computed.words, computed.counts
        if not self._is_clean:  # an earlier call was interrupted before the last line
            known = known.cut(len(known.table), known.used)
        if len(known.table) - self._first_words > MOST_LEARNT:
            known = known.cut(self._first_words, self._first_used)
        spans = listed_spans(words)
        first, following = keys_of(spans)
        is_new = (known.table.find((first, following)) < 0) & (spans.lengths <= LONGEST)
        keys = first[is_new], following[is_new]
        self._is_clean = False
        self._known = known.with_words(keys, computed.ids[is_new.repeat(counts)], counts[is_new])
        self._is_clean = True


class _Computed(NamedTuple):
    """The ids of unknown words of a window.

    Args:
        words: (D) different words.
        ids: their ids, one word after the other.
        counts: (D,) how many ids each has.
        which: (U,) for each unknown word of the window, which of the different ones it is.
    """

    words: list[bytes]
    ids: NDArray[np.int32]
    counts: NDArray[np.int64]
    which: NDArray[np.intp]

    def fill_in(self, ids: NDArray[np.int32], stops: NDArray[np.int64]) -> None:
        """Put the ids into those of the window, where room was left.

        Args:
            ids: of the window; is changed.
            stops: (U,) where the ids of each unknown word end.
        """
        counts = self.counts.take(self.which)
        ends = counts.cumsum()
        starts = (self.counts.cumsum() - self.counts).take(self.which)
        found = self.ids.take(_ranges(starts, counts, ends))
        ids[_ranges(stops - counts, counts, ends)] = found


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


_everywhere: "weakref.WeakSet[WordIds]" = weakref.WeakSet()


def _renew_locks() -> None:
    for each in _everywhere:
        each.renew_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)
