"""Small changes of a source file: one operator, condition or constant is replaced by another.

Cosmic Ray (https://cosmic-ray.readthedocs.io) finds the places and makes the changes.
"""

import ast
import contextlib
import itertools
import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

# `==` instead of `is` and the like: whether equal objects are identical depends on Python.
LEFT_OUT = re.compile(r"core/ReplaceComparisonOperator_(Is(Not)?_(?!Is)|(?!Is)[A-Za-z]+_Is(Not)?$)")

Position = tuple[int, int]  # line from 1, column from 0
Change = tuple[str, int]  # a Cosmic Ray operator, and the number of the place in the file


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


def changed_line(before: str, after: str) -> tuple[int, str, str]:
    """Return the number of the line that differs, and both its versions; "" for a removed line."""
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
    return [span(part) for part in parts if isinstance(part, ast.expr | ast.stmt)] + [
        stars
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        for stars in bare_star(node)
    ]


def span(node: ast.expr | ast.stmt | ast.arg) -> tuple[Position, Position]:
    """Return where a part begins and ends."""
    return (node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0)


def bare_star(function: ast.FunctionDef) -> list[tuple[Position, Position]]:
    """Return the place of a ``*`` that only says that names must be given; ``/`` would say less."""
    arguments = function.args
    if not arguments.kwonlyargs or arguments.vararg is not None:
        return []
    before = [span(part)[1] for part in (*arguments.args, *arguments.defaults)]
    start = max(before, default=(function.lineno, function.col_offset))
    return [(start, span(arguments.kwonlyargs[0])[0])]


def places(source: str) -> dict[Position, list[Change]]:
    """Return where a file can be changed, and how."""
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
    """Yield the mutants that are valid Python and differ from the original."""
    original = ast.dump(ast.parse(source))
    for name, occurrence in changes:
        mutated = mutate_code(source, get_operator(name)(), occurrence)
        with contextlib.suppress(SyntaxError):
            if mutated is not None and ast.dump(ast.parse(mutated)) != original:
                compile(mutated, file, "exec", dont_inherit=True)
                yield Mutant(file, *changed_line(source, mutated), mutated)


def drawn(
    sources: Mapping[Path, str], seed: int, size: int, wanted: Callable[[Mutant], bool]
) -> Iterator[Mutant]:
    """Yield at most ``size`` mutants to be tested, each at a different place."""
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
            if wanted(mutant):
                yield mutant
                size -= 1
                break
        if not size:
            return


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
