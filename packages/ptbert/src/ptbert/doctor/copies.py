"""Copies of the library under other names, inside the folder of a program"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from ptbert.doctor import releases
from ptbert.doctor.program import Program, parsed
from ptbert.doctor.sources import Source, read_sources

_TELLING = 4  # classes of the library in one file; fewer may be anything
_SHOWN = 3


class Copy(NamedTuple):
    """A copy of the library.

    Args:
        name: what programs import, such as ``my_bert``; with dots if it is in other packages.
        folder: where it is.
        modules: the submodules that it has.
        own: names that it defines and no release of 2019 has: it was changed.
    """

    name: str
    folder: str
    modules: tuple[str, ...]
    own: tuple[str, ...]

    @property
    def described(self) -> str:
        """What it is, in one line."""
        text = f"{self.folder} is a copy of the library ({', '.join(self.modules)})"
        if not self.own:
            return f"{text}, with no names of its own"
        more = f" and {len(self.own) - _SHOWN} more" if len(self.own) > _SHOWN else ""
        return f"{text}, changed: it adds {', '.join(self.own[:_SHOWN])}{more}"


def find_copies(programs: Iterable[Program], root: Path) -> list[Copy]:
    """Return the copies of the library among some files.

    Args:
        programs: the files.
        root: the folder from which programs import.
    """
    found: dict[Path, list[tuple[str, list[str]]]] = {}
    for program in programs:
        module = program.source.path.stem
        own = _own_names(program, module)
        if own is not None:
            found.setdefault(program.source.path.parent, []).append((module, own))
    return [_copy(folder, parts, root) for folder, parts in sorted(found.items())]


def copy_in(folder: Path) -> Copy | None:
    """Return the copy of the library that a package is, or None if it is something else.

    Args:
        folder: of the package; its files are read, and not run.
    """
    programs = []
    for path in sorted(folder.glob("*.py")):
        for source in read_sources(path):
            if isinstance(source, Source) and isinstance(tree := parsed(source), ast.Module):
                programs.append(Program(source, tree))
    return next(iter(find_copies(programs, folder.parent)), None)


def _copy(folder: Path, parts: Sequence[tuple[str, list[str]]], root: Path) -> Copy:
    try:
        name = ".".join(folder.resolve().relative_to(root.resolve()).parts)
    except ValueError:
        name = folder.name
    own = [each for _, names in parts for each in names]
    return Copy(name, str(folder), tuple(module for module, _ in parts), tuple(own))


def _own_names(program: Program, module: str) -> list[str] | None:
    """The names that a copy of a module adds, or None if it is no copy."""
    if not releases.has_module(module) or module == "":
        return None
    if any(name.partition(".")[0] == "tensorflow" for name in program.names.values()):
        return None  # the authors' own code, whose classes have the same names
    defined = [
        node.name
        for node in program.tree.body
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and not node.name.startswith("__")
    ]
    known = set(releases.names_of(module))
    wanted = min(_TELLING, len([each for each in known if each in releases.classes()]) or _TELLING)
    if len(known.intersection(defined)) < wanted or program.imports_library:
        return None
    return [name for name in defined if name not in known]
