"""Byte-pair merges on numbers, which are faster than merges of strings.

The pieces are those that ``ptbert_tokenizers.plain.bpe.merged`` gives.

Every symbol (a character, or the result of a merge) has a number. A table gives the merge of two
neighbouring symbols by their numbers, so no pairs of strings are built. In a short word the best
merge is searched again after each merge. In a long word a heap keeps the merges in order. The heap
is also used if the merges are unusual: if one of them needs the result of a later one, or if two of
them have the same result.
"""

from collections.abc import Mapping
from heapq import heapify, heappop, heappush
from itertools import accumulate, pairwise
from operator import lt

from ptbert_tokenizers.plain.bpe import LONG_WORD, Ranks
from ptbert_tokenizers.quick.matching import Matcher, Pairs


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
        # Merges are numbered too, by rank. A symbol has the number of the first merge that makes
        # it. The lower numbers are those of the characters that occur in merges.
        pairs = sorted(ranks, key=ranks.__getitem__)
        wholes = [left + right for left, right in pairs]
        parts = {part for pair in pairs for part in pair if self._is_character(part)}
        number = {part: index for index, part in enumerate(parts)}
        self._strange = len(number)  # the number of all characters that occur in no merge
        self._first_merge = first = self._strange + 1
        for merge, whole in enumerate(wholes, first):
            number.setdefault(whole, merge)
        self._number = number
        self._characters = _Numbers(self._strange, number)
        # By the number of a merge: the symbols it joins, -1 for one that never occurs, and what it
        # makes of them. Below are the characters.
        self._left = [0] * first + [number.get(left, -1) for left, _ in pairs]
        self._right = [0] * first + [number.get(right, -1) for _, right in pairs]
        self._made = [*range(first), *map(number.__getitem__, wholes)]
        merges = range(first, len(self._made))
        self._after = [_NO_MERGES] * len(self._made)  # left → right → merge
        for merge in merges:
            left, right = self._left[merge], self._right[merge]
            if left >= 0 and right >= 0:
                if self._after[left] is _NO_MERGES:
                    self._after[left] = {}
                self._after[left][right] = merge
        self._lengths = [1] * len(self._made)  # of symbols, in characters
        for symbol, each in number.items():
            self._lengths[each] = len(symbol)
        self._is_regular = (
            len(set(ranks.values())) == len(ranks)
            and self._made[first:] == [*merges]
            and min(self._left) == min(self._right) == 0
            and all(map(lt, self._left[first:], merges))
            and all(map(lt, self._right[first:], merges))
        )
        """Whether each merge makes a new symbol from characters and results of earlier merges."""
        self._matcher: Matcher | None = None  # made when first needed

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

    def _new_matcher(self) -> Matcher | None:
        if self._is_regular and not self._end:
            symbols = {each: self._number[each] for each in self._whole_symbols()}
            self._matcher = Matcher(symbols, self._strange, self._fit)
        return self._matcher

    def _fit(self, left: int, right: int) -> bool:
        return self._seam_holds(left, right, _NEVER)

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
        stops = accumulate(map(self._lengths.__getitem__, self.merge(word)))
        edges = [0, *stops]
        edges[-1] = len(text)  # an unknown last character has the ending of the word, too
        return [text[start:stop] for start, stop in pairwise(edges)]

    def ids(self, tokens: Mapping[str, int]) -> list[int]:
        """Return the id in ``tokens`` of each symbol, by its number; -1 where it has none."""
        ids = [-1] * len(self._made)
        for symbol, number in self._number.items():
            ids[number] = tokens.get(symbol, -1)
        return ids

    def whole_words(self) -> list[str]:
        """Return words that merge into a single piece, found without merging them.

        If the merges are regular, as merges learned from a corpus are, these are all such words.
        For other merges the list is empty.
        """
        symbols = self._whole_symbols()
        if not self._end:
            return symbols
        words = [each.removesuffix(self._end) for each in symbols if each.endswith(self._end)]
        return [word for word in words if word and self._end not in word]

    def _whole_symbols(self) -> list[str]:
        if not self._is_regular:
            return []
        is_whole = [True] * self._first_merge  # whether a symbol's characters merge into it
        for merge in range(self._first_merge, len(self._made)):
            left, right = self._left[merge], self._right[merge]
            is_whole.append(
                is_whole[left] and is_whole[right] and self._seam_holds(left, right, merge)
            )
        return [symbol for symbol, number in self._number.items() if is_whole[number]]

    def _seam_holds(self, left: int, right: int, limit: int) -> bool:
        """Whether merging the characters of both symbols gives exactly these two symbols.

        Only the merges before ``limit`` are done; ``limit`` is the merge that joins the two. The
        characters of each symbol alone merge into it. Side by side, that fails only if another
        merge first joins symbols across the boundary. So this undoes the merges that made the two
        symbols, latest first, and checks each pair of symbols that touched at the boundary. Such a
        pair would have been merged if its merge comes before the one that used up its left symbol,
        and not after the one that used up its right symbol ("not after", because merging
        goes from left to right).
        """
        after, first_merge = self._after, self._first_merge
        lefts, rights = self._left, self._right
        left_taken = right_taken = limit
        while True:
            merge = after[left].get(right)
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


_NEVER = 2**32
_NO_MERGES: dict[int, int] = {}  # of all symbols that are never the left part of a merge
