"""Numbers of things in words: 1 example, 2 examples"""

from __future__ import annotations


def number_of(number: int, thing: str, plural: str = "") -> str:
    """Return a number and what it is of.

    Args:
        number: how many.
        thing: one of them.
        plural: several; with an s behind one when empty.

    Example:
        >>> number_of(1, "example"), number_of(2, "example"), number_of(3, "process", "processes")
        ('1 example', '2 examples', '3 processes')
    """
    return f"{number} {thing if number == 1 else plural or thing + 's'}"
