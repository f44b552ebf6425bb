"""Change one operator, condition or constant of a package at a time: do its tests notice?

usage: ``mutants.py packages/NAME [--size N] [--seed N] [--minutes N] [--workers N]``

A random sample of places is drawn, each mutant is tested in a copy of the package, and a mutant
with which all tests pass is printed. ``tests/equivalent_mutants.toml`` lists those that are known
to make no difference, with the reason; they are not drawn. The exit code is 1 if another survives,
or if an entry of that list fits nothing in the sources.

The tests that run the changed line come first, so most mutants take little more than the start of
pytest. POSIX only.
"""

# ruff: noqa: T201 - a command line prints

import argparse
import ast
import contextlib
import itertools
import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from changes import Mutant, drawn, statement
from equivalents import read_known, stale

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
KNOWN = "tests/equivalent_mutants.toml"
IGNORED = shutil.ignore_patterns("__pycache__", ".*", "build", "dist")

# A process that has imported the slow modules and forks: this saves a few seconds for each mutant.
STARTER = multiprocessing.get_context("forkserver")
STARTER.set_forkserver_preload(["__main__", "numpy", "pytest", "torch"])


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
        # Python reuses byte code if the source has the same size and time, in whole seconds.
        os.utime(path, times=(next(self.clock),) * 2)


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

        def wanted(mutant: Mutant) -> bool:
            return not any(entry.fits(mutant) for entry in known)

        mutants = drawn(sources, seed, options.size, wanted)
        survivors, tested = suite.survivors(mutants, sources, options.workers, end)
    print(f"\n{tested} mutants tested, {tested - len(survivors)} killed, {len(survivors)} survived")
    for mutant in survivors:
        print(f"{options.package}/{mutant}")
    return 1 if survivors or unused else 0


def stop(*_: object) -> None:
    """Begin to clean up, once."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("mutants: stopped", file=sys.stderr)
        sys.exit(130)
