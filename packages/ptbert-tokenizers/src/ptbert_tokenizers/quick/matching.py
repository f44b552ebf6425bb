"""Byte-pair merges without merging: the longest symbols that fit together.

Two neighbouring symbols *fit* if merging the characters of both gives these two. The merges of a
word have one result, and it is the only way to cut the word into symbols of which all neighbours
fit. So the symbols can be found from left to right: the longest that fits the one before is tried
first. If none fits, the one before was wrong; no symbol of the result ends where it ended.

Source:
    van Antwerpen and Neubeck 2024, "So many tokens, so little time", GitHub.
"""

from collections.abc import Callable, Mapping

PREFIX = 4
"""Characters of a piece that give a close limit for its length."""
_MOST_PAIRS = 2**16


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
        self._size = max(symbols.values(), default=0) + unknown + 1
        self._pairs = _Pairs(self._size, fit)

    def __call__(self, word: str) -> list[int] | None:
        """Return the numbers of the symbols of a word; None if no way to cut it was found."""
        number_of, longest, pairs, size = self._number, self._longest, self._pairs, self._size
        numbers: list[int] = []
        starts: list[int] = []
        wrong_ends: set[int] = set()
        start, length = 0, len(word)
        while start < length:
            end = start + longest(word[start : start + PREFIX], PREFIX - 1)
            if end > length:  # noqa: PLR1730 - min() would be slower
                end = length
            while True:
                number = number_of(word[start:end])
                if number is None and end == start + 1:
                    number = self._unknown
                if (
                    number is not None
                    and (not numbers or pairs[numbers[-1] * size + number])
                    and end not in wrong_ends
                ):
                    break
                end -= 1
                while end == start:  # no symbol fits, so the one before was wrong
                    if not numbers:
                        return None
                    wrong_ends.add(start)
                    end = start - 1
                    numbers.pop()
                    start = starts.pop()
            numbers.append(number)
            starts.append(start)
            start = end
        return numbers


class _Pairs(dict[int, bool]):
    """Whether pairs of symbols fit, computed once for each; the key is both numbers as one."""

    def __init__(self, size: int, fit: Callable[[int, int], bool]) -> None:
        super().__init__()
        self._size = size
        self._fit = fit

    def __missing__(self, pair: int) -> bool:
        if len(self) >= _MOST_PAIRS:
            self.clear()
        self[pair] = answer = self._fit(*divmod(pair, self._size))
        return answer


def longest_by_prefix(pieces: Mapping[str, int]) -> dict[str, int]:
    """Return the length of the longest piece with each beginning of four characters.

    Example:
        >>> longest_by_prefix({"token": 0, "tokenizer": 1, "to": 2})
        {'toke': 9, 'to': 2}
    """
    longest: dict[str, int] = {}
    for piece in pieces:
        if len(piece) > longest.get(piece[:PREFIX], 0):
            longest[piece[:PREFIX]] = len(piece)
    return longest
