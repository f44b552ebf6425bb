"""What a single value of a configuration may be, one function for each kind of value."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from numbers import Real
from typing import Any

from ptbert_hub.messages import shown

MOST_LAYERS = 10_000  # each takes some milliseconds and kilobytes, however small it is
LARGEST_SIZE = 1 << 24  # far above every model; torch's own errors do not name the key

Rule = Callable[[Any], str | None]
"""Returns what is wrong with a value, to be read after it; None if nothing is."""


def size(value: Any) -> str | None:
    """Check the size of a dimension, or a number of parts.

    Example:
        >>> size(0), size(3), size(1 << 31)
        ('must be an integer above 0', None, 'is larger than 16777216, the largest possible')
    """
    return _too_large(value) if _is_integer(value) and value > 0 else "must be an integer above 0"


def layers(value: Any) -> str | None:
    """Check a number of layers.

    Example:
        >>> layers(0), layers(12), layers(1 << 20)
        ('must be an integer above 0', None, 'is larger than 10000, the largest possible')
    """
    return size(value) or _too_large(value, MOST_LAYERS)


def optional_size(value: Any) -> str | None:
    """Check a size that follows from other values where it is None."""
    return None if value is None else size(value)


def count(value: Any) -> str | None:
    """Check a number of things, which may be 0."""
    least = _is_integer(value) and value >= 0
    return _too_large(value) if least else "must be an integer from 0 up"


def optional_count(value: Any) -> str | None:
    """Check a number from 0 up that may be None."""
    return None if value is None else count(value)


def length(value: Any) -> str | None:
    """Check a number of positions, which may be 0."""
    return "is negative" if _is_integer(value) and value < 0 else integer(value)


def integer(value: Any) -> str | None:
    """Check an integer whose negative values have a meaning, such as -1 for "no limit"."""
    return _too_large(value) if _is_integer(value) else "must be an integer"


def number(value: Any) -> str | None:
    """Check a finite number that is not negative.

    Example:
        >>> number(0.02), number(-1), number("a"), number(10**400)
        (None, 'is negative', 'must be a finite number', 'must be a finite number')
    """
    if not _is_number(value):
        return "must be a finite number"
    return "is negative" if value < 0 else None


def probability(value: Any) -> str | None:
    """Check a rate of dropout."""
    return None if _is_number(value) and 0 <= value < 1 else "must lie in [0, 1)"


def optional_probability(value: Any) -> str | None:
    """Check a rate that is another one where it is None."""
    return None if value is None else probability(value)


def flag(value: Any) -> str | None:
    """Check a truth value; old files also have 0 and 1."""
    return None if value in (True, False) else "must be true or false"


def text(value: Any) -> str | None:
    """Check a name."""
    return None if isinstance(value, str) else "must be a text"


def one_of(*choices: Any) -> Rule:
    """Return a rule for one of several values of the same type.

    Example:
        >>> one_of("normal", "uniform")("zeros")
        'is unknown; choose one of normal, uniform'
    """

    def check(value: Any) -> str | None:
        if any(type(value) is type(choice) and value == choice for choice in choices):
            return None
        return f"is unknown; choose one of {', '.join(map(str, choices))}"

    return check


def integers(value: Any) -> str | None:
    """Check a list of integers."""
    good = isinstance(value, (list, tuple)) and all(integer(each) is None for each in value)
    return None if good else "must be a list of integers"


def flags(value: Any) -> str | None:
    """Check a list of truth values."""
    good = isinstance(value, (list, tuple)) and all(flag(each) is None for each in value)
    return None if good else "must be a list of truth values"


def labels(value: Any) -> str | None:
    """Check the names of labels by their numbers; keys of JSON are texts.

    Example:
        >>> labels({"0": "no", "1": "yes"}), labels({"yes": "0"})
        (None, 'must have the numbers of labels as keys, from 0 up')
    """
    if isinstance(value, dict) and sorted(map(str, value)) == sorted(map(str, range(len(value)))):
        return None
    return None if value is None else "must have the numbers of labels as keys, from 0 up"


def heads_by_layer(value: Any) -> str | None:
    """Check which heads are pruned: lists of their numbers, by the number of the layer.

    Example:
        >>> heads_by_layer({"0": [1, 2]}), heads_by_layer({"a": 1})
        (None, 'must have the numbers of layers as keys, and lists of heads as values')
    """
    if isinstance(value, dict) and all(
        str(layer).isdecimal()
        and isinstance(heads, (list, tuple, set, frozenset))
        and all(count(head) is None for head in heads)
        for layer, heads in value.items()
    ):
        return None
    if value is None:
        return None
    return "must have the numbers of layers as keys, and lists of heads as values"


def checked_size(name: str, value: Any) -> int:
    """Return an argument of a class that is a size, also if it is an integer of NumPy.

    Raises:
        ValueError: if it is none; the message names the argument.

    Example:
        >>> checked_size("num_labels", 3)
        3
    """
    is_other_integer = hasattr(type(value), "__index__") and not isinstance(value, bool)
    number = operator.index(value) if is_other_integer else value
    if problem := size(number):
        raise ValueError(f"{name}={shown(value)} {problem}")
    return int(number)


def _too_large(value: int, largest: int = LARGEST_SIZE) -> str | None:
    return None if value <= largest else f"is larger than {largest}, the largest possible"


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, Real):  # NumPy's numbers too
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond all floats
        return False
