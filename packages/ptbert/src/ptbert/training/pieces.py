"""Pieces of a text's documents, and pairs of parts that follow each other or do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ptbert.training.order import random_words
from ptbert.training.texts import Ids, Lines, PlacesOf

_CUT, _SWAP, _DOCUMENT, _LINE = range(4)  # what is drawn


@dataclass(frozen=True)
class Pieces:
    """Pieces of documents, each as many lines as there is room for.

    Args:
        lines: of the text.
        starts: (N,), the first token of each piece.
        ends: (N,), where it ends.
        document: (N,), the number of its document.
        first_lines: (D + 1,), the first line of each document, and the number of lines.
    """

    lines: Lines
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    document: NDArray[np.int64]
    first_lines: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def documents(self) -> int:
        """The number D of documents."""
        return len(self.first_lines) - 1

    @property
    def names(self) -> Sequence[str]:
        """Where each piece begins."""
        return PlacesOf(self.lines, self.starts)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each piece."""
        return self.ends - self.starts

    def divisible(self) -> Pieces:
        """Return the pieces that can have two parts: those of more than one token."""
        kept = self.lengths > 1
        starts, ends, document = (each[kept] for each in (self.starts, self.ends, self.document))
        return Pieces(self.lines, starts, ends, document, self.first_lines)

    def tokens(self, index: int) -> Ids:
        """Return the tokens of a piece."""
        return self.lines.ids[self.starts[index] : self.ends[index]]

    def pair(self, index: int, *key: int) -> tuple[Ids, Ids, bool]:
        """Return two parts, and whether the second is of another document.

        The first is the beginning of a piece, to the end of one of its lines, or of any token if it
        has one line only. The second is the rest of the piece; or of two neighbouring pieces for
        one, text of another document, not longer than that rest.

        Args:
            index: of the piece, which is ``divisible``.
            *key: whole numbers; the same ones give the same pair.
        """
        start, end = int(self.starts[index]), int(self.ends[index])
        cuts = self.lines.starts[
            np.searchsorted(self.lines.starts, start, "right") : np.searchsorted(
                self.lines.starts, end, "left"
            )
        ]
        if not len(cuts):
            cuts = np.arange(start + 1, end)
        cut = int(cuts[_drawn(len(cuts), *key, index, _CUT)])
        first, rest = self.lines.ids[start:cut], self.lines.ids[cut:end]
        # One of the pieces 2k and 2k + 1 has another part, so that half of all have.
        is_other = _drawn(2, *key, index // 2, _SWAP) == index % 2
        if not is_other:
            return first, rest, False
        own = int(self.document[index])
        document = _drawn(self.documents - 1, *key, index, _DOCUMENT)
        document += document >= own
        line, last = self.first_lines[document], self.first_lines[document + 1]
        line += _drawn(int(last - line), *key, index, _LINE)
        begin = int(self.lines.starts[line])
        stop = min(begin + end - cut, int(self.lines.ends[last - 1]))
        return first, self.lines.ids[begin:stop], True


def pieces_of(lines: Lines, room: int) -> Pieces:
    """Cut a text into pieces.

    Args:
        lines: of the text.
        room: most tokens of a piece. A line that is longer becomes several pieces.

    Example:
        >>> ids, places = np.arange(7, dtype=np.int32), np.array([0, 2, 3, 5, 7])
        >>> lines = Lines("text.txt", ids, places[:-1], places[1:], np.array([0, 1, 2, 4]),
        ...               np.array([False, False, True, True]), 0)
        >>> pieces = pieces_of(lines, 3)
        >>> [pieces.tokens(index).tolist() for index in range(len(pieces))]
        [[0, 1, 2], [3, 4], [5, 6]]
        >>> pieces.document.tolist()
        [0, 0, 1]
    """
    found: list[tuple[int, int, int]] = []
    start, document = int(lines.starts[0]), 0
    last = lines.last
    for line, end in enumerate(lines.ends.tolist()):
        begin = int(lines.starts[line])
        if end - start > room and begin > start:  # this line has no place in the piece
            found.append((start, begin, document))
            start = begin
        while end - start > room:
            found.append((start, start + room, document))
            start += room
        if last[line]:
            found.append((start, end, document))
            start, document = end, document + 1
    starts, ends, documents = np.array(found, np.int64).T
    firsts = np.concatenate([[0], np.flatnonzero(last) + 1])
    return Pieces(lines, starts, ends, documents, firsts)


def _drawn(number: int, *key: int) -> int:
    """A whole number below another one."""
    return int(random_words(0, *key)) % number
