"""The lines of a program that have an alternative: attempts to import, questions for versions"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator

_Dotted = Callable[[ast.AST], str | None]

_OF_IMPORTS = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})
_OF_DISTRIBUTIONS = frozenset({"PackageNotFoundError", "DistributionNotFound"})
_OF_ATTRIBUTES = frozenset({"AttributeError"})
_VERSIONS = frozenset({"sys.version", "sys.version_info", "six.PY2", "six.PY3"})


def guarded_nodes(nodes: Iterable[ast.AST], dotted: _Dotted) -> frozenset[int]:
    """Return the ids of the nodes for which the program itself has an alternative.

    These are imports in an attempt that catches an ImportError, questions for a distribution in one
    that catches that there is none, names in one that catches an
    AttributeError, and all that stands under a question for a version or ``hasattr(time, ...)``.
    An attempt that raises an error again has no alternative.

    Args:
        nodes: all of a program.
        dotted: what a name stands for, such as ``sys.version_info``.
    """
    found: set[int] = set()
    for node in nodes:
        if isinstance(node, ast.Try):
            found.update(map(id, _attempted(node)))
        elif isinstance(node, (ast.If, ast.IfExp)) and _asks_version(node.test, dotted):
            found.update(id(each) for each in ast.walk(node))
    return frozenset(found)


def _attempted(node: ast.Try) -> Iterator[ast.AST]:
    caught = {name for handler in node.handlers for name in _caught(handler)}
    kinds: list[type[ast.AST]] = []
    if caught & _OF_IMPORTS:
        kinds += [ast.Import, ast.ImportFrom, ast.Call]
    if caught & _OF_DISTRIBUTIONS:
        kinds += [ast.Call]
    if caught & _OF_ATTRIBUTES:
        kinds += [ast.Attribute]
    for statement in (*node.body, *node.handlers):
        yield from (each for each in ast.walk(statement) if isinstance(each, tuple(kinds)))


def _caught(handler: ast.ExceptHandler) -> Iterator[str]:
    """The names of the errors that a handler has an answer to."""
    if any(isinstance(each, ast.Raise) for each in ast.walk(handler)):
        return
    if handler.type is None:
        yield "BaseException"
        return
    for each in ast.walk(handler.type):
        if isinstance(each, (ast.Name, ast.Attribute)):
            yield each.id if isinstance(each, ast.Name) else each.attr


def _asks_version(test: ast.expr, dotted: _Dotted) -> bool:
    for each in ast.walk(test):
        if isinstance(each, ast.Call):
            is_question = isinstance(each.func, ast.Name) and each.func.id == "hasattr"
            if is_question and each.args and dotted(each.args[0]) is not None:
                return True
        elif isinstance(each, (ast.Name, ast.Attribute)):
            name = dotted(each) or ""
            if name in _VERSIONS or name.endswith(".__version__"):
                return True
    return False
