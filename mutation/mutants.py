"""Change one operator, condition or constant of a package at a time: do its tests notice?

usage: ``mutants.py packages/NAME [--size N] [--seed N] [--minutes N] [--workers N]``

Cosmic Ray (https://cosmic-ray.readthedocs.io) finds the places and makes the changes. Here a
random sample of places is drawn, each mutant is tested in a copy of the package, and a mutant with
which all tests pass is printed. ``tests/equivalent_mutants.toml`` lists those that are known to
make no difference, with the reason; they are not drawn. The exit status is 1 if another survives,
or if an entry of that list fits nothing in the sources.

The tests that run the changed line come first, so most mutants take little more than the start of
pytest. POSIX only.
"""

# ruff: noqa: T201 - a command line prints

from __future__ import annotations

import argparse
import ast
import contextlib
import itertools
import json
import multiprocessing
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
KNOWN = "tests/equivalent_mutants.toml"
IGNORED = shutil.ignore_patterns("__pycache__", ".*", "build", "dist")

# `==` for `is` and the like: whether two equal objects are one is Python's affair.
LEFT_OUT = re.compile(r"core/ReplaceComparisonOperator_(Is(Not)?_(?!Is)|(?!Is)[A-Za-z]+_Is(Not)?$)")

# A process that has imported what takes long, and forks: a mutant costs a few seconds less.
STARTER = multiprocessing.get_context("forkserver")
STARTER.set_forkserver_preload(["numpy", "pytest", "torch"])

Position = tuple[int, int]  # line from 1, column from 0
Change = tuple[str, int]  # a Cosmic Ray operator, and which of its places in the file


@dataclass(frozen=True)
class Mutant:
    """A file with one change."""

    file: Path  # below the package's folder
    line: int
    was: str
    now: str
    source: str = field(repr=False)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}\n    was  {self.was}\n    now  {self.now}"


@dataclass(frozen=True)
class Known:
    """An entry of ``equivalent_mutants.toml``: a line, and what it may become unnoticed.

    Lines are compared without white space; ``now`` is None for any change of the line.
    """

    file: str
    was: str
    now: str | None
    reason: str

    def fits(self, mutant: Mutant) -> bool:
        """Say whether this is one of the mutants that are meant."""
        return (
            mutant.file.as_posix().endswith(f"/{self.file}")
            and bare(self.was) == bare(mutant.was)
            and (self.now is None or bare(self.now) == bare(mutant.now))
        )


def bare(text: str) -> str:
    """Return a text without white space."""
    return "".join(text.split())


def read_known(path: Path) -> list[Known]:
    """Read the list of equivalent mutants; an absent file is an empty list.

    Raises:
        ValueError: if an entry lacks a key, has an unknown one, or gives no reason.
    """
    found = []
    entries = tomllib.loads(path.read_text("utf-8")).get("mutant", []) if path.exists() else []
    for entry in entries:
        if not {"file", "was", "reason"} <= entry.keys() <= {"file", "was", "now", "reason"}:
            raise ValueError(f"{path}: {entry} needs file, was and reason, and may have now")
        if not entry["reason"].strip():
            raise ValueError(f"{path}: {entry['was']!r} is listed without a reason")
        now = entry.get("now")
        for each in now if isinstance(now, list) else [now]:
            found.append(Known(entry["file"], entry["was"], each, entry["reason"]))
    return found


def changed_line(before: str, after: str) -> tuple[int, str, str]:
    """Return the number of the line that differs, and both versions of it; "" for a line gone."""
    old, new = before.splitlines(), after.splitlines()
    same = sum(1 for _ in itertools.takewhile(equal, zip(old, new, strict=False)))
    tail = list(zip(reversed(old[same:]), reversed(new[same:]), strict=False))
    same_at_end = sum(1 for _ in itertools.takewhile(equal, tail))
    was = [line.strip() for line in old[same : len(old) - same_at_end]]
    now = [line.strip() for line in new[same : len(new) - same_at_end]]
    number = next((number for number, line in enumerate(was) if line), 0)
    return same + number + 1, next(filter(None, was), ""), next(filter(None, now), "")


def equal(pair: tuple[str, str]) -> bool:
    """Say whether both are the same."""
    return pair[0] == pair[1]


def spared(tree: ast.Module) -> list[tuple[Position, Position]]:
    """Return the parts that need no test: types, log messages, ``__repr__``, TYPE_CHECKING."""
    parts: list[ast.AST | None] = []
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name="__repr__"):
                parts.append(node)
            case ast.FunctionDef(returns=annotation) | ast.arg(annotation=annotation):
                parts.append(annotation)
            case ast.AnnAssign(annotation=annotation):
                parts.append(annotation)
            case ast.Call(func=ast.Attribute(value=ast.Name(id="logger"))):
                parts.append(node)
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                parts.append(node)
    return [
        ((part.lineno, part.col_offset), (part.end_lineno or 0, part.end_col_offset or 0))
        for part in parts
        if isinstance(part, ast.expr | ast.stmt)
    ]


def places(source: str) -> dict[Position, list[Change]]:
    """Return where a file can be changed, and how."""
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.plugins import get_operator, operator_names

    nodes = list(ast_nodes(get_ast(source)))
    parts = spared(ast.parse(source))
    found: dict[Position, list[Change]] = defaultdict(list)
    for name in operator_names():
        if LEFT_OUT.match(name) or get_operator(name).arguments():
            continue
        operator = get_operator(name)()
        positions = (start for node in nodes for start, _ in operator.mutation_positions(node))
        for occurrence, start in enumerate(positions):
            if not any(first <= start < last for first, last in parts):
                found[start].append((name, occurrence))
    return found


def mutants_at(file: Path, source: str, changes: Iterable[Change]) -> Iterator[Mutant]:
    """Yield the mutants that are programs and differ from the original."""
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    original = ast.dump(ast.parse(source))
    for name, occurrence in changes:
        mutated = mutate_code(source, get_operator(name)(), occurrence)
        with contextlib.suppress(SyntaxError):
            if mutated is not None and ast.dump(ast.parse(mutated)) != original:
                compile(mutated, file, "exec", dont_inherit=True)
                yield Mutant(file, *changed_line(source, mutated), mutated)


def stale(known: Iterable[Known], sources: Mapping[Path, str]) -> list[Known]:
    """Return the entries that fit no possible mutant."""
    left = list(known)
    for file, source in sources.items():
        # Only the lines of entries are worth the time.
        here = [entry for entry in left if file.as_posix().endswith(f"/{entry.file}")]
        wanted = {bare(entry.was) for entry in here}
        lines = [bare(line) for line in source.splitlines()]
        if not wanted.isdisjoint(lines):
            for (line, _), changes in places(source).items():
                near = lines[line - 1 : line + 1]  # the change may begin with a line's end
                if not wanted.isdisjoint(near):
                    for mutant in mutants_at(file, source, changes):
                        left = [entry for entry in left if not entry.fits(mutant)]
    return left


def drawn(
    sources: Mapping[Path, str], known: Iterable[Known], seed: int, size: int
) -> Iterator[Mutant]:
    """Yield at most ``size`` mutants, each at another place."""
    every = [
        (file, position, changes)
        for file, source in sources.items()
        for position, changes in places(source).items()
    ]
    chance = random.Random(seed)
    chance.shuffle(every)
    for file, _, changes in every:
        chance.shuffle(changes)
        for mutant in mutants_at(file, sources[file], changes):
            if not any(entry.fits(mutant) for entry in known):
                yield mutant
                size -= 1
                break
        if not size:
            return


class Suite:
    """The tests of a package, run in copies of it."""

    def __init__(self, package: Path, folder: Path) -> None:
        self.package, self.folder = package, folder
        self.seconds: dict[str, float] = {}
        self.lines: dict[str, dict[int, list[str]]] = {}
        self.clock = itertools.count(int(time.time()))

    def copy(self, name: str) -> Path:
        """Copy the package, and the settings of pytest, into a new folder of this name."""
        copy = self.folder / name
        shutil.copytree(self.package, copy / "packages" / self.package.name, ignore=IGNORED)
        shutil.copy(ROOT / "pyproject.toml", copy)
        return copy

    def start(self, copy: Path, **environment: str) -> BaseProcess:
        """Start the tests in a copy; ``mutants.log`` there gets what they print."""
        process = STARTER.Process(target=run_tests, args=(copy, self.package.name, environment))
        process.start()
        return process

    def learn(self) -> None:
        """Run all tests on the unchanged sources.

        Raises:
            SystemExit: if one fails, with what pytest printed.
        """
        copy = self.copy("unchanged")
        source = copy / "packages" / self.package.name / "src"
        record = copy / "record.json"
        process = self.start(copy, MUTANTS_RECORD=str(record), MUTANTS_SOURCE=str(source))
        try:
            process.join()
            if process.exitcode != 0:
                raise SystemExit((copy / "mutants.log").read_text("utf-8", "replace"))
        finally:
            kill(process)
        learnt: dict[str, Any] = json.loads(record.read_text("utf-8"))
        self.seconds = learnt["seconds"]
        prefix = len(source.parent.as_posix()) + 1
        for file, lines in learnt["lines"].items():
            self.lines[file[prefix:]] = {int(line): tests for line, tests in lines.items()}

    def plan(self, mutant: Mutant, original: str) -> list[tuple[str, float]]:
        """Return all tests and their limits: by file, those first that run the changed line.

        The tests of a file stay together, because they may share what is costly to make.
        """
        lines = self.lines.get(mutant.file.as_posix(), {})
        first, last = statement(ast.parse(original), mutant.line)
        covering = {test for line in range(first, last + 1) for test in lines.get(line, [])}
        cost: dict[tuple[bool, str], float] = defaultdict(float)
        for test, seconds in self.seconds.items():
            cost[test not in covering, test.partition("::")[0]] += seconds

        def place(test: str) -> tuple[bool, float]:
            away = test not in covering
            return away, cost[away, test.partition("::")[0]]

        return [(t, 20 + 10 * self.seconds[t]) for t in sorted(self.seconds, key=place)]

    def survivors(
        self, mutants: Iterator[Mutant], sources: Mapping[Path, str], workers: int, end: float
    ) -> tuple[list[Mutant], int]:
        """Test mutants, several at a time, until the time ``end`` of ``time.monotonic``.

        Returns:
            The mutants with which all tests passed, and how many were tested.
        """
        free = [self.copy(str(number)) for number in range(workers)]
        running: dict[Path, tuple[Mutant, BaseProcess]] = {}
        found, tested, waiting = [], 0, True
        try:
            while running or waiting:
                while free and waiting:
                    mutant = next(mutants, None)
                    waiting = mutant is not None and time.monotonic() < end
                    if mutant is not None and waiting:
                        copy = free.pop()
                        running[copy] = mutant, self._try(copy, mutant, sources[mutant.file])
                time.sleep(0.05)
                for copy, (mutant, process) in list(running.items()):
                    if process.is_alive():
                        continue
                    kill(process)
                    self._write(copy, mutant.file, sources[mutant.file])
                    del running[copy]
                    free.append(copy)
                    tested += 1
                    survives = process.exitcode == 0
                    print(tested, "SURVIVED" if survives else "killed", mutant, flush=True)
                    found += [mutant] if survives else []
                if time.monotonic() > end:
                    break
        finally:
            for _, process in running.values():
                kill(process)
        return found, tested

    def _try(self, copy: Path, mutant: Mutant, original: str) -> BaseProcess:
        plan = copy / "plan.json"
        plan.write_text(json.dumps(self.plan(mutant, original)), "utf-8")
        self._write(copy, mutant.file, mutant.source)
        return self.start(copy, MUTANTS_PLAN=str(plan))

    def _write(self, copy: Path, file: Path, source: str) -> None:
        path = copy / "packages" / self.package.name / file
        path.write_text(source, "utf-8")
        # Byte code is taken for current if size and time agree, the latter in whole seconds.
        os.utime(path, times=(next(self.clock),) * 2)


def statement(tree: ast.Module, line: int) -> tuple[int, int]:
    """Return the first and last line of the statement at a line; of a block only its head."""
    found = (line, line)
    for node in ast.walk(tree):  # outer statements come before inner ones
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or 0):
            body = getattr(node, "body", None)
            last = max(node.lineno, body[0].lineno - 1) if body else node.end_lineno or 0
            if line <= last:
                found = (node.lineno, last)
    return found


def run_tests(copy: Path, name: str, environment: dict[str, str]) -> None:
    """Run the tests of a package in a copy, as the whole work of a process."""
    sys.dont_write_bytecode = False  # each start of pytest would rewrite every test again
    os.setsid()  # a group of its own, so that what the tests start can be ended with it
    with open(copy / "mutants.log", "wb") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    sources = [str(copy / "packages" / name / "src"), str(HERE)]
    os.environ |= {**environment, "PYTHONPATH": os.pathsep.join(sources)}
    sys.path[:0] = sources
    os.chdir(copy)

    import pytest

    plugins = ["-p", "ordered_tests", "-p", "no:cacheprovider"]
    sys.exit(pytest.main(["-x", "-q", *plugins, "-m", "not slow", f"packages/{name}/tests"]))


def kill(process: BaseProcess) -> None:
    """End a process and those it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid or 0, signal.SIGKILL)
    process.join()


def main() -> int:
    """Read the command line, test a sample, and report."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("package", type=Path, help="its folder, e.g. packages/ptbert-optim")
    parser.add_argument("--size", type=int, default=100, help="mutants (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="of the sample (default: another each time)")
    parser.add_argument("--minutes", type=float, default=28, help="limit (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    end = time.monotonic() + 60 * options.minutes
    seed = random.randrange(10**6) if options.seed is None else options.seed
    package = options.package.resolve()
    known = read_known(package / KNOWN)
    sources = {
        path.relative_to(package): path.read_text("utf-8")
        for path in sorted(package.glob("src/**/*.py"))
    }
    unused = stale(known, sources)
    for entry in unused:
        print(f"{package / KNOWN}: nothing fits {entry.file}: {entry.was!r} -> {entry.now!r}")
    print(f"{package.name}: --seed {seed} --size {options.size}", flush=True)
    (ROOT / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="mutants-", dir=ROOT / "build") as folder:
        suite = Suite(package, Path(folder))
        suite.learn()
        took = sum(suite.seconds.values())
        print(f"{len(suite.seconds)} tests pass in {took:.0f} s on the unchanged sources")
        mutants = drawn(sources, known, seed, options.size)
        survivors, tested = suite.survivors(mutants, sources, options.workers, end)
    print(f"\n{tested} mutants tested, {tested - len(survivors)} killed, {len(survivors)} survived")
    for mutant in survivors:
        print(f"{options.package}/{mutant}")
    return 1 if survivors or unused else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # clean up then, too
    sys.exit(main())
