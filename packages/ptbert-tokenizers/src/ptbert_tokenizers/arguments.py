"""Checks of numbers that callers give"""

from contextlib import suppress
from operator import index
from typing import Any


def checked_whole(value: Any, name: str, least: int = 1, most: int | None = None) -> int:
    """Return a number that a caller gave, as an int.

    Args:
        value: what the caller gave; numbers of NumPy too.
        name: of the argument.
        least: the smallest number that is allowed.
        most: the largest number that is allowed; None for any.

    Raises:
        ValueError: if it is another number, or none.

    Example:
        >>> checked_whole("3", "workers")
        Traceback (most recent call last):
        ValueError: workers='3' is no whole number from 1 on; correct it
    """
    found = None
    if not isinstance(value, (bool, type)):
        with suppress(TypeError):  # arrays have the method, whatever is in them
            found = index(value)
    if found is None or found < least or (most is not None and found > most):
        to = "on" if most is None else f"to {most}"
        raise ValueError(f"{name}={value!r} is no whole number from {least} {to}; correct it")
    return found
