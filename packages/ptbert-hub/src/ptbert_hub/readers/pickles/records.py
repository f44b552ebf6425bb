"""What a pickle asks for, as records that do nothing, and the error of a pickle without an end"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ptbert_hub.errors import BadContent


class EndsEarly(BadContent):
    """Bytes end within a pickle; perhaps there are more."""


@dataclass(frozen=True, slots=True)
class Name:
    """A function or class that a pickle names.

    Args:
        name: its module and its name with a dot between them, such as "collections.Counter".
    """

    name: str


@dataclass(eq=False, slots=True)
class Call:
    """A call that a pickle asks for, and what is to be done with its result.

    Args:
        name: the function or class.
        arguments: what it is called with.
        state: the attributes of the result, or None.
        items: what is appended to the result.
        pairs: keys and values that are put into the result.
    """

    name: str
    arguments: tuple[Any, ...]
    state: Any = None
    items: list[Any] = field(default_factory=list)
    pairs: dict[Any, Any] = field(default_factory=dict)


@dataclass(eq=False, frozen=True, slots=True)
class Reference:
    """Something outside of the pickle, such as the numbers of a tensor.

    Args:
        to: what the pickle says about it.
    """

    to: Any


Record = Name | Call | Reference
