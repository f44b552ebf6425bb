"""Cells of notebooks as Python: commands of the notebook become lines that do nothing"""

from __future__ import annotations

import re
from collections.abc import Iterator

_COMMAND = re.compile(r"\s*[%!?]")
_HELP = re.compile(r"\s*%{0,2}[\w.*]+\?{1,2}\s*")
_ASSIGNED = re.compile(r"(\s*[\w(\[][\w.,\[\]() ]*=\s*)(?:!|%\w).*")  # files = !ls
_TIMED = re.compile(r"(\s*)%time\s+(?=\w)")
_OF_PYTHON = re.compile(r"%%(time|timeit|capture|prun)\b")  # cells that are Python below this line
# What may hold or end what: comments, strings, and brackets.
_PART = re.compile(r"""#.*|'{3}|"{3}|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|[(\[{]|[)\]}]""")
_ENDS = {each: re.compile(rf"(?:\\.|[^\\])*?{each}") for each in ("'''", '"""')}


def python_lines(lines: list[str]) -> list[str]:
    """Return as many lines as a cell has, all of them Python.

    Args:
        lines: of a cell of code.

    Example:
        >>> python_lines(["files = !ls", "if files:", "    %cd data", "print('%s'", "  % files)"])
        ['files = None', 'if files:', '    pass', "print('%s'", '  % files)']
    """
    if lines and lines[0].startswith("%%"):
        if not _OF_PYTHON.match(lines[0]):  # another language
            return ["" for _ in lines]
        return ["", *_python_lines(lines[1:])]
    return list(_python_lines(lines))


def _python_lines(lines: list[str]) -> Iterator[str]:
    depth, quote = 0, ""
    is_continued = is_command = False
    for line in lines:
        if is_command:  # the rest of a command that ended with a backslash
            is_command = line.rstrip().endswith("\\")
            yield ""
            continue
        begins = not depth and not quote and not is_continued
        python = _without_command(line) if begins else line
        is_command = python != line and line.rstrip().endswith("\\")
        yield python
        depth, quote = _open_after(python, depth, quote)
        is_continued = python.endswith("\\")


def _without_command(line: str) -> str:
    if timed := _TIMED.match(line):
        return timed[1] + line[timed.end() :]
    if _COMMAND.match(line) or _HELP.fullmatch(line):
        return line[: len(line) - len(line.lstrip())] + "pass"
    assigned = _ASSIGNED.fullmatch(line)
    return f"{assigned[1]}None" if assigned else line


def _open_after(line: str, depth: int, quote: str) -> tuple[int, str]:
    """How many brackets are open behind a line, and the quotes of a string that goes on."""
    at = 0
    while True:
        if quote:
            end = _ENDS[quote].match(line, at)
            if end is None:
                return depth, quote
            at, quote = end.end(), ""
        part = _PART.search(line, at)
        if part is None:
            return depth, quote
        at = part.end()
        if part[0] in _ENDS:
            quote = part[0]
        elif part[0] in "([{":
            depth += 1
        elif part[0] in ")]}":
            depth = max(0, depth - 1)
