"""Requirements in TOML: of projects, and of Poetry and others, which have ranges of their own"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

_HOLDERS = re.compile(r"(.*-)?dependencies|dependency-groups|requires(-extra)?")
_PIPFILE = ("packages", "dev-packages")  # elsewhere lists of a project's own modules
_LISTED = re.compile(r"\s*(?P<name>[\w.-]+)\s*(?:\[[^\]]*\])?\s*\(?(?P<limits>[^;@)]*)")
_LIMIT = re.compile(r"(?P<sign>\^|~(?!=)|[=~!<>]=?=?)?\s*(?P<number>\d[\w.*]*)")


class Entry(NamedTuple):
    """A requirement in a table or a list.

    Args:
        name: of the distribution.
        limits: such as ``>=0.6,<0.7``; alternatives have ``||`` in between.
        written: as the file says it.
        line: of the file.
    """

    name: str
    limits: str
    written: str
    line: int


def table_entries(text: str, named: str = ".*") -> list[Entry] | None:
    """Return the requirements of a ``pyproject.toml`` or ``Pipfile``.

    Args:
        text: of the file.
        named: a pattern of the names that matter, in any case.

    Returns:
        None if it is no TOML, has no tables, or is nested too deeply.

    Example:
        >>> text = '''[tool.poetry.dependencies]
        ... pytorch-pretrained-bert = "^0.6"
        ... [dependency-groups]
        ... dev = ["torch==1.1"]'''
        >>> for each in table_entries(text):
        ...     print(each.line, each.name, each.limits)
        2 pytorch-pretrained-bert >=0.6,<0.7
        4 torch ==1.1
    """
    import tomllib  # late: few programs have such a file

    try:
        tables = tomllib.loads(text)
        found = list(_entries(tables, is_inside=False))
    except (ValueError, RecursionError):  # a ValueError also for a number of very many digits
        return None
    if not any(isinstance(each, dict) for each in tables.values()):
        return None
    lines = [line.partition("#")[0] for line in text.splitlines()]
    entries: list[Entry] = []
    places: dict[tuple[str, str], list[int]] = {}
    taken: set[int] = set()
    for name, limits, written, shown in found:
        if not re.fullmatch(named, name, re.IGNORECASE):
            continue
        if (name, shown) not in places:
            places[name, shown] = lines_with(lines, name, shown)[::-1]
        waiting = places[name, shown]  # the last one is the next
        while len(waiting) > 1 and waiting[-1] in taken:
            waiting.pop()
        taken.add(waiting[-1])
        entries.append(Entry(name, limits, written, waiting[-1]))
    return entries


def _entries(value: Any, *, is_inside: bool) -> Iterator[tuple[str, str, str, str]]:
    """Yield name, limits and text of each requirement, and what stands in its line."""
    if isinstance(value, list):
        for each in value:
            if isinstance(each, str) and is_inside and (found := _LISTED.match(each)):
                limits = re.sub(r"\s", "", found["limits"]).strip(",")
                yield found["name"], limits, f"{found['name']}{limits}", each
            else:
                yield from _entries(each, is_inside=is_inside)
    elif isinstance(value, Mapping):
        for key, each in value.items():
            ranges = _ranges(each) if is_inside else None
            if ranges is None:
                holds = _HOLDERS.fullmatch(key) or (key in _PIPFILE and isinstance(each, dict))
                yield from _entries(each, is_inside=is_inside or bool(holds))
            else:
                known = [each for each in ranges if each]
                written = f'{key} = "{" || ".join(known)}"' if known else key
                limits = "||".join(map(_limits, known)) if len(known) == len(ranges) else ""
                yield key, limits, written, known[0] if known else ""


def _ranges(value: Any) -> list[str] | None:
    """The ranges that a key of a table is given, "" for one without; None for a group of others."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        holds_others = any(isinstance(each, (Mapping, list)) for each in value.values())
        is_source = value.keys() & {"version", "git", "path", "url", "file", "index"}
        return None if holds_others and not is_source else [str(value.get("version", ""))]
    if isinstance(value, list) and value and all(isinstance(each, Mapping) for each in value):
        return [str(each.get("version", "")) for each in value]
    return None


def _limits(written: str) -> str:
    """A range of Poetry as limits that every installer knows; nothing for ``*``."""
    alternatives = (
        ",".join(_plain(each["sign"] or "==", each["number"]) for each in _LIMIT.finditer(part))
        for part in re.split(r"\|\|?", written)
    )
    return "||".join(alternatives)


def _plain(sign: str, number: str) -> str:
    if sign not in {"^", "~"}:
        return f"{sign}{number}"
    parts = [int(each) for each in re.findall(r"\d{1,9}", number)]
    fixed = min(len(parts) - 1, 1) if sign == "~" else _first_above_zero(parts)
    end = [*parts[:fixed], parts[fixed] + 1]
    return f">={number},<{'.'.join(map(str, end))}"


def _first_above_zero(parts: list[int]) -> int:
    return next((place for place, part in enumerate(parts) if part), len(parts) - 1)


def lines_with(lines: list[str], name: str, shown: str) -> list[int]:
    """The numbers of the lines that may hold a requirement; 1 if none does."""
    word = re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])")
    named = [number for number, line in enumerate(lines, start=1) if word.search(line)]
    return [number for number in named if shown and shown in lines[number - 1]] or named or [1]
