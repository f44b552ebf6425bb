"""Which variable a name is: of the program, of a function or of a class, and what it is set to"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


class _Scope:
    """A function, a class or the whole program: what it is given, and what it sets."""

    def __init__(self, node: ast.AST, outer: _Scope | None) -> None:
        self.node = node
        self.outer = outer
        self.given = _arguments(node)
        self.elsewhere: set[str] = set()  # names that it declares global or nonlocal
        self.set_here: set[str] = set()

    @property
    def is_class(self) -> bool:
        return isinstance(self.node, ast.ClassDef)

    def owner(self) -> tuple[str, _Scope] | None:
        """What a method calls its object, and the class, for a method and what is inside of it."""
        scope: _Scope | None = self
        while scope is not None and scope.outer is not None:
            if scope.outer.is_class and scope.given:
                return scope.given[0], scope.outer
            scope = scope.outer
        return None


class Variables:
    """The variables of a program, told apart by where they are set.

    A name that a function sets is a variable of that function, and ``self.a`` one of the class
    whose methods set it. Arguments, and names that nobody sets, are known by their text alone.

    Args:
        tree: of the program.

    Example:
        >>> tree = ast.parse("def f(a): b = 1\\ndef g(): b = 2; print(a, b)")
        >>> variables = Variables(tree)
        >>> a, b = tree.body[1].body[1].value.args
        >>> [ast.unparse(value) for value in variables.values_of(b)]
        ['2']
        >>> variables.values_of(a), variables.is_given(a)
        ([], False)
    """

    def __init__(self, tree: ast.Module) -> None:
        self._scopes: dict[int, _Scope] = {}
        self._place_nodes(tree)
        targets = list(assignments(ast.walk(tree)))
        for target, _ in targets:
            self._bind(target)
        self.values: dict[str, list[ast.expr]] = {}
        for target, value in targets:
            for key in {self.key(target), ast.unparse(target)}:
                self.values.setdefault(key, []).append(value)

    def _place_nodes(self, tree: ast.Module) -> None:
        waiting: list[tuple[ast.AST, _Scope]] = [(tree, _Scope(tree, None))]
        while waiting:
            node, scope = waiting.pop()
            self._scopes[id(node)] = scope
            if isinstance(node, (ast.Global, ast.Nonlocal)):
                scope.elsewhere.update(node.names)
            inner = _Scope(node, scope) if isinstance(node, (*_FUNCTIONS, ast.ClassDef)) else scope
            waiting += [(each, inner) for each in ast.iter_child_nodes(node)]

    def _bind(self, target: ast.expr) -> None:
        scope = self._scopes[id(target)]
        owner = scope.owner()
        if isinstance(target, ast.Name):
            scope.set_here.add(target.id)
        elif owner is not None and _root(target) == owner[0]:
            owner[1].set_here.add(ast.unparse(target).removeprefix(owner[0]))

    def key(self, node: ast.AST) -> str:
        """Return the text of a variable, with a number where that does not tell it from others."""
        text = ast.unparse(node)
        scope = self._scopes[id(node)]
        owner = scope.owner()
        if owner is not None and isinstance(node, ast.Attribute) and _root(node) == owner[0]:
            name = text.removeprefix(owner[0])  # .model of self.model
            return f"{name} of {id(owner[1])}" if name in owner[1].set_here else text
        found = self._setter(_root(node), scope)
        return text if found is None else f"{text} of {id(found)}"

    def _setter(self, name: str, scope: _Scope | None) -> _Scope | None:
        """The function or program that sets a name; None for an argument."""
        start = scope
        while scope is not None:
            is_seen = scope is start or not scope.is_class
            if is_seen and name in scope.given:
                return None
            if is_seen and name in scope.set_here and name not in scope.elsewhere:
                return scope
            scope = scope.outer
        return None

    def values_of(self, node: ast.AST) -> list[ast.expr]:
        """Return all that is assigned to a variable or attribute."""
        return self.values.get(self.key(node), [])

    def class_around(self, node: ast.AST) -> ast.ClassDef | None:
        """Return the class in one of whose methods a node is."""
        owner = self._scopes[id(node)].owner()
        found = None if owner is None else owner[1].node
        return found if isinstance(found, ast.ClassDef) else None

    def is_given(self, node: ast.AST) -> bool:
        """Whether a name is an argument of the function that it is in."""
        scope: _Scope | None = self._scopes[id(node)]
        while scope is not None:
            if _root(node) in scope.given:
                return isinstance(node, ast.Name)
            if _root(node) in scope.set_here:
                return False
            scope = scope.outer
        return False


def assignments(nodes: Iterable[ast.AST]) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yield each variable or attribute that is assigned, and what is assigned to it."""
    for node in nodes:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                yield from _pairs(target, node.value)
        elif isinstance(node, (ast.AnnAssign, ast.NamedExpr)) and node.value is not None:
            yield from _pairs(node.target, node.value)
        elif isinstance(node, (ast.For, ast.comprehension)):
            yield from _pairs(node.target, node)  # type: ignore[arg-type]  # an item, not a value
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            yield from _pairs(node.optional_vars, node)  # type: ignore[arg-type]  # likewise


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    if isinstance(target, (ast.Tuple, ast.List)):
        values = value.elts if isinstance(value, (ast.Tuple, ast.List)) else []
        for number, each in enumerate(target.elts):
            fits = len(values) == len(target.elts)
            yield from _pairs(each, values[number] if fits else ast.Starred(value, ast.Load()))
    elif isinstance(target, (ast.Name, ast.Attribute)):
        yield target, value


def _arguments(node: ast.AST) -> list[str]:
    if not isinstance(node, _FUNCTIONS):
        return []
    given = node.args
    several = [each for each in (given.vararg, given.kwarg) if each is not None]
    return [each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs, *several)]


def _root(node: ast.AST) -> str:
    """The name that ``a.b.c`` begins with; empty if it begins with something else."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
