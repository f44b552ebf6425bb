"""What generation needs of a model: running it over growing texts.

Letters: B batch, L tokens fed, V vocabulary.
"""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class Decoding(Protocol):
    """One run of a model over a batch of growing texts."""

    def feed(self, ids: Tensor) -> Tensor:
        """Take the next tokens (B, L) of all texts; return scores (B, V) of the token after."""
        ...

    def select(self, rows: Tensor) -> None:
        """Keep, repeat or reorder texts: text i becomes what text ``rows[i]`` was."""
        ...
