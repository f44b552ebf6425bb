"""What the names and variables of a program stand for, as far as its text shows it"""

from __future__ import annotations

import ast
import sys
import warnings
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple

from ptbert.doctor import releases
from ptbert.doctor.expressions import attribute_by_call, imported_by_call
from ptbert.doctor.findings import Effect, Finding
from ptbert.doctor.guarded import guarded_nodes
from ptbert.doctor.releases import LIBRARY
from ptbert.doctor.sources import Source, Unread
from ptbert.doctor.variables import Variables

_WRAPPERS = ("DataParallel", "DistributedDataParallel", "FP16_Module")
Copies = Mapping[str, Collection[str]]  # modules of the library in packages of other names
NO_COPIES: Copies = MappingProxyType({})
TOO_DEEP = "cannot be parsed; it holds no Python, or too deeply nested one"
_SAME_OBJECT = frozenset({"to", "cuda", "cpu", "eval", "train", "half", "float"})  # methods


class Used(NamedTuple):
    """A name of the library where a program uses it."""

    node: ast.AST
    module: str
    name: str


class Program:
    """The syntax tree of one file, and what its names stand for.

    Args:
        source: the text.
        tree: of it.
        copies: packages that have copies of modules of the library, and which modules these
            are; ``""`` is among them if the package itself has the names of the library. The
            modules beside a program are in the package ``""``.
        package: the one that the file is in, as far as its folders tell; empty for none.
    """

    def __init__(
        self, source: Source, tree: ast.Module, copies: Copies = NO_COPIES, package: str = ""
    ) -> None:
        self.source = source
        self.tree = tree
        self.package = package
        self.beside: list[Program] = []  # the other files that were read together with this one
        self._copies = copies
        self.nodes = list(ast.walk(tree))
        self.names: dict[str, str] = {}
        self.imported: set[str] = set()  # also those whose name another import takes
        self.stars: list[tuple[ast.ImportFrom, str]] = []
        for node in self.nodes:
            self._learn_import(node)

    def found(self, node: ast.AST, effect: Effect, what: str, remedy: str) -> Finding:
        """Return a finding at a node."""
        cell, line = self.source.place(getattr(node, "lineno", 1))
        return Finding(self.source.file, line, cell, effect, what, remedy)

    def _learn_import(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for each in node.names:
                root = each.name.partition(".")[0]
                self._name(each.asname or root, each.name if each.asname else root)
                self.imported.add(each.name)
        elif isinstance(node, ast.ImportFrom):
            package = self._package_of(node)
            for each in node.names:
                if each.name != "*":
                    self._name(each.asname or each.name, f"{package}.{each.name}")
                    continue
                self.stars.append((node, package))
                module = self.library_module(package)
                for name in releases.names_of(module) if module is not None else ():
                    self.names.setdefault(name, f"{package}.{name}")

        elif isinstance(node, ast.Assign) and (dotted := imported_by_call(node.value, self.names)):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    self._name(target.id, dotted)
        elif isinstance(node, ast.Call) and (dotted := imported_by_call(node, self.names)):
            self.imported.add(dotted)

    def _name(self, name: str, dotted: str) -> None:
        """Learn what a name stands for; of two libraries, it is the one of 2019."""
        self.imported.add(dotted)
        if self.library_module(self.names.get(name, "")) is None:
            self.names[name] = dotted

    def _package_of(self, node: ast.ImportFrom) -> str:
        """The whole name of the module that is imported from."""
        if not node.level:
            return node.module or ""
        parts = self.package.split(".") if self.package else []
        parts = parts[: len(parts) - node.level + 1]
        return ".".join([*parts, node.module] if node.module else parts)

    def dotted(self, node: ast.AST) -> str | None:
        """Return what a name such as ``np.int`` or ``BertModel`` stands for, with its modules."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id)
        if isinstance(node, ast.Attribute):
            before = self.dotted(node.value)
            return None if before is None else f"{before}.{node.attr}"
        if isinstance(node, ast.Call):
            if (name := attribute_by_call(node)) is not None:
                before = self.dotted(node.args[0])
                return None if before is None else f"{before}.{name}"
            return imported_by_call(node, self.names)
        return None

    def library_module(self, dotted: str) -> str | None:
        """Return what a dotted name is in the library; ``""`` for the library itself.

        Of a package with copies of modules, its other modules and names are its own.
        """
        if dotted == LIBRARY:
            return ""
        if dotted.startswith(f"{LIBRARY}."):
            return dotted.removeprefix(f"{LIBRARY}.")
        for library, modules in self._copies.items():
            if library and dotted == library:
                return "" if "" in modules else None
            if dotted.startswith(f"{library}." if library else ""):
                rest = dotted.removeprefix(f"{library}.")
                first = rest.partition(".")[0]
                is_name = "" in modules and not releases.has_module(first)
                if first in modules or (is_name and releases.releases_with("", first)):
                    return rest
        return None

    def library_name(self, node: ast.AST) -> tuple[str, str] | None:
        """Return module and name of the library that an expression stands for."""
        dotted = self.dotted(node)
        rest = None if dotted is None else self.library_module(dotted)
        if not rest:
            return None
        module, _, name = rest.rpartition(".")
        return module, name

    def class_of(self, node: ast.AST) -> str | None:
        """Return the class of the library that an expression stands for: ``BertModel``."""
        found = self.library_name(node)
        return found[1] if found and found[1] in releases.classes() else None

    @cached_property
    def imported_names(self) -> frozenset[str]:
        """The dotted names of all that is imported, and of the modules that star imports name."""
        return frozenset(self.imported.union(package for _, package in self.stars))

    @cached_property
    def imports_library(self) -> bool:
        """Whether anything of the library is imported, by whatever name."""
        return any(self.library_module(name) is not None for name in self.imported_names)

    @cached_property
    def guarded(self) -> frozenset[int]:
        """The ids of the nodes for which the program has an alternative."""
        return guarded_nodes(self.nodes, self.dotted)

    @cached_property
    def used(self) -> list[Used]:
        """The names that are imported from the library, or taken from its modules.

        Those for which the program has an alternative are left out, and those that it adds itself.
        """
        found = []
        parts = [each for each in self.nodes if isinstance(each, ast.Attribute)]
        added = {self.library_name(each) for each in parts if isinstance(each.ctx, ast.Store)}
        for node in self.nodes:
            if id(node) in self.guarded or self.library_name(node) in added - {None}:
                continue
            if isinstance(node, ast.ImportFrom):
                module = self.library_module(self._package_of(node))
                names = node.names if module is not None else ()
                found += [Used(node, module or "", each.name) for each in names if each.name != "*"]
            elif isinstance(node, ast.Import):
                for each in node.names:
                    module = self.library_module(each.name)
                    if module:
                        found.append(Used(node, "", module))
            elif isinstance(node, (ast.Attribute, ast.Call)):
                named = self.library_name(node)
                if named and releases.has_module(named[0]):
                    found.append(Used(node, *named))
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                named = self.library_name(node)
                if named and self._is_from_a_star(node.id):
                    found.append(Used(node, *named))
        return found

    def _is_from_a_star(self, name: str) -> bool:
        dotted = self.names.get(name, "")
        return any(dotted == f"{package}.{name}" for _, package in self.stars)

    @cached_property
    def calls(self) -> list[ast.Call]:
        """All calls, in the order of the text."""
        found = [node for node in self.nodes if isinstance(node, ast.Call)]
        return sorted(found, key=lambda call: (call.lineno, call.col_offset))

    @cached_property
    def variables(self) -> Variables:
        """The variables and attributes, and all that is assigned to each."""
        return Variables(self.tree)

    @cached_property
    def kinds(self) -> dict[str, str]:
        """The class of each variable that is always an object of one class of the library.

        Variables are known by their keys. Those that are also something else are left out.
        """
        kinds: dict[str, str] = {}
        for _ in range(2):  # once more for variables made from others
            for name, given in self.variables.values.items():
                found = {self.kind_of(value, kinds) for value in given}
                if len(found) == 1 and (kind := found.pop()) is not None:
                    kinds[name] = kind
        return kinds

    def kind_of(self, node: ast.AST, known: dict[str, str] | None = None) -> str | None:
        """Return the class of the library whose object an expression is."""
        known = self.kinds if known is None else known
        if isinstance(node, (ast.Name, ast.Attribute)):
            if (key := self.variables.key(node)) in known:
                return known[key]
            if isinstance(node, ast.Attribute) and node.attr == "module":  # of a wrapper
                return self.kind_of(node.value, known)
            return None
        if isinstance(node, ast.IfExp):  # model.module if hasattr(model, "module") else model
            found = {self.kind_of(each, known) for each in (node.body, node.orelse)}
            return found.pop() if len(found) == 1 else None
        if not isinstance(node, ast.Call):
            return None
        if (made := self.class_of(node.func)) is not None:
            return made
        if not isinstance(node.func, ast.Attribute):
            is_wrapped = isinstance(node.func, ast.Name) and node.func.id in _WRAPPERS
            return self.kind_of(node.args[0], known) if is_wrapped and node.args else None
        if node.func.attr == "from_pretrained":
            return self.class_of(node.func.value)
        if node.func.attr in _WRAPPERS and node.args:
            return self.kind_of(node.args[0], known)
        if node.func.attr in _SAME_OBJECT:
            return self.kind_of(node.func.value, known)
        return None

    def calls_of_objects(self, *kinds: str) -> Iterator[tuple[ast.Call, str]]:
        """Yield the calls of objects of some classes (all when none is given), and the class."""
        for call in self.calls:
            kind = self.kind_of(call.func)
            if kind is not None and (not kinds or kind in kinds):
                yield call, kind


def parsed(source: Source) -> ast.Module | Unread:
    """Parse a program, without running anything of it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of invalid escapes and the like
            return ast.parse(source.text, source.file)
    except SyntaxError as error:
        cell, line = source.place(error.lineno or 1)
        where = f"line {line}" if not cell else f"line {line} of cell {cell}"
        return Unread(source.file, f"{_cause(error)} ({where}: {error.msg}); {_cure(error)}")
    except (ValueError, RecursionError, MemoryError):
        return Unread(source.file, TOO_DEEP)


def _cause(error: SyntaxError) -> str:
    line = (error.text or "").strip()
    old = ("print ", "exec ", "raise ", "except ")
    if line.startswith(old) or "async" in line or "<>" in line or isinstance(error, TabError):
        return "is Python of another time"
    return f"cannot be read by Python {sys.version_info.major}.{sys.version_info.minor}"


def _cure(error: SyntaxError) -> str:
    if "async=" in (error.text or "").replace(" ", ""):
        return "write non_blocking=True"
    return "make it run on Python 3 first"
