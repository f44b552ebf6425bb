"""Byte-pair encoding: the merge loop, and a table that gives the same answer without looping.

:func:`merged` is the definition. :class:`MergeTable` finds the same pieces from left to right in
time proportional to the length of the word, which long words need and new words profit from.

Source:
    Sennrich et al. 2016, arXiv:1508.07909, section 3.2; byte level: Radford et al. 2019, section
    2.2 of "Language Models are Unsupervised Multitask Learners".
"""

from codecs import charmap_build, charmap_decode, charmap_encode
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import islice, pairwise

Ranks = Mapping[tuple[str, str], int]

SHORT = 40
"""Characters of the longest word for which merging is quicker than cutting."""


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


_VISIBLE = "".join(bytes_to_unicode()[byte] for byte in range(256))
_HIDDEN = charmap_build(_VISIBLE)


def visible(data: bytes) -> str:
    """Return bytes as GPT-2's visible characters.

    Example:
        >>> visible(b" a")
        'Ġa'
    """
    return charmap_decode(data, "strict", _VISIBLE)[0]


def hidden(text: str) -> bytes:
    """Return the bytes that visible characters stand for.

    Example:
        >>> hidden("Ġa")
        b' a'
    """
    return charmap_encode(text, "strict", _HIDDEN)[0]


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
    learnt from a corpus do; ``is_regular`` tells whether they are of this kind. Then symbols can
    be numbered in the order in which they come to be, first the characters, and all questions
    about order become comparisons of numbers.

    Args:
        ranks: rank of each merge.
        end: what the last character of a word carries, such as ``</w>``.

    Example:
        >>> table = MergeTable({("l", "o"): 0, ("lo", "w"): 1, ("e", "r"): 2})
        >>> table.is_regular, table.cut("lower")
        (True, ['low', 'er'])
    """

    def __init__(self, ranks: Ranks, end: str = "") -> None:
        self._end = end
        self._number: dict[str, int] = {}  # of every symbol that a merge knows
        self._after: list[dict[int, int]] = []  # by left symbol: right symbol → what they become
        self._holds: dict[int, bool] = {}  # key of two pieces → whether they stay apart
        self.is_regular = self._number_symbols(ranks)
        self._whole = self._number_whole_symbols() if self.is_regular else {}
        self._longest: dict[str, int] = {}  # length of the longest symbol with that prefix
        for piece in self._whole:
            if len(piece) > self._longest.get(piece[:_PREFIX], 0):
                self._longest[piece[:_PREFIX]] = len(piece)

    def _number_symbols(self, ranks: Ranks) -> bool:
        """Number all symbols and list their halves; return whether the merges are regular."""
        number = self._number
        for symbol in {part for pair in ranks for part in pair if self._is_character(part)}:
            number[symbol] = len(number)
        self._strange = len(number)  # stands for any character without merges
        self._characters = _Numbers(self._strange, number)
        self._first_merge = len(number) + 1
        self._left = [0] * self._first_merge  # number of the left half, by number
        self._right = [0] * self._first_merge
        self._after = [_NO_MERGES] * (self._first_merge + len(ranks))
        for left, right in sorted(ranks, key=ranks.__getitem__):
            whole = left + right
            if left not in number or right not in number or whole in number:
                return False
            self._left.append(number[left])
            self._right.append(number[right])
            number[whole] = len(self._left) - 1
            if self._after[number[left]] is _NO_MERGES:
                self._after[number[left]] = {}
            self._after[number[left]][number[right]] = number[whole]
        return len(set(ranks.values())) == len(ranks)

    def _is_character(self, symbol: str) -> bool:
        """Whether words start out with this as one symbol."""
        return len(symbol) == 1 or (len(symbol) == 1 + len(self._end) and symbol[1:] == self._end)

    def _number_whole_symbols(self) -> dict[str, int]:
        """The symbols that their own characters merge into, with their numbers."""
        is_whole = [True] * self._first_merge
        halves = zip(self._left, self._right, strict=True)
        for number, (left, right) in enumerate(
            islice(halves, self._first_merge, None), len(is_whole)
        ):
            is_whole.append(
                is_whole[left] and is_whole[right] and self._seam_holds(left, right, number)
            )
        return {symbol: number for symbol, number in self._number.items() if is_whole[number]}

    def whole_words(self) -> list[str]:
        """Return words that are one piece each: all of those that merges know, if regular."""
        if not self._end:
            return list(self._whole)
        size = len(self._end)
        words = [symbol[:-size] for symbol in self._whole if symbol.endswith(self._end)]
        return [word for word in words if word and self._end not in word]

    def ids(self, tokens: Mapping[str, int]) -> list[int]:
        """Return the id in ``tokens`` of each symbol, by its number; -1 where it has none."""
        ids = [-1] * len(self._left)
        for symbol, number in self._number.items():
            ids[number] = tokens.get(symbol, -1)
        return ids

    def merge(self, word: str) -> list[int]:
        """Return the numbers of the pieces of a word, merge by merge.

        Quicker than :meth:`cut` for words of up to ``SHORT`` characters. Characters that no merge
        knows all have the same number, which no token has.
        """
        symbols = list(map(self._characters.__getitem__, word))
        if self._end:
            symbols[-1] = self._characters[word[-1] + self._end]
        after = self._after
        # What each symbol and the next become. Numbers grow from merge to merge, so the smallest
        # is the best.
        made = [after[left].get(right, _NEVER) for left, right in pairwise(symbols)]
        while made:
            best = min(made)
            if best == _NEVER:
                break
            place = made.index(best)
            symbols[place] = best
            del symbols[place + 1], made[place]
            if place:
                made[place - 1] = after[symbols[place - 1]].get(best, _NEVER)
            if place < len(made):
                made[place] = after[best].get(symbols[place + 1], _NEVER)
        return symbols

    def cut(self, word: str) -> list[str]:
        """Return the pieces of a word that is not empty and does not hold ``end`` itself."""
        text = word + self._end
        return [text] if text in self._whole else self._cut(text, len(word) - 1)

    def _cut(self, text: str, last: int) -> list[str]:
        """Cut a text whose last symbol begins at ``last`` and reaches to the end."""
        whole, longest = self._whole, self._longest
        pieces: list[str] = []
        numbers = [_NOTHING]  # before the first piece, and of the pieces
        dead: set[int] = set()  # places from which no cut reaches the end
        start, stop, size = 0, len(text), len(text)  # the next piece must end by `stop`
        while start < size:
            before = numbers[-1]
            reach = min(stop, start + longest.get(text[start : start + _PREFIX], _PREFIX - 1))
            if last < reach < size:
                reach = last
            while reach > start + 1:
                number = whole.get(text[start:reach])
                if number is not None and reach not in dead and self._follows(before, number):
                    break
                reach = min(reach - 1, last)
            else:
                reach = size if start == last else start + 1
                number = whole.get(text[start:reach], self._strange)
                if reach > stop or reach in dead or not self._follows(before, number):
                    dead.add(start)  # step back and try something shorter
                    stop = start - 1
                    start -= len(pieces.pop())
                    numbers.pop()
                    continue
            pieces.append(text[start:reach])
            numbers.append(number)
            start, stop = reach, size
        return pieces

    def _follows(self, before: int, number: int) -> bool:
        """Whether a piece may stand after another, or after nothing."""
        if before == _NOTHING:
            return True
        key = before << 32 | number
        holds = self._holds.get(key)
        if holds is None:
            if len(self._holds) >= _REMEMBERED_SEAMS:
                self._holds.clear()
            self._holds[key] = holds = self._seam_holds(before, number, _NEVER)
        return holds

    def _seam_holds(self, left: int, right: int, limit: int) -> bool:
        """Whether nothing merges across the seam of two whole symbols before ``limit`` is made.

        Undoes the merges that made the two, latest first, and looks at each pair of symbols that
        touched at the seam. Such a pair would have merged if what it makes comes before the
        symbol that took the left one away. On the right, the same symbol counts too, because
        merging goes from left to right.
        """
        after, first_merge = self._after, self._first_merge
        left_taken = right_taken = limit
        while True:
            made = after[left].get(right)
            if made is not None and made < left_taken and made <= right_taken:
                return False
            if left > right:
                if left < first_merge:
                    return True
                left_taken, left = left, self._right[left]
            else:
                if right < first_merge:
                    return True
                right_taken, right = right, self._left[right]


class _Numbers(dict[str, int]):
    """Numbers of characters, the same for all that are not known."""

    def __init__(self, unknown: int, known: Mapping[str, int]) -> None:
        super().__init__(known)
        self._unknown = unknown

    def __missing__(self, character: str) -> int:
        return self._unknown


_NEVER = 2**32
_NOTHING = -1
_NO_MERGES: dict[int, int] = {}  # shared by all symbols that nothing merges to the right of
_REMEMBERED_SEAMS = 2**15  # at most 5 MB
_PREFIX = 4  # characters; long enough to say how far it is worth looking
