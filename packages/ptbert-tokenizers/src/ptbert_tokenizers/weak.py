"""Methods that an object can remember of itself, and still be freed as soon as it is unused."""

from collections.abc import Callable
from typing import Any
from weakref import ref


def weak_method(owner: object, name: str) -> Callable[..., Any]:
    """Return a method of an object, without keeping the object.

    An object that keeps its own method is freed only by Python's garbage collector, which may let
    hundreds of megabytes of unused vocabularies pile up before.

    Args:
        owner: the object; it must exist when the method is called.
        name: of the method.

    Example:
        >>> from ptbert_tokenizers.edits import Vocabulary
        >>> vocabulary = Vocabulary({"a": 0})
        >>> weak_method(vocabulary, "get")("a")
        0
    """
    known = ref(owner)

    def method(*args: Any) -> Any:
        return getattr(known(), name)(*args)

    return method
