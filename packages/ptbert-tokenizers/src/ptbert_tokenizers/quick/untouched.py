"""Whether a part of a tokenizer has the methods that this package gave it.

Programs subclass, patch and replace parts of tokenizers. Quick paths give the results of the
original methods, so they check first whether a part still has these.
"""

from operator import attrgetter
from types import FunctionType
from typing import Any


class Untouched:
    """Tells whether an object has the methods that ``cls`` has when this is constructed.

    Args:
        cls: the class, not yet changed by a program.
        names: the methods to compare; all methods of the class when none are named.

    Example:
        >>> class Greeter:
        ...     def greet(self):
        ...         return "hello"
        >>> is_untouched = Untouched(Greeter)
        >>> greeter = Greeter()
        >>> is_untouched(greeter)
        True
        >>> greeter.greet = lambda: "bye"
        >>> is_untouched(greeter)
        False
    """

    def __init__(self, cls: type, *names: str) -> None:
        chosen = names or [name for name, it in vars(cls).items() if isinstance(it, FunctionType)]
        self._methods_of = attrgetter(*chosen)
        self._methods = self._methods_of(cls)
        self._names = frozenset(chosen)

    def __call__(self, part: Any) -> bool:
        """Tell whether ``part`` has exactly those methods."""
        try:
            is_same = self._methods_of(type(part)) == self._methods
        except AttributeError:
            return False
        return is_same and part.__dict__.keys().isdisjoint(self._names)
