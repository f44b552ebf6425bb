"""Running a Transformer-XL on a batch of growing texts, with its own memory.

Letters: B batch, L tokens fed, M positions in the memory, E model width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from ptbert_models.transfo_xl.bare import TransfoXLModel


class MemoryDecoding:
    """Feeds tokens to a model, and passes the memory of each call to the next one.

    A text may grow without limit; positions further back than ``mem_len`` are forgotten.

    Args:
        transformer: the bare model.
        last_log_probabilities: function from hidden states (B, L, E) to log-probabilities (B, V) of
            the tokens after the last of them.
        attention_mask: must be None: this family has no padding.

    Raises:
        ValueError: if there is padding.
    """

    def __init__(
        self,
        transformer: TransfoXLModel,
        last_log_probabilities: Callable[[Tensor], Tensor],
        attention_mask: Tensor | None,
    ) -> None:
        if attention_mask is not None:
            raise ValueError(
                "Transformer-XL has no padding, so prompts of different lengths cannot be "
                "continued together; generate them one by one"
            )
        self._transformer = transformer
        self._last_log_probabilities = last_log_probabilities
        self._mems: list[Tensor] | None = None

    def feed(self, ids: Tensor) -> Tensor:
        """Take the next tokens (B, L) of all texts; return scores (B, V) of the token after."""
        hidden, self._mems = self._transformer(ids, self._mems)
        return self._last_log_probabilities(hidden)

    def select(self, rows: Tensor) -> None:
        """Keep, repeat or reorder texts: text i becomes what text ``rows[i]`` was."""
        if self._mems is not None:
            self._mems = [memory.index_select(1, rows) for memory in self._mems]  # (M, B, E)
