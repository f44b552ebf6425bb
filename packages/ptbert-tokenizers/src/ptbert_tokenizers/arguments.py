"""Checks of numbers and switches that callers give"""

from contextlib import suppress
from operator import index
from typing import Any


def checked_whole(
    value: Any, name: str, least: int = 1, most: int | None = None, *, what: str = ""
) -> int:
    """Return a number that a caller gave, as an int.

    Args:
        value: what the caller gave; numbers of NumPy too.
        name: of the argument.
        least: the smallest number that is allowed.
        most: the largest number that is allowed; None for any.
        what: what it should be, such as "a length", where that says more than the name.

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
        wanted = f"whole number from {least} {'on' if most is None else f'to {most}'}"
        if what:
            raise ValueError(f"{name}={value!r} is not {what}; choose a {wanted}")
        raise ValueError(f"{name}={value!r} is no {wanted}; correct it")
    return found


def checked_switch(value: Any, name: str) -> Any:
    """Return a setting that is true or false, if it is no string: ``"False"`` would count as true.

    Raises:
        TypeError: if it is a string.

    Example:
        >>> checked_switch("False", "do_lower_case")
        Traceback (most recent call last):
        TypeError: do_lower_case is 'False', a string; give True or False
    """
    if isinstance(value, str | bytes):
        raise TypeError(f"{name} is {value!r}, a string; give True or False")
    return value
