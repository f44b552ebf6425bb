"""Learning byte-pair merges from counted words, fast: only what a merge changes is counted again.

All words stand in one array, with ``END`` before, between and after them. A symbol has a place for
each of its characters: its number is at the first one, and at the last one, if that is another, is
the way back to the first, as a negative number. So both neighbours of a symbol are found at once.

The occurrences of each pair are in an *index*, which is not changed when occurrences go. What it
says is compared with the words, so that it needs no care. A new pair occurs only where a symbol was
made, so each merge adds one index, with all pairs that it made. The frequencies of pairs are exact
at any time. The heap has the frequency that a pair had when it was put there; as frequencies only
fall until a pair is made again, the pair at the top is looked up before it is believed.

The merges are those of ``ptbert_tokenizers.plain.learning``.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from heapq import heappop, heappush
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ptbert_tokenizers.plain.learning import Learned, Pair

END = -(2**31)
"""What stands before, between and after words."""

BLOCK = 2**24
"""Places whose pairs are sorted together at the beginning, because sorting needs memory."""

_MADE_INNER = -1  # any negative number will do inside a symbol
_HALF = 32  # a pair is one number: its left symbol, shifted by this, plus the right one
_RIGHT = 2**_HALF - 1


class CountedSymbols(NamedTuple):
    """Words as numbers of symbols.

    Args:
        places: (P,) int32, the symbols of all words, with at least one ``END`` before the first
            word, between two and after the last one. It is changed by ``fast_merges``.
        word_of: (P,) int32, the number of the word at each place.
        counts: (W,) int64, how often each word occurs.
        alphabet: the symbols by number.
    """

    places: NDArray[np.int32]
    word_of: NDArray[np.int32]
    counts: NDArray[np.int64]
    alphabet: Sequence[str]


def fast_merges(
    words: CountedSymbols,
    size: int,
    *,
    min_frequency: int = 1,
    joined: Callable[[str, str], str] = str.__add__,
    refused: Collection[str] = (),
) -> Learned:
    """Return what ``learned_merges`` returns; the arguments are described there.

    Example:
        >>> places = np.array([END, 0, 1, 2, END, 3, 0, 1, END], np.int32)
        >>> word_of = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1], np.int32)
        >>> words = CountedSymbols(places, word_of, np.array([3, 2]), ["l", "o", "w", "s"])
        >>> fast_merges(words, 6).merges
        [('l', 'o'), ('lo', 'w')]
    """
    return _Learner(words, max(min_frequency, 1), joined, frozenset(refused)).learned(size)


class _Index(NamedTuple):
    """Where pairs occur, or did: some pairs in order, and for each its places in order."""

    pairs: NDArray[np.int64]
    bounds: NDArray[np.intp]  # one more than pairs
    places: NDArray[np.int32]

    def occurrences(self, pair: int) -> NDArray[np.int32]:
        at = int(self.pairs.searchsorted(pair))
        if at == len(self.pairs) or self.pairs[at] != pair:
            return self.places[:0]
        return self.places[self.bounds[at] : self.bounds[at + 1]]


class _Learner:
    """The words while pairs are merged, the frequencies of pairs, and where they are."""

    def __init__(
        self,
        words: CountedSymbols,
        min_frequency: int,
        joined: Callable[[str, str], str],
        refused: frozenset[str],
    ) -> None:
        self._places, self._word_of, self._counts = words.places, words.word_of, words.counts
        self._symbols = list(words.alphabet)
        self._numbers = {symbol: number for number, symbol in enumerate(self._symbols)}
        self._lengths = [1] * len(self._symbols)  # in places
        self._min_frequency, self._joined, self._refused = min_frequency, joined, refused
        self._frequencies: dict[int, int] = {}
        self._heap: list[tuple[int, int]] = []  # negative frequency, pair
        self._first = list(self._first_indexes())
        self._made: dict[int, list[_Index]] = {}  # by symbol, what the merges that made it added

    def _first_indexes(self) -> Iterator[_Index]:
        """The pairs of the alphabet."""
        for start in range(0, len(self._places) - 1, BLOCK):
            lefts = self._places[start : start + BLOCK]
            rights = self._places[start + 1 : start + 1 + len(lefts)]
            at = ((lefts[: len(rights)] >= 0) & (rights >= 0)).nonzero()[0]
            pairs = _pairs(lefts.take(at), rights.take(at))
            at += start
            yield self._added(pairs, self._weights(at), at)

    def learned(self, size: int) -> Learned:
        """Merge until there are so many symbols."""
        merges: dict[Pair, None] = {}
        heap, frequencies, symbols = self._heap, self._frequencies, self._symbols
        while heap and len(symbols) < size:
            negative, pair = heappop(heap)
            frequency = frequencies.get(pair, 0)
            if frequency != -negative:
                if frequency >= self._min_frequency:
                    heappush(heap, (-frequency, pair))
                continue
            left, right = pair >> _HALF, pair & _RIGHT
            made = self._joined(symbols[left], symbols[right])
            if made in self._refused:
                continue
            merges[symbols[left], symbols[right]] = None
            self._merge(left, right, self._number(made, left, right))
        return Learned(list(merges), symbols)

    def _number(self, made: str, left: int, right: int) -> int:
        """The number of a symbol; other pairs may have made it before."""
        number = self._numbers.setdefault(made, len(self._symbols))
        if number == len(self._symbols):
            self._symbols.append(made)
            self._lengths.append(self._lengths[left] + self._lengths[right])
        return number

    def _merge(self, left: int, right: int, made: int) -> None:
        """Put a symbol in the place of a pair, in all words."""
        places, pair = self._places, left << _HALF | right
        at = self._occurrences(left, right)
        del self._frequencies[pair]
        # `after` is where the next symbol begins; `before` where the one before does.
        second = at + self._lengths[left]
        after = second + self._lengths[right]
        gap = places.take(at - 1)
        before = at - 1 + np.minimum(gap, 0, dtype=np.int64)
        has_before = gap != END
        following = places.take(after)
        # Where two occurrences are neighbours, what is between them belongs to the second one.
        touches = np.zeros(len(at) + 1, bool)
        np.equal(after[:-1], at[1:], out=touches[1:-1])
        has_after = (following != END) & ~touches[1:]
        weights = self._weights(at)

        before_at, before_weights = before[has_before], weights[has_before]
        after_symbols, after_weights = following[has_after], weights[has_after]
        self._remove(
            np.concatenate([_pairs(places.take(before_at), left), _pairs(right, after_symbols)]),
            np.concatenate([before_weights, after_weights]),
        )
        places[second] = _MADE_INNER
        places[after - 1] = 1 - self._lengths[made]
        places[at] = made
        # The symbol before may be new, too; then it begins where the occurrence before this does.
        before[touches[:-1]] = at[:-1][touches[1:-1]]
        before_at = before[has_before]
        self._made.setdefault(made, []).append(
            self._added(
                np.concatenate([_pairs(places.take(before_at), made), _pairs(made, after_symbols)]),
                np.concatenate([before_weights, after_weights]),
                np.concatenate([before_at, at[has_after]]),
            )
        )

    def _occurrences(self, left: int, right: int) -> NDArray[np.intp]:
        """Where a pair is, in order; those that overlap the one before are left out."""
        pair, places = left << _HALF | right, self._places
        of_both = self._made.get(left, []) + (self._made.get(right, []) if right != left else [])
        found = [some for index in (*self._first, *of_both) if len(some := index.occurrences(pair))]
        in_order = len(found) == 1 and left != right
        at = (found[0] if in_order else np.sort(np.concatenate(found))).astype(np.intp)
        length = self._lengths[left]
        at = at[places.take(at) == left]
        at = at[places.take(at + length) == right]
        if left == right:  # of each row of neighbours, the first, third, ... are pairs
            goes_on = at[1:] == at[:-1] + length
            numbers = np.arange(len(at))
            starts = np.where(np.concatenate([[False], goes_on]), 0, numbers)
            at = at[(numbers - np.maximum.accumulate(starts)) % 2 == 0]
        return at

    def _weights(self, at: NDArray[np.intp]) -> NDArray[np.int64]:
        """How often the words at some places occur."""
        return self._counts.take(self._word_of.take(at))

    def _remove(self, pairs: NDArray[np.int64], weights: NDArray[np.int64]) -> None:
        frequencies = self._frequencies
        different, sums = _sums(pairs, weights)[:2]
        for pair, less in zip(different.tolist(), sums.tolist(), strict=True):
            if pair in frequencies:  # not the pair that is merged, as in "aaa"
                frequencies[pair] -= less

    def _added(
        self, pairs: NDArray[np.int64], weights: NDArray[np.int64], at: NDArray[np.intp]
    ) -> _Index:
        """Count new pairs; return their index."""
        frequencies, heap, least = self._frequencies, self._heap, self._min_frequency
        different, sums, starts, order = _sums(pairs, weights)
        for pair, more in zip(different.tolist(), sums.tolist(), strict=True):
            frequencies[pair] = frequency = frequencies.get(pair, 0) + more
            if frequency >= least:
                heappush(heap, (-frequency, pair))
        return _Index(different, np.append(starts, len(order)), at.take(order).astype(np.int32))


def _pairs(lefts: Any, rights: Any) -> NDArray[np.int64]:
    """Pairs as numbers; one of the two may be one symbol."""
    if isinstance(lefts, int):
        return rights.astype(np.int64) + (lefts << _HALF)
    return (lefts.astype(np.int64) << _HALF) + rights


def _sums(
    pairs: NDArray[np.int64], weights: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.intp], NDArray[np.intp]]:
    """The different pairs in order, the sums of their weights, where each begins, and the order."""
    order = pairs.argsort(kind="stable")
    pairs = pairs.take(order)
    starts = np.flatnonzero(np.concatenate([[True], pairs[1:] != pairs[:-1]]))[: len(pairs)]
    sums = np.add.reduceat(weights.take(order), starts) if len(pairs) else weights
    return pairs.take(starts), sums, starts, order
