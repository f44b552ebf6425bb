"""Reading a file or a folder: what is found in its programs, and how to run them"""

from __future__ import annotations

import ast
import os
import shlex
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from ptbert.doctor import habits, moved, names, releases, saved
from ptbert.doctor.copies import Copy, find_copies
from ptbert.doctor.findings import Effect, Finding
from ptbert.doctor.names import Evidence
from ptbert.doctor.program import NO_COPIES, TOO_DEEP, Program, parsed
from ptbert.doctor.requirements import old_requirements, required_releases
from ptbert.doctor.sources import Source, Unread, read_sources

Check = Callable[[Program], Iterator[Finding]]
# What any program may do, and what only programs of the library do.
_OF_ANY: tuple[Check, ...] = (moved.moved_names, moved.moved_habits)
_OF_LIBRARY: tuple[Check, ...] = (
    names.unknown_arguments,
    habits.models,
    habits.tokenizers,
    habits.optimizers,
    saved.saved_objects,
)
_SUCCESSORS = ("pytorch_transformers", "transformers")


class Diagnosis(NamedTuple):
    """What was found.

    Args:
        files: all that were read.
        using: those that import the library.
        successors: later libraries that are imported too.
        evidence: names and arguments that show the release, because others did not have them.
        findings: by file and line.
        copies: of the library, under other names.
        unread: files that could not be read.
        commands: command lines that run the programs.
        imported: the dotted names of all that the programs import.
    """

    files: list[str]
    using: list[str]
    successors: list[str]
    evidence: list[Evidence]
    findings: list[Finding]
    copies: list[Copy]
    unread: list[Unread]
    commands: list[str]
    imported: frozenset[str]

    @property
    def fitting(self) -> frozenset[str]:
        """The releases that had everything that the programs use."""
        return _fitting(self.evidence)

    @property
    def must_be_changed(self) -> bool:
        """Whether a line fails, or a file cannot be read at all."""
        return bool(self.unread) or any(each.effect is Effect.STOPS for each in self.findings)


def diagnosis_of(path: str | os.PathLike[str]) -> Diagnosis:
    """Read the programs in a file or folder; nothing of them is run or imported.

    Args:
        path: a Python file, a notebook, or a folder of both. Beside a file, only copies of the
            library that it imports are read too, and in both cases files such as
            ``requirements.txt``.

    Raises:
        FileNotFoundError: if there is no such file or folder.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "train.py")
        ...     text = "from pytorch_pretrained_bert.optimization import warmup_linear"
        ...     _ = file.write_text(text)
        ...     sorted(diagnosis_of(file).fitting)
        ['0.4.0', '0.5.0', '0.5.1', '0.6.0', '0.6.1']
    """
    root = Path(path) if Path(path).is_dir() else Path(path).parent
    unread: list[Unread] = []
    programs = list(_programs(path, root, unread))
    beside = _imported_beside(programs, root) if not Path(path).is_dir() else []
    copies = find_copies([*programs, *beside], root)
    inside = {Path(each.folder, module).resolve() for each in copies for module in each.modules}
    taken = {each.name: each.taken for each in copies}
    own = [
        Program(each.source, each.tree, taken, each.package)
        for each in programs
        if each.source.path.resolve().with_suffix("") not in inside
    ]
    for each in own:
        each.beside = own
    using = [each for each in own if each.imports_library]
    added = frozenset(name for copy in copies for name in copy.own)
    shown: list[Evidence] = []
    findings: list[Finding] = []
    for program in list(own):
        try:
            in_file = list(_findings(program, bool(using), added))
            shown += names.evidence(program) if program in using else ()
            findings += in_file
        except RecursionError:  # ast.unparse needs more calls for each level than ast.parse
            unread.append(Unread(program.source.file, TOO_DEEP))
            own.remove(program)
    using = [each for each in own if each in using]
    if using:
        findings += old_requirements(root)
        # What a program uses counts more than what it says that it needs.
        shown += [each for each in required_releases(root) if each.releases & _fitting(shown)]
    evidence = _telling(shown)
    imported = frozenset().union(*map(_needed_by, own))
    return Diagnosis(
        files=[each.source.file for each in own],
        using=[each.source.file for each in using],
        successors=sorted({each for program in own for each in _successors(program)}),
        evidence=evidence,
        findings=sorted(set(findings)),
        copies=copies,
        unread=unread,
        commands=list(_commands(own, using, copies, _fitting(evidence), root)),
        imported=imported,
    )


def _fitting(evidence: Iterable[Evidence]) -> frozenset[str]:
    """The releases that had all of something."""
    return releases.ALL.intersection(*(each.releases for each in evidence))


def _telling(evidence: list[Evidence]) -> list[Evidence]:
    """What leaves the fewest releases, the most telling first; the rest says nothing more."""
    kept: list[Evidence] = []
    left = releases.ALL
    for each in sorted(evidence, key=lambda each: len(each.releases)):
        if left - each.releases and left:
            kept.append(each)
            left &= each.releases
    return kept


def _programs(
    path: str | os.PathLike[str], root: Path, unread: list[Unread] | None = None
) -> Iterator[Program]:
    for source in read_sources(path):
        tree = parsed(source) if isinstance(source, Source) else source
        if isinstance(source, Source) and isinstance(tree, ast.Module):
            yield Program(source, tree, NO_COPIES, _package(source.path, root))
        elif unread is not None and isinstance(tree, Unread):
            unread.append(tree)


def _package(path: Path, root: Path) -> str:
    try:
        return ".".join(path.parent.resolve().relative_to(root.resolve()).parts)
    except ValueError:
        return ""


def _imported_beside(programs: list[Program], root: Path) -> list[Program]:
    """The files of packages beside a program that it imports, for they may be copies."""
    found = []
    roots = {name.partition(".")[0] for each in programs for name in each.names.values()}
    roots |= {package.partition(".")[0] for each in programs for _, package in each.stars}
    for name in sorted(roots):
        folder = root / name
        if name.isidentifier() and folder.is_dir():
            found += list(_programs(folder, root))
    return found


def _findings(program: Program, is_of_2019: bool, added: frozenset[str]) -> Iterator[Finding]:
    """What is found in one file; other files of a program of 2019 are read for what has moved."""
    checks = _OF_ANY if is_of_2019 else ()
    if program.imports_library:
        yield from names.unknown_names(program, added)
        checks += _OF_LIBRARY
    for check in checks:
        yield from check(program)


def _successors(program: Program) -> Iterator[str]:
    for dotted in program.names.values():
        if dotted.partition(".")[0] in _SUCCESSORS:
            yield dotted.partition(".")[0]


def _commands(
    own: list[Program],
    using: list[Program],
    copies: list[Copy],
    fitting: frozenset[str],
    root: Path,
) -> Iterator[str]:
    """The command lines that run the programs, if any program uses the library."""
    if not using:
        return
    modules = {each.source.path.stem for each in using}
    starts = [each for each in using if len(own) == 1 or _is_started(each, own)]
    starts += [
        each
        for each in own
        if each not in using and _is_started(each, own) and modules & _imported_parts(each)
    ]
    options = ["--release", "june"] if fitting == releases.JUNE else []
    imported = frozenset().union(*map(_needed_by, own))
    roots = {name.partition(".")[0] for name in imported}
    kept = [copy for copy in copies if copy.obstacle(imported)]
    for copy in copies:
        if copy.name in roots and copy not in kept:
            options += ["--as", copy.name]
    for program in starts:
        if program.source.path.suffix == ".py":
            needs_copy = any(copy.is_in(program.imported_names) for copy in kept)
            start = ["python"] if needs_copy else ["ptbert", "run", *options]
            yield _command(start, program, root)


def _command(start: list[str], program: Program, root: Path) -> str:
    """The command line for one program; one of a package is run by the name of its module."""
    if not (program.package and _is_relative(program)):
        return shlex.join([*start, program.source.file])
    command = shlex.join([*start, "-m", f"{program.package}.{program.source.path.stem}"])
    return command if root == Path() else f"cd {shlex.quote(str(root))} && {command}"


def _needed_by(program: Program) -> frozenset[str]:
    """The names that a program imports, and its own if it can only be run by that."""
    is_module = program.package and _is_relative(program)
    own = [f"{program.package}.{program.source.path.stem}"] if is_module else []
    return program.imported_names.union(own)


def _is_relative(program: Program) -> bool:
    return any(isinstance(node, ast.ImportFrom) and node.level for node in program.nodes)


def _imported_parts(program: Program) -> set[str]:
    """The parts of all dotted names that a program imports."""
    return {part for name in program.imported_names for part in name.split(".")}


def _is_started(program: Program, others: list[Program]) -> bool:
    """Whether a file is a program, and not only a module for others."""
    for node in program.tree.body:
        if isinstance(node, ast.If) and any(
            isinstance(each, ast.Name) and each.id == "__name__" for each in ast.walk(node.test)
        ):
            return True
    name = program.source.path.stem
    is_imported = any(name in _imported_parts(each) for each in others if each is not program)
    is_module = is_imported or name == "__init__"
    return (
        program.imports_library
        and not is_module
        and any(
            isinstance(node, (ast.Expr, ast.For, ast.While, ast.With)) and not _is_text(node)
            for node in program.tree.body
        )
    )


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
