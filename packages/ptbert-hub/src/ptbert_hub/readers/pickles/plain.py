"""From records to values: containers of the standard library, and what a reader of files adds"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

from ptbert_hub.errors import BadContent
from ptbert_hub.readers.pickles.records import Call, Name, Record, Reference

_DEEPEST = 100  # containers in each other
_LEAVES = frozenset({str, bytes, int, bool, float, type(None), set, frozenset})  # without records
_SEQUENCES = frozenset({list, tuple})
_SMALL = 8  # values in a list or tuple that are sooner looked at than remembered
_NEW, _UNFINISHED = object(), object()
# Of sets and ordered dictionaries. Larger numbers can be chosen so that they become slow.
_TEXTS = frozenset({str, bytes, type(None)})
_MILLION = 1_000_000
_BUILTINS = ("builtins", "__builtin__")


class ForeignName(BadContent):
    """A pickle asks for a function or class that its reader does not know.

    Args:
        name: the function or class.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"it asks for {name}")
        self.name = name


def plain_value(record: Record) -> Any:
    """Return the container of the standard library that a record stands for.

    Raises:
        ForeignName: if it stands for something else.
        BadContent: if it is a reference, or its arguments are none of that container.

    Example:
        >>> plain_value(Call("collections.Counter", ({"a": 2},)))
        Counter({'a': 2})
    """
    if isinstance(record, Reference):
        raise BadContent("it holds a tensor, or something else that is no plain value")
    make = _CONTAINERS.get(record.name)
    if make is None or isinstance(record, Name):
        raise ForeignName(record.name)
    value = make(record.arguments)
    if value is None or record.items or (record.pairs and not isinstance(value, dict)):
        raise BadContent(f"it asks for {record.name} with something that does not belong there")
    if record.pairs:
        value.update(record.pairs)
    return value  # a state would be attributes, which nobody reads


def make_values(value: Any, make: Callable[[Record], Any] = plain_value) -> Any:
    """Return a value with all records in it replaced, the inner ones first.

    Args:
        value: what a ``PickleReader`` returned; lists and dictionaries in it are changed.
        make: returns the value of a record, whose own parts are values by then. What a reference
            refers to stays as it is in the pickle.

    Raises:
        BadContent: if containers are nested too deeply, or contain themselves.
    """
    return _Making(make).made(value, _DEEPEST)


class _Making:
    """Goes through a value once, however often its parts are repeated."""

    def __init__(self, make: Callable[[Record], Any]) -> None:
        self._make = make
        self._done: dict[int, Any] = {}  # by identity

    def made(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if kind in _LEAVES or (
            kind in _SEQUENCES and len(value) <= _SMALL and _LEAVES.issuperset(map(type, value))
        ):
            return value
        known = self._done.get(id(value), _NEW)
        if known is _UNFINISHED:
            raise BadContent("it has a container that contains itself")
        if known is not _NEW:
            return known
        if not depth:
            raise BadContent(f"it has more than {_DEEPEST} containers in each other")
        self._done[id(value)] = _UNFINISHED
        self._done[id(value)] = result = self._made(value, depth - 1)
        return result

    def _made(self, value: Any, depth: int) -> Any:
        if isinstance(value, list):
            if not _LEAVES.issuperset(map(type, value)):
                value[:] = [self.made(item, depth) for item in value]
        elif isinstance(value, dict):
            if not _LEAVES.issuperset(map(type, value.values())):
                value.update({key: self.made(item, depth) for key, item in value.items()})
        elif isinstance(value, tuple):
            return tuple([self.made(item, depth) for item in value])
        else:
            if isinstance(value, Call):
                value.arguments = tuple([self.made(item, depth) for item in value.arguments])
                value.items = self.made(value.items, depth)
                value.pairs = self.made(value.pairs, depth)
                value.state = self.made(value.state, depth)
            return self._make(value)
        return value


def _ordered(arguments: tuple[Any, ...]) -> OrderedDict[Any, Any] | None:
    match arguments:
        case ():
            return OrderedDict()
        case (list(pairs),) if all(
            type(pair) in _SEQUENCES and len(pair) == 2 and _is_key(pair[0]) for pair in pairs
        ):
            return OrderedDict(pairs)
    return None


def _counter(arguments: tuple[Any, ...]) -> Counter[Any] | None:
    match arguments:
        case () | ({},):
            return Counter(*arguments)
    return None


def _set(arguments: tuple[Any, ...]) -> set[Any] | None:
    match arguments:
        case ():
            return set()
        case (list(values),) if all(map(_is_key, values)):
            return set(values)
    return None


def _bytes(arguments: tuple[Any, ...]) -> bytes | None:
    """Bytes in protocols that have texts only."""
    match arguments:
        case ():
            return b""
        case (str(text), "latin1"):
            try:
                return text.encode("latin1")
            except UnicodeEncodeError:
                pass
    return None


def _is_key(key: Any) -> bool:
    return type(key) in _TEXTS or (type(key) is int and abs(key) < _MILLION)


_CONTAINERS: dict[str, Callable[[tuple[Any, ...]], Any]] = {
    "collections.Counter": _counter,
    "collections.OrderedDict": _ordered,
    "_codecs.encode": _bytes,
    **{f"{module}.bytes": _bytes for module in _BUILTINS},
    **{f"{module}.set": _set for module in _BUILTINS},
    **{f"{module}.frozenset": _set for module in _BUILTINS},
}
