"""Byte-pair merges without merging: the longest symbols that fit together.

Two neighbouring symbols *fit* if merging the characters of both gives these two. The merges of a
word have one result, and it is the only way to cut the word into symbols of which all neighbours
fit. So the symbols can be found from left to right: the longest that fits the one before is tried
first. If none fits, the one before was wrong; no symbol of the result ends where it ended.

Source:
    van Antwerpen and Neubeck 2024, "So many tokens, so little time", GitHub.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from ptbert_tokenizers.plain.bpe import LONG_WORD
from ptbert_tokenizers.quick.memo import Memo
from ptbert_tokenizers.weak import weak_method

PREFIX = 4
"""Characters of a piece that give a close limit for its length."""
_MOST_PAIRS = 2**16
_PARTS_LIMIT = 4 * 2**20  # bytes

# Where a part may begin does not change the result. Good places are capital letters and characters
# of three or four bytes, of which these are the first, as GPT-2 shows them.
_BEGINNING = re.compile("[A-Zã-ô]").search
_PARTS = re.compile("Ġ?[A-Z]+[^A-Zã-ô]*|.[^A-Zã-ô]*", re.DOTALL).findall
_SHORT = 10  # characters of a word that is found sooner as a whole


class _Part(NamedTuple):
    """A part of a word, and its symbols: the first and the last one, and all of them."""

    text: str
    first: int
    last: int
    numbers: list[int]


class Matcher:
    """Cuts words into symbols.

    Args:
        symbols: number of each symbol that its own characters merge into.
        unknown: the number of characters that are no symbols.
        fit: tells whether two symbols fit, by their numbers.

    Example:
        >>> matcher = Matcher({"l": 0, "o": 1, "w": 2, "lo": 3, "ow": 4}, 9, lambda *_: True)
        >>> matcher("lowx")
        [3, 2, 9]
    """

    def __init__(
        self, symbols: Mapping[str, int], unknown: int, fit: Callable[[int, int], bool]
    ) -> None:
        self._number = symbols.get
        self._unknown = unknown
        self._longest = longest_by_prefix(symbols).get
        size = max(symbols.values(), default=0) + unknown + 1
        self.pairs = Pairs(size, fit)
        self._known: Memo[str, _Part | None] = Memo(_PARTS_LIMIT, weak_method(self, "_part"))

    def __call__(self, word: str) -> list[int] | None:
        """Return the numbers of the symbols of a word; None if no way to cut it was found."""
        number = self._number(word)
        if number is not None:
            return [number]
        found = None
        if len(word) > _SHORT and _BEGINNING(word, 2):
            found = self._joined(_PARTS(word))
        return self._matched(word) if found is None else found

    def _part(self, text: str) -> _Part | None:
        numbers = self._matched(text)
        return _Part(text, numbers[0], numbers[-1], numbers) if numbers else None

    def _joined(self, parts: Sequence[str]) -> list[int] | None:
        """The symbols of parts side by side; None if too many of them do not fit."""
        known, pairs, size = self._known, self.pairs, self.pairs.size
        done: list[_Part] = []  # they fit each other
        for part in map(known.__getitem__, parts):
            last = part
            while last and done and not pairs[done[-1].last * size + last.first]:
                text = done.pop().text + last.text
                last = known[text] if len(text) <= LONG_WORD else None
            if last is None:
                return None
            done.append(last)
        return [number for part in done for number in part.numbers]

    def _matched(self, word: str) -> list[int] | None:
        number_of, longest, pairs, size = self._number, self._longest, self.pairs, self.pairs.size
        numbers: list[int] = []
        starts: list[int] = []
        wrong_ends: set[int] = set()
        start, length = 0, len(word)
        before: int | None = None  # the last symbol, as the first half of a pair
        while start < length:
            end = start + longest(word[start : start + PREFIX], PREFIX - 1)
            if end > length:  # noqa: PLR1730 - min() would be slower
                end = length
            while True:
                number = number_of(word[start:end])
                if number is None:
                    if end > start + 1:
                        end -= 1
                        continue
                    number = self._unknown
                if (before is None or pairs[before + number]) and end not in wrong_ends:
                    break
                end -= 1
                while end == start:  # no symbol fits, so the one before was wrong
                    if not numbers:
                        return None
                    wrong_ends.add(start)
                    end = start - 1
                    numbers.pop()
                    start = starts.pop()
                    before = numbers[-1] * size if numbers else None
            numbers.append(number)
            starts.append(start)
            start, before = end, number * size
        return numbers


class Pairs(dict[int, bool]):
    """Whether pairs of symbols fit, computed once for each.

    Args:
        size: the key of a pair is its left symbol times this plus its right symbol.
        fit: tells whether two symbols fit, by their numbers.
    """

    def __init__(self, size: int, fit: Callable[[int, int], bool]) -> None:
        super().__init__()
        self.size = size
        self._fit = fit

    def __missing__(self, pair: int) -> bool:
        if len(self) >= _MOST_PAIRS:
            self.clear()
        left, right = divmod(pair, self.size)
        self[pair] = answer = self._fit(left, right)
        return answer


def longest_by_prefix(pieces: Iterable[str], prefix: int = PREFIX) -> dict[str, int]:
    """Return the length of the longest piece with each beginning of four characters, or of others.

    Example:
        >>> longest_by_prefix({"token": 0, "tokenizer": 1, "to": 2})
        {'toke': 9, 'to': 2}
    """
    longest: dict[str, int] = {}
    for piece in pieces:
        if len(piece) > longest.get(piece[:prefix], 0):
            longest[piece[:prefix]] = len(piece)
    return longest
