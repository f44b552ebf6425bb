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
_OF_OTHERS = frozenset({"file_utils"})  # the library had it from AllenNLP, and so had many others
_SHOWN = 3


class Copy(NamedTuple):
    """A copy of the library.

    Args:
        name: what programs import, such as ``my_bert``; with dots if it is in other packages.
        folder: where it is.
        modules: the submodules that are copies.
        own: names that these define and no release of 2019 has: the copy was changed.
        others: the other modules and packages in its folder.
        exports: whether the package itself has the names of the library.
    """

    name: str
    folder: str
    modules: tuple[str, ...]
    own: tuple[str, ...]
    others: tuple[str, ...] = ()
    exports: bool = True

    @property
    def taken(self) -> frozenset[str]:
        """The submodules that stand for the library; ``""`` if the package itself does."""
        return frozenset((*self.modules, *([""] if self.exports else [])))

    def is_in(self, imported: Iterable[str]) -> bool:
        """Whether programs import anything from it, by the dotted names of the imports."""
        if self.name:
            return any(f"{name}.".startswith(f"{self.name}.") for name in imported)
        return any(name.partition(".")[0] in self.modules for name in imported)

    def obstacle(self, imported: Iterable[str]) -> str:
        """Return what to do because ptbert cannot take its place; an empty text if it can.

        Args:
            imported: the dotted names that programs import.
        """
        begin = f"{self.name}."
        rest = {
            name.removeprefix(begin).partition(".")[0]
            for name in imported
            if name.startswith(begin)
        }
        if not self.name or "." in self.name:
            return "import from ptbert instead; only a package of its own can be replaced"
        if self.own:
            return f"python runs it with that copy; ptbert cannot take the place of {self.name}"
        if needed := sorted(rest.intersection(self.others)):
            return (
                f"python runs it with that copy; programs also need {_some(needed)} of {self.name}"
                ", which ptbert does not have"
            )
        return ""

    @property
    def described(self) -> str:
        """What it is, in one line."""
        text = f"{self.folder} is a copy of the library ({', '.join(self.modules)})"
        if not self.own:
            return f"{text}, with no names of its own"
        return f"{text}, changed: it adds {_some(self.own)}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"


def find_copies(programs: Iterable[Program], root: Path) -> list[Copy]:
    """Return the copies of the library among some files.

    Args:
        programs: the files.
        root: the folder from which programs import.
    """
    folders: dict[Path, list[Program]] = {}
    for program in programs:
        folders.setdefault(program.source.path.parent, []).append(program)
    found = (_copy(folder, inside, root) for folder, inside in sorted(folders.items()))
    return [each for each in found if each is not None]


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


def _copy(folder: Path, programs: Iterable[Program], root: Path) -> Copy | None:
    """The copy that the files of a folder make, if some of them are copied modules."""
    files = {each.source.path.stem: each for each in programs}
    copied = {
        module: own
        for module, program in files.items()
        if (own := _own_names(program, module)) is not None
    }
    if not copied.keys() - _OF_OTHERS:
        return None
    try:
        name = ".".join(folder.resolve().relative_to(root.resolve()).parts)
    except ValueError:
        name = folder.name
    begin = files.get("__init__")
    others = {each for each in files if not each.startswith("__")} - copied.keys()
    packages = {each.parent.name for each in folder.glob("*/__init__.py")}
    return Copy(
        name,
        str(folder),
        tuple(sorted(copied)),
        tuple(name for _, names in sorted(copied.items()) for name in names),
        tuple(sorted(others | packages)),
        bool(name) and (not (others | packages) or _takes_from(begin, copied)),
    )


def _takes_from(program: Program | None, modules: Iterable[str]) -> bool:
    """Whether the ``__init__`` of a package takes names from some of its modules."""
    nodes = program.nodes if program is not None else []
    taken = {
        (node.module or "").rpartition(".")[2] for node in nodes if isinstance(node, ast.ImportFrom)
    }
    return not taken.isdisjoint(modules)


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
