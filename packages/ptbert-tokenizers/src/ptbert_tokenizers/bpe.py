"""Byte-pair encoding: the merge loop, and a table that gives the same answer without looping.

:func:`merged` is the definition. :class:`MergeTable` finds the same pieces from left to right in
time proportional to the length of the word, which long words need and new words profit from.

Source:
    Sennrich et al. 2016, arXiv:1508.07909, section 3.2; byte level: Radford et al. 2019, section
    2.2 of "Language Models are Unsupervised Multitask Learners".
"""

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise

Ranks = Mapping[tuple[str, str], int]


@cache
def bytes_to_unicode() -> dict[int, str]:
    """Return GPT-2's visible character for each byte value.

    Printable Latin-1 characters stand for themselves; the other 68 byte values take the characters
    from U+0100 on, in order.

    Example:
        >>> table = bytes_to_unicode()
        >>> table[ord("a")], table[ord(" ")], table[ord("\\n")]
        ('a', 'Ġ', 'Ċ')
    """
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in visible]
    table = {byte: chr(byte) for byte in visible}
    table |= {byte: chr(0x100 + index) for index, byte in enumerate(hidden)}
    return table


def get_pairs(word: Sequence[str]) -> set[tuple[str, str]]:
    """Return the pairs of neighbours in a sequence of symbols.

    Example:
        >>> sorted(get_pairs(("l", "o", "w</w>")))
        [('l', 'o'), ('o', 'w</w>')]
    """
    return set(pairwise(word))


def merged(symbols: Sequence[str], ranks: Ranks) -> list[str]:
    """Merge the pair of lowest rank, everywhere in the word, until no pair has a rank.

    Example:
        >>> merged("lower", {("l", "o"): 0, ("lo", "w"): 1, ("e", "r"): 2})
        ['low', 'er']
    """
    word = list(symbols)
    while len(word) > 1:
        pair = min(get_pairs(word), key=lambda pair: ranks.get(pair, len(ranks)))
        if pair not in ranks:
            break
        word = _with_pair_merged(word, pair)
    return word


def _with_pair_merged(word: list[str], pair: tuple[str, str]) -> list[str]:
    shorter: list[str] = []
    position = 0
    while position < len(word):
        if tuple(word[position : position + 2]) == pair:
            shorter.append(pair[0] + pair[1])
            position += 2
        else:
            shorter.append(word[position])
            position += 1
    return shorter


class MergeTable:
    """Cut words as :func:`merged` does, by longest piece first instead of merge by merge.

    A merge can only be prevented or caused by what touches it. So a word's pieces are right if
    each piece, on its own, merges into one, and if no two neighbours would have merged across
    their seam on the way. There is exactly one such cut, and it is found by taking the longest
    piece that fits and stepping back where that leads nowhere.

    This holds if every merge makes a new symbol, out of symbols that exist before it, as merges
    learnt from a corpus do; ``is_regular`` tells whether they are of this kind.

    Args:
        ranks: rank of each merge.
        end: what the last character of a word carries, such as ``</w>``.

    Example:
        >>> table = MergeTable({("l", "o"): 0, ("lo", "w"): 1, ("e", "r"): 2})
        >>> table.is_regular, table.cut("lower")
        (True, ['low', 'er'])
    """

    def __init__(self, ranks: Ranks, end: str = "") -> None:
        self._ranks = ranks
        self._end = end
        self._parts = {left + right: (left, right) for left, right in ranks}
        self._rank_of = {left + right: rank for (left, right), rank in ranks.items()}
        self._whole: dict[str, bool] = {}
        self._longest = max(map(len, self._parts), default=0)
        self._longest = max(self._longest, 1 + len(end))  # one symbol always fits
        self.is_regular = self._find_regularity()

    def _find_regularity(self) -> bool:
        rank_of = self._rank_of
        return (
            len(self._parts) == len(self._ranks)
            and len(set(self._ranks.values())) == len(self._ranks)
            and not any(map(self._is_symbol, self._parts))
            and all(
                rank_of.get(left, -1) < rank and rank_of.get(right, -1) < rank
                for (left, right), rank in self._ranks.items()
            )
        )

    def _is_symbol(self, piece: str) -> bool:
        """Whether words start out with this as one symbol."""
        return len(piece) == 1 or (len(piece) == 1 + len(self._end) and piece[1:] == self._end)

    def cut(self, word: str) -> list[str]:
        """Return the pieces of a word that is not empty and does not hold ``end`` itself."""
        text = word + self._end
        last = len(word) - 1  # where the last symbol begins
        pieces: list[str] = []
        dead: set[int] = set()  # from here no cut reaches the end
        start, stop = 0, len(text)
        while start < len(text):
            piece = self._longest_fit(text, start, stop, last, pieces[-1] if pieces else "", dead)
            if piece:
                pieces.append(piece)
                start += len(piece)
                stop = len(text)
            else:  # step back and try something shorter
                dead.add(start)
                stop = start - 1
                start -= len(pieces.pop())
        return pieces

    def _longest_fit(
        self, text: str, start: int, stop: int, last: int, before: str, dead: set[int]
    ) -> str:
        """The longest piece at ``start`` that ends by ``stop`` and may follow ``before``."""
        reach = min(stop, start + self._longest)
        if reach < len(text):
            reach = min(reach, last)
        while reach > start:
            piece = text[start:reach]
            known = (piece in self._parts and self._is_whole(piece)) or self._is_symbol(piece)
            if known and reach not in dead and (not before or self._seam_holds(before, piece)):
                return piece
            reach = min(reach - 1, last)
        return ""

    def _is_whole(self, piece: str) -> bool:
        """Whether the symbols of ``piece`` merge into it."""
        known = self._whole.get(piece)
        if known is None:
            left, right = self._parts[piece]
            known = (self._is_symbol(left) or (left in self._parts and self._is_whole(left))) and (
                self._is_symbol(right) or (right in self._parts and self._is_whole(right))
            )
            known = known and self._seam_holds(left, right, self._rank_of[piece])
            self._whole[piece] = known
        return known

    def _seam_holds(self, left: str, right: str, limit: int | None = None) -> bool:
        """Whether nothing merges across the seam of two whole pieces before rank ``limit``.

        Undoes the merges that made the two pieces, latest first, and looks at each pair of
        symbols that touched at the seam. Such a pair would have merged if its rank comes before
        the merge that made the left symbol part of something longer. On the right, equal ranks
        count too, because merging goes from left to right.
        """
        rank_of = self._rank_of
        left_taken = right_taken = len(self._ranks) if limit is None else limit
        while True:
            rank = self._ranks.get((left, right))
            if rank is not None and rank < left_taken and rank <= right_taken:
                return False
            left_rank, right_rank = rank_of.get(left, -1), rank_of.get(right, -1)
            if left_rank > right_rank:
                left_taken, left = left_rank, self._parts[left][1]
            elif right_rank >= 0:
                right_taken, right = right_rank, self._parts[right][0]
            else:
                return True
