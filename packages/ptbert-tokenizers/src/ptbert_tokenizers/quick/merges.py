"""Byte-pair merges on numbers, which are faster than merges of strings.

The pieces are those that ``ptbert_tokenizers.plain.bpe.merged`` gives.

Every symbol (a character, or the result of a merge) has a number. A table gives the merge of two
neighbouring symbols by their numbers, so no pairs of strings are built. In a short word the best
merge is searched again after each merge. In a long word a heap keeps the merges in order. The heap
is also used if the merges are unusual: if one of them needs the result of a later one, or if two of
them have the same result.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from heapq import heapify, heappop, heappush
from itertools import accumulate, chain, islice, pairwise, repeat
from operator import lt
from typing import NamedTuple

from ptbert_tokenizers.plain.bpe import LONG_WORD, Ranks
from ptbert_tokenizers.quick.matching import Matcher, Pairs

_NEVER = 2**32  # a merge after all others


class MergeTable:
    """Merges, ready to be applied to many words.

    Args:
        ranks: rank of each merge, all different.
        end: the ending that is added to a word's last character, such as ``</w>``.

    Example:
        >>> table = MergeTable({("l", "o"): 0, ("lo", "w"): 1, ("e", "r"): 2})
        >>> table.pieces("lower")
        ['low', 'er']
        >>> ids = table.ids({"low": 7, "er": 8})
        >>> [ids[number] for number in table.merge("lower")]
        [7, 8]
    """

    def __init__(self, ranks: Ranks, end: str = "") -> None:
        self._end = end
        import numpy as np

        # Merges are numbered too, by rank. A symbol has the number of the first merge that makes
        # it. The lower numbers are those of the characters that occur in merges.
        pairs, are_distinct = _ordered(ranks)
        lefts, rights = [left for left, _ in pairs], [right for _, right in pairs]
        wholes = list(map("".join, pairs))
        parts = {part for part in chain(lefts, rights) if len(part) <= 1 + len(end)}
        characters = [part for part in parts if self._is_character(part)]
        self._strange = len(characters)  # the number of all characters that occur in no merge
        self._first_merge = first = self._strange + 1
        self._size = first + len(wholes)  # of all numbers
        merges = range(first, self._size)
        numbers = dict(zip(characters, range(self._strange), strict=True))
        self._characters = _Numbers(self._strange, numbers)
        numbers.update(zip(wholes, merges, strict=True))
        makes_new = len(numbers) == len(characters) + len(wholes)  # each merge another symbol
        if not makes_new:
            numbers = dict(self._characters)
            for merge, whole in zip(merges, wholes, strict=True):
                numbers.setdefault(whole, merge)
        self._numbers, self._symbols = numbers, [*characters, "", *wholes]
        # By the number of a merge: the symbols it joins, -1 for one that never occurs, and what it
        # makes of them. Below are the characters.
        left = np.fromiter(map(numbers.get, lefts, repeat(-1)), np.int64, len(wholes))
        right = np.fromiter(map(numbers.get, rights, repeat(-1)), np.int64, len(wholes))
        below = np.zeros(first, np.int64)
        self._left, self._right = np.append(below, left).tolist(), np.append(below, right).tolist()
        self._made = [*range(first), *(merges if makes_new else map(numbers.__getitem__, wholes))]
        occur = (left >= 0) & (right >= 0)
        self._occurring = occur.nonzero()[0]
        earlier = np.arange(first, self._size) > np.maximum(left, right)
        self._is_regular = are_distinct and makes_new and bool((occur & earlier).all())
        """Whether each merge makes a new symbol from characters and results of earlier merges."""
        self._matcher: Matcher | None = None  # made when first needed, as are the others
        self._whole: dict[str, int] | None = None
        self._lengths: list[int] | None = None  # of symbols, in characters

    @cached_property
    def _merge_of(self) -> Mapping[int, int]:
        """The merge of each pair: left symbol times the number of symbols plus right symbol."""
        lefts, rights, size = self._left, self._right, self._size
        merges = (self._occurring + self._first_merge).tolist()
        return {lefts[merge] * size + rights[merge]: merge for merge in merges}

    @cached_property
    def _after(self) -> Sequence[dict[int, int]]:
        """The same by left symbol, then by right symbol, which is sooner found for many merges."""
        after: list[dict[int, int]] = [_NO_MERGES] * self._size
        lefts, rights = self._left, self._right
        for merge in (self._occurring + self._first_merge).tolist():
            left = lefts[merge]
            if after[left] is _NO_MERGES:
                after[left] = {}
            after[left][rights[merge]] = merge
        return after

    def _is_character(self, symbol: str) -> bool:
        """Whether this is a single symbol before any merge."""
        return len(symbol) == 1 or (len(symbol) == 1 + len(self._end) and symbol[1:] == self._end)

    def merge(self, word: str) -> list[int]:
        """Return the numbers of the pieces of a word that is not empty.

        All characters that occur in no merge have the same number.
        """
        matcher = self._matcher or self._new_matcher()
        found = None if matcher is None else matcher(word)
        return self._merged(word) if found is None else found

    @property
    def pairs(self) -> Pairs | None:
        """Whether two symbols fit; None if words are not matched, but merged."""
        matcher = self._matcher or self._new_matcher()
        return None if matcher is None else matcher.pairs

    @property
    def _is_matched(self) -> bool:
        """Whether symbols that fit are looked for, instead of merging."""
        return self._is_regular and not self._end

    def _new_matcher(self) -> Matcher | None:
        if self._is_matched:
            lefts, rights = self._left, self._right
            seams = _Seams(self._merge_of, self._size, self._first_merge, lefts, rights)
            self._matcher = Matcher(self._whole_symbols(), self._strange, seams.hold)
        return self._matcher

    def _merged(self, word: str) -> list[int]:
        symbols = list(map(self._characters.__getitem__, word))
        if self._end:
            symbols[-1] = self._characters[word[-1] + self._end]
        if len(symbols) > LONG_WORD or not self._is_regular:
            return self._merge_by_heap(symbols)
        after = self._after
        merges = [after[left].get(right, _NEVER) for left, right in pairwise(symbols)]
        while merges:
            best = min(merges)
            if best == _NEVER:
                break
            place = merges.index(best)
            symbols[place] = best  # a merge and its result have the same number
            del symbols[place + 1], merges[place]
            if place:
                merges[place - 1] = after[symbols[place - 1]].get(best, _NEVER)
            if place < len(merges):
                merges[place] = after[best].get(symbols[place + 1], _NEVER)
        return symbols

    def _merge_by_heap(self, symbols: list[int]) -> list[int]:
        """Merge a word of n characters in n log n steps, whatever the merges are."""
        after, size = self._after, len(symbols)
        following, preceding = [*range(1, size + 1)], [*range(-1, size - 1)]
        # One integer for each merge that may happen: its number first, then its place.
        heap = [
            merge * size + place
            for place, (left, right) in enumerate(pairwise(symbols))
            if (merge := after[left].get(right)) is not None
        ]
        heapify(heap)
        while heap:
            best = heap[0] // size
            new: list[int] = []
            while heap and heap[0] // size == best:  # all of them, from left to right
                place = heappop(heap) % size
                gone = following[place]
                if gone == size or after[symbols[place]].get(symbols[gone]) != best:
                    continue  # one of the two was merged in the meantime
                symbols[place], symbols[gone] = self._made[best], self._strange
                following[place] = following[gone]
                if following[place] < size:
                    preceding[following[place]] = place
                for left in (preceding[place], place):
                    right = following[left] if left >= 0 else size
                    if right < size:
                        merge = after[symbols[left]].get(symbols[right])
                        if merge is not None:
                            new.append(merge * size + left)
            for each in new:
                heappush(heap, each)
        place, merged = 0, []
        while place < size:
            merged.append(symbols[place])
            place = following[place]
        return merged

    def pieces(self, word: str) -> list[str]:
        """Return the pieces of a word that is not empty."""
        text = word + self._end
        if self._lengths is None:
            lengths = list(map(len, self._symbols))
            lengths[self._strange] = 1
            self._lengths = lengths
        stops = accumulate(map(self._lengths.__getitem__, self.merge(word)))
        edges = [0, *stops]
        edges[-1] = len(text)  # an unknown last character has the ending of the word, too
        return [text[start:stop] for start, stop in pairwise(edges)]

    def ids(self, tokens: Mapping[str, int]) -> list[int]:
        """Return the id in ``tokens`` of each symbol, by its number; -1 where it has none."""
        ids = [*map(tokens.get, self._symbols, repeat(-1))]
        ids[self._strange] = -1
        return ids

    def whole_words(self) -> Mapping[str, int]:
        """Return words that merge into a single piece, and its number, without merging them.

        If the merges are regular, as merges learned from a corpus are, these are all such words.
        For other merges there are none.
        """
        symbols = self._whole_symbols()
        if not self._end:
            return symbols
        words = {
            symbol.removesuffix(self._end): number
            for symbol, number in symbols.items()
            if symbol.endswith(self._end)
        }
        return {word: words[word] for word in words if word and self._end not in word}

    def _whole_symbols(self) -> Mapping[str, int]:
        """The number of each symbol that its characters merge into; none for unusual merges."""
        if not self._is_regular:
            return {}
        if self._whole is None:
            from ptbert_tokenizers.quick.whole_symbols import are_whole

            whole = are_whole(self._left, self._right, self._first_merge, self._merge_of).tolist()
            numbers = self._numbers
            if not all(whole):
                numbers = {each: at for each, at in numbers.items() if whole[at]}
            self._whole = numbers  # only now, because another thread may be reading it
        return self._whole


class _Seams(NamedTuple):
    """Merges, to find out which symbols may stand side by side; no part of what asks this.

    Args:
        merge_of: the merge of each pair, as in ``MergeTable``.
        size: the number of symbols.
        first_merge: lower numbers are those of characters.
        lefts: (S,) by the number of a merge: the left symbol.
        rights: (S,) the right symbol.
    """

    merge_of: Mapping[int, int]
    size: int
    first_merge: int
    lefts: Sequence[int]
    rights: Sequence[int]

    def hold(self, left: int, right: int, limit: int = _NEVER) -> bool:
        """Tell whether merging the characters of both symbols gives exactly these two symbols.

        Only the merges before ``limit`` are done, such as the merge that joins the two. The
        characters of each symbol alone merge into it. Side by side, that fails only if another
        merge first joins symbols across the boundary. So this undoes the merges that made the two
        symbols, latest first, and checks each pair of symbols that touched at the boundary. Such a
        pair would have been merged if its merge comes before the one that used up its left symbol,
        and not after the one that used up its right symbol ("not after", because merging
        goes from left to right).
        """
        merge_of, size, first_merge = self.merge_of.get, self.size, self.first_merge
        lefts, rights = self.lefts, self.rights
        left_taken = right_taken = limit
        while True:
            merge = merge_of(left * size + right)
            if merge is not None and merge < left_taken and merge <= right_taken:
                return False
            if left > right:
                if left < first_merge:
                    return True
                left_taken, left = left, rights[left]
            else:
                if right < first_merge:
                    return True
                right_taken, right = right, lefts[right]


class _Numbers(dict[str, int]):
    """Numbers of characters; all unknown characters have the same number."""

    def __init__(self, unknown: int, known: Mapping[str, int]) -> None:
        super().__init__(known)
        self._unknown = unknown

    def __missing__(self, character: str) -> int:
        return self._unknown


def _ordered(ranks: Ranks) -> tuple[list[tuple[str, str]], bool]:
    """The merges, best first, and whether all ranks are different."""
    pairs, numbers = list(ranks), list(ranks.values())
    if all(map(lt, numbers, islice(numbers, 1, None))):  # as in a file
        return pairs, True
    return sorted(pairs, key=ranks.__getitem__), len(set(numbers)) == len(numbers)


_NO_MERGES: dict[int, int] = {}  # of all symbols that are never the left part of a merge
