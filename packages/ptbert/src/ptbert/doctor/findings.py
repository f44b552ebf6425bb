"""What is found in a program: where, what it is, and what to do"""

from __future__ import annotations

import enum
from typing import NamedTuple


class Effect(enum.StrEnum):
    """What a finding means for a program that is run with ptbert."""

    STOPS = "must be changed"  # the line fails, or does nothing
    DIFFERS = "differs from 2019"  # the line works, and does something else than in 2019
    NOTE = "good to know"  # as in 2019, and often not what the program wants


class Finding(NamedTuple):
    """One line of a report.

    Args:
        file: as the user would write it.
        line: of the file, or of the cell of a notebook.
        cell: the number of the notebook's cell, from 1; 0 for a file that is no notebook.
        effect: what it means.
        what: what is there.
        remedy: what to do.
    """

    file: str
    line: int
    cell: int
    effect: Effect
    what: str
    remedy: str

    @property
    def place(self) -> str:
        """File and line, as editors and terminals understand them.

        Example:
            >>> Finding("a.ipynb", 2, 5, Effect.NOTE, "", "").place
            'a.ipynb:cell 5:2'
        """
        return place_in(self.file, self.cell, self.line)


def place_in(file: str, cell: int, line: int) -> str:
    """Return a place as text; a cell of 0 is none."""
    return f"{file}:cell {cell}:{line}" if cell else f"{file}:{line}"
