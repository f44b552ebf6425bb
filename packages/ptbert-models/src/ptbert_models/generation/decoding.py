"""What generation needs of a model: running it over growing texts, in evaluation mode.

Letters: B batch, L tokens fed, V vocabulary.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol
from weakref import WeakKeyDictionary

from torch import Tensor, nn

_lock = threading.Lock()
_evaluated: WeakKeyDictionary[nn.Module, tuple[int, list[nn.Module]]] = WeakKeyDictionary()


class Decoding(Protocol):
    """One run of a model over a batch of growing texts."""

    def feed(self, ids: Tensor) -> Tensor:
        """Take the next tokens (B, L) of all texts; return scores (B, V) of the token after."""
        ...

    def select(self, rows: Tensor) -> None:
        """Keep, repeat or reorder texts: text i becomes what text ``rows[i]`` was."""
        ...


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put a model into evaluation mode, and in the end every module back into its old mode.

    If several threads do so at once, the modules go back when the last of them is done.
    """
    with _lock:
        users, training = _evaluated.get(model, (0, []))
        if not users:
            training = [module for module in model.modules() if module.training]
            for module in training:
                module.training = False
        _evaluated[model] = (users + 1, training)
    try:
        yield
    finally:
        with _lock:
            users, training = _evaluated.pop(model)
            if users > 1:
                _evaluated[model] = (users - 1, training)
            else:
                for module in training:
                    module.training = True
