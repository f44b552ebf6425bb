"""One run of a Transformer-XL over a batch of growing texts, with its own memory.

Letters: B batch, L tokens fed, M positions in the memory, E model width, V vocabulary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

if TYPE_CHECKING:
    from ptbert_models.transfo_xl.models import TransfoXLLMHeadModel


class MemoryDecoding:
    """Feeds tokens to a model and hands its memory on.

    A text may grow without limit; what is further back than ``mem_len`` is forgotten.

    Args:
        model: the language model.
        attention_mask: must be None: this family has no padding.

    Raises:
        ValueError: if there is padding.
    """

    def __init__(self, model: TransfoXLLMHeadModel, attention_mask: Tensor | None) -> None:
        if attention_mask is not None:
            raise ValueError(
                "Transformer-XL has no padding, so prompts of different lengths cannot be "
                "continued together; generate them one by one"
            )
        self._model = model
        self._mems: list[Tensor] | None = None

    def feed(self, ids: Tensor) -> Tensor:
        """Take the next tokens (B, L) of all texts; return scores (B, V) of what follows them."""
        hidden, self._mems = self._model.transformer(ids, self._mems)
        # Scores of earlier positions, a vocabulary wide each, are not wanted.
        return self._model.log_probabilities(hidden[:, -1])

    def select(self, rows: Tensor) -> None:
        """Keep, repeat or reorder texts: text i becomes what text ``rows[i]`` was."""
        if self._mems is not None:
            self._mems = [memory.index_select(1, rows) for memory in self._mems]  # (M, B, E)
