"""Classes of modules as they were when this library was imported, and whether they still are so"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import FunctionType
from typing import Any, NamedTuple

from torch import nn

# What acts when modules are made or copied, not when they are called; torch.compile replaces it.
_NOT_IN_CALLS = frozenset(("__init__", "__setstate__", "__doc__", "__annotations__"))
_OF_EVERY_CLASS = frozenset(
    {"__module__", "__doc__", "__dict__", "__weakref__"}
    | {"__firstlineno__", "__static_attributes__", "__annotations__"}
)
_MISSING = object()

_shipped: dict[type, dict[str, Any]] = {}  # the attributes of module classes when they were new
_orders: dict[type, tuple[type, ...]] = {}  # the classes in which these look for attributes


class _Classes(NamedTuple):
    """A class with its base classes, and the attributes that they had when they were looked at."""

    order: tuple[type, ...]
    classes: list[Mapping[str, Any]]
    attributes: list[dict[str, Any]]


_accepted: dict[type, _Classes] = {}  # classes as shipped, maybe with more that nothing reads


def remember_classes(*packages: str) -> None:
    """Note what classes of modules look like now; called by packages when they are imported.

    Args:
        packages: the beginnings of the names of modules whose classes are noted.
    """
    waiting: list[type] = [nn.Module]
    while waiting:
        part = waiting.pop()
        for each in part.__mro__:  # modules may inherit from other classes too
            if each not in _shipped and each.__module__.startswith(packages):
                _shipped[each], _orders[each] = dict(vars(each)), each.__mro__
        waiting.extend(part.__subclasses__())


@cache
def _names(kind: Any) -> frozenset[str]:
    """Return the names of attributes that a class had when it was new, inherited ones too."""
    return frozenset().union(*(_shipped.get(each, vars(each)) for each in kind.__mro__))


def is_known(kind: type) -> bool:
    """Whether a class is one of those that were there when this library was imported."""
    return kind in _shipped


def is_as_shipped(kind: type) -> bool:
    """Whether a class and its base classes have the attributes that they had when they were new.

    Others that nothing reads may have been added.
    """
    accepted, order = _accepted.get(kind), kind.__mro__
    if accepted and accepted.order is order and accepted.classes == accepted.attributes:
        return True
    kinds = [each for each in order[:-1] if not _gives_nothing(each, kind)]
    classes: list[Mapping[str, Any]] = [vars(each) for each in kinds]
    if (*kinds, object) != _orders.get(kind) or not all(map(_reads_the_same, kinds, classes)):
        return False
    _accepted[kind] = _Classes(order, classes, [dict(each) for each in classes])
    return True


def _gives_nothing(base: type, kind: type) -> bool:
    """Whether a base class that is not known here has nothing that the classes before it lack.

    ``parts/conv1d.py`` has such a base class.
    """
    if base in _shipped:
        return False
    before = kind.__mro__[: kind.__mro__.index(base)]
    return all(
        name in _OF_EVERY_CLASS or any(name in vars(each) for each in before) for name in vars(base)
    )


def _reads_the_same(kind: type, now: Mapping[str, Any]) -> bool:
    new = _shipped.get(kind)
    if new is None:
        return False
    changed = (
        name
        for name in (now.keys() | new.keys()) - _NOT_IN_CALLS
        if now.get(name, _MISSING) is not new.get(name, _MISSING)
    )
    return not any(name in _names(kind) or name[:2] == "__" == name[-2:] for name in changed)


@cache
def is_original(kind: Any) -> bool:
    """Whether a class and its bases were unchanged when this library was imported."""
    return all(
        value.__globals__["__name__"] == each.__module__
        for each in kind.__mro__[:-1]
        for name, value in _shipped.get(each, {}).items()
        if isinstance(value, FunctionType) and name not in _NOT_IN_CALLS
    )
