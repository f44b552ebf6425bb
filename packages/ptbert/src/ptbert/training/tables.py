"""Tables of results as Markdown, whatever the names of labels are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ptbert_hub.messages import printable

_LONGEST = 80  # characters of a cell
# What means something in Markdown; a backslash only before such a character.
_MARKS = re.compile(r"[|`*<\[~]|\\(?=[!-/:-@\[-`{-~])")


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Return the lines of a table.

    Args:
        head: the names of the columns.
        rows: of cells; numbers with a point get four digits after it.

    Example:
        >>> for line in table(["label", "f1"], [["a|b", 0.5]]):
        ...     print(line)
        | label | f1 |
        |---|---|
        | a\\|b | 0.5000 |
    """
    return [_line(head), "|---" * len(head) + "|", *map(_line, rows)]


def cell(value: object) -> str:
    r"""Return a value as the text of a cell: on one line, and without a meaning in Markdown.

    Example:
        >>> print(cell("a|b"), cell("<b>\x1b[2J"), cell(0.25), cell(3))
        a\|b \<b>?\[2J 0.2500 3
    """
    if isinstance(value, float):
        return f"{value:.4f}"
    text = printable(str(value)).replace("\n", "?")
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST - 1]}…"
    return _MARKS.sub(r"\\\g<0>", text)


def code(text: str) -> str:
    r"""Return a text as Markdown shows code within a line.

    Source:
        CommonMark 0.31, section 6.1: as many backticks around it as it does not have itself.

    Example:
        >>> print(code("train.csv"), code("a`b"), code("\x1b"))
        `train.csv` ``a`b`` `?`
    """
    text = printable(text).replace("\n", "?")
    runs = {len(run) for run in re.findall("`+", text)}
    fence = "`" * next(n for n in range(1, len(runs) + 2) if n not in runs)
    room = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{room}{text}{room}{fence}"


def _line(cells: Sequence[object]) -> str:
    return f"| {' | '.join(map(cell, cells))} |"
