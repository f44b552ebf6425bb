"""Whether a part of a tokenizer has the methods that this package gave it.

Programs subclass, patch and replace parts of tokenizers. Quick paths give the results of the
original methods, so they check first whether a part still has these.
"""

from collections.abc import Callable
from operator import attrgetter
from types import FunctionType
from typing import Any


def untouched(cls: type, *names: str) -> Callable[[Any], bool]:
    """Return a function that tells whether an object has the methods that ``cls`` has now.

    Args:
        cls: the class, not yet changed by a program.
        names: the methods to compare; all methods of the class when none are named.

    Example:
        >>> class Greeter:
        ...     def greet(self):
        ...         return "hello"
        >>> is_untouched = untouched(Greeter)
        >>> greeter = Greeter()
        >>> is_untouched(greeter)
        True
        >>> greeter.greet = lambda: "bye"
        >>> is_untouched(greeter)
        False
    """
    chosen = names or [name for name, it in vars(cls).items() if isinstance(it, FunctionType)]
    methods_of, has_none_of = attrgetter(*chosen), frozenset(chosen).isdisjoint
    methods = methods_of(cls)

    def is_untouched(part: Any) -> bool:  # called for each text, so it does as little as it can
        try:
            return methods_of(type(part)) == methods and has_none_of(part.__dict__)
        except AttributeError:
            return False

    return is_untouched
