"""A diagnosis as lines of text, or as JSON"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ptbert.doctor import releases
from ptbert.doctor.copies import Copy
from ptbert.doctor.diagnosis import Diagnosis
from ptbert.doctor.findings import Effect
from ptbert_hub.messages import readable

_SHOWN = 8  # lines of a list that is only for information


def lines_of(diagnosis: Diagnosis) -> Iterator[str]:
    """Yield the report of a diagnosis; each finding is on one line."""
    for line in _lines(diagnosis):
        yield readable(line)


def _lines(diagnosis: Diagnosis) -> Iterator[str]:
    yield from _written_for(diagnosis)
    for copy in diagnosis.copies:
        yield copy.described
        if obstacle := copy.obstacle(diagnosis.imported):
            yield f"  {obstacle}"
    if diagnosis.unread:
        yield from [""] if diagnosis.files or diagnosis.copies else []
        yield "not read:"
        yield from (f"{each.file}: {each.reason}" for each in diagnosis.unread)
    for effect in Effect:
        found = [each for each in diagnosis.findings if each.effect is effect]
        if found:
            yield ""
            yield f"{effect}:"
            yield from (f"{each.place}: {each.what} — {each.remedy}" for each in found)
    if diagnosis.commands:
        yield ""
        yield "run it:" if not diagnosis.must_be_changed else "run it, once that is changed:"
        yield from _some(diagnosis.commands)
    elif diagnosis.using and not diagnosis.copies:
        yield ""
        yield "these are modules: run the program that imports them by ptbert run"


def _written_for(diagnosis: Diagnosis) -> Iterator[str]:
    count = len(diagnosis.files)
    read = f"{count} {'file' if count == 1 else 'files'} read"
    if not diagnosis.files and (diagnosis.unread or diagnosis.copies):
        return  # what follows says all
    if not diagnosis.files:
        yield "there is no Python file and no notebook here; check the path"
    elif not diagnosis.using:
        yield f"{read}; none imports {releases.LIBRARY}, so there is nothing to say"
    else:
        using = len(diagnosis.using)
        yield f"{read}, {using} of which {'uses' if using == 1 else 'use'} {releases.LIBRARY}"
        yield from _releases(diagnosis)
    for name in diagnosis.successors:
        yield f"{name} is imported too: a later library, which has to be installed beside ptbert"


def _releases(diagnosis: Diagnosis) -> Iterator[str]:
    fitting = diagnosis.fitting
    if not diagnosis.evidence:
        yield "it runs with every release from 0.4.0 to June 2019"
        return
    if fitting:
        yield f"written for {releases.in_words(fitting)}:"
    else:
        yield "no single release has all that is used, and ptbert has the names of all:"
    for each in diagnosis.evidence:
        yield f"  {each.place}: {each.what} {each.verb} {releases.in_words(each.releases)}"


def _some(lines: list[str]) -> Iterator[str]:
    yield from lines[:_SHOWN]
    if len(lines) > _SHOWN:
        yield f"  and {len(lines) - _SHOWN} more"


def json_of(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return a diagnosis as plain values for JSON."""
    return {
        "files": diagnosis.files,
        "using": diagnosis.using,
        "successors": diagnosis.successors,
        "releases": sorted(diagnosis.fitting) if diagnosis.using else [],
        "evidence": [
            {"place": each.place, "what": each.what, "releases": sorted(each.releases)}
            for each in diagnosis.evidence
        ],
        "findings": [
            {
                "file": each.file,
                "cell": each.cell,
                "line": each.line,
                "effect": each.effect.name.lower(),
                "what": each.what,
                "remedy": each.remedy,
            }
            for each in diagnosis.findings
        ],
        "copies": [_copy(each, diagnosis.imported) for each in diagnosis.copies],
        "unread": [each._asdict() for each in diagnosis.unread],
        "commands": diagnosis.commands,
    }


def _copy(copy: Copy, imported: frozenset[str]) -> dict[str, Any]:
    facts = ("name", "folder", "modules", "own")
    return {each: getattr(copy, each) for each in facts} | {"obstacle": copy.obstacle(imported)}
