"""The Python files and notebooks of a program as text, read and never run"""

from __future__ import annotations

import io
import json
import os
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ptbert.doctor.cells import python_lines

LARGEST = 4 << 20  # bytes of a file; what is larger is data
_LEFT_OUT = frozenset({"__pycache__", "node_modules", "site-packages", "dist-packages"})


class Source(NamedTuple):
    """The text of a program.

    Args:
        file: as the user would write it.
        path: of the file.
        text: of the whole file; of a notebook, its cells of code below each other.
        cells: for each cell of a notebook its number and its first line in ``text``, from 1.
    """

    file: str
    path: Path
    text: str
    cells: tuple[tuple[int, int], ...] = ()

    def place(self, line: int) -> tuple[int, int]:
        """Return cell and line of a line of the text; the cell is 0 where there are none.

        Example:
            >>> Source("a.ipynb", Path(), "a\\nb\\nc", ((1, 1), (4, 3))).place(3)
            (4, 1)
        """
        begun = [each for each in self.cells if each[1] <= line]
        if not begun:
            return 0, line
        number, first = begun[-1]
        return number, line - first + 1


class Unread(NamedTuple):
    """A file that could not be read, and why."""

    file: str
    reason: str


def read_sources(path: str | os.PathLike[str]) -> Iterator[Source | Unread]:
    """Yield the programs in a file or folder, in the order of their names.

    Hidden folders, virtual environments and installed packages are left out. Links to folders are
    not followed, so that none is read twice.

    Raises:
        FileNotFoundError: if there is no such file or folder.
    """
    start = Path(path)
    if start.is_dir():
        for each in _files(start):
            yield _source(each)
    elif start.exists():
        yield _source(start)
    else:
        raise FileNotFoundError(f"there is no file or folder {os.fspath(path)!r}; check the path")


def _files(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(
            each
            for each in folders
            if not each.startswith(".")
            and each not in _LEFT_OUT
            and not os.path.lexists(os.path.join(parent, each, "pyvenv.cfg"))
        )
        for name in sorted(names):
            if name.endswith((".py", ".ipynb")) and not name.startswith("."):
                yield Path(parent, name)


def _source(path: Path) -> Source | Unread:
    file = str(path)
    try:
        if not path.is_file():  # a pipe would never end
            return Unread(file, "is no ordinary file")
        size = path.stat().st_size
        if size > LARGEST:
            return Unread(file, f"has {size / 2**20:,.0f} MiB, which is more than a program has")
        data = path.read_bytes()
    except OSError as error:
        return Unread(file, f"cannot be read ({error.strerror or error})")
    if path.suffix == ".ipynb":
        return _notebook(path, data)
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = io.TextIOWrapper(io.BytesIO(data), encoding).read()
    except (SyntaxError, UnicodeError, LookupError):
        return Unread(
            file, "is not UTF-8, and does not name its encoding; save it as UTF-8, or name it"
        )
    return Source(file, path, text)


def _notebook(path: Path, data: bytes) -> Source | Unread:
    file = str(path)
    try:
        content = json.loads(data)
        cells = content["cells"] if "cells" in content else content["worksheets"][0]["cells"]
        codes = [
            (number, _code(cell))
            for number, cell in enumerate(cells, 1)
            if cell["cell_type"] == "code"
        ]
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        return Unread(file, "is no notebook: it is not the JSON that Jupyter writes")
    lines: list[str] = []
    begun: list[tuple[int, int]] = []
    for number, code in codes:
        begun.append((number, len(lines) + 1))
        lines += code
    return Source(file, path, "\n".join(lines), tuple(begun))


def _code(cell: dict[str, Any]) -> list[str]:
    """The lines of a cell."""
    text = cell["source"] if "source" in cell else cell["input"]
    return python_lines(("".join(text) if isinstance(text, list) else str(text)).splitlines())
