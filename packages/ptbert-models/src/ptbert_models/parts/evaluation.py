"""Evaluation mode for the time of a call, also if several threads call at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

from torch import nn

_lock = threading.Lock()
_calls: WeakKeyDictionary[nn.Module, int] = WeakKeyDictionary()
_training: WeakKeyDictionary[nn.Module, list[nn.Module]] = WeakKeyDictionary()


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put a model into evaluation mode, and each of its modules back where it was at the end.

    If threads overlap, the modules are put back when the last one ends. A thread that trains the
    model meanwhile would train without dropout.

    Example:
        >>> dropout = nn.Dropout()
        >>> with evaluating(dropout):
        ...     print(dropout.training)
        False
        >>> dropout.training
        True
    """
    with _lock:
        calls = _calls.get(model, 0)
        _calls[model] = calls + 1
        if not calls:
            _training[model] = [module for module in model.modules() if module.training]
            for module in _training[model]:
                module.training = False
    try:
        yield
    finally:
        with _lock:
            _calls[model] -= 1
            if not _calls[model]:
                del _calls[model]
                for module in _training.pop(model):
                    module.training = True
