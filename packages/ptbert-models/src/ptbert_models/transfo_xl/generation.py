"""Running a Transformer-XL on a batch of growing texts, with its own memory.

Letters: B batch, L tokens fed, M positions in the memory, E model width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from ptbert_models.parts.compiled_steps import Kind, compiled_steps
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


class CompiledMemoryDecoding(MemoryDecoding):
    """Keeps the memory where it is, so that one compiled step fits every token.

    Prompts are read as by ``MemoryDecoding``.

    Args:
        model: with ``transformer``, and ``log_probabilities`` of hidden states (B, E).
        options: keyword arguments of ``torch.compile``.
        *others: arguments of ``MemoryDecoding``.
    """

    def __init__(self, model: Any, options: Mapping[str, Any], *others: Any) -> None:
        super().__init__(*others)
        self._model = model
        self._steps = compiled_steps(model, _step, options)
        self._memory: tuple[Tensor, ...] = ()
        self._has_prompts = self._is_in_place = False

    def feed(self, ids: Tensor) -> Tensor:
        """Take the next tokens (B, L) of all texts; return scores (B, V) of the token after."""
        if not self._has_prompts:
            self._has_prompts = True
            return super().feed(ids)
        if not self._is_in_place:
            self._put_in_place(self._mems or [])
        return self._steps(ids, self._model, *self._memory)

    def _put_in_place(self, mems: list[Tensor]) -> None:
        kinds = [Kind.of(each) for each in mems]
        if [Kind.of(each) for each in self._memory] != kinds:
            self._memory = self._steps.memory(self, *kinds)
        for place, memory in zip(self._memory, mems, strict=True):
            place.copy_(memory)
        self._mems = list(self._memory)
        self._is_in_place = True

    def select(self, rows: Tensor) -> None:
        """Keep, repeat or reorder texts: text i becomes what text ``rows[i]`` was."""
        super().select(rows)
        self._is_in_place = False


def _step(ids: Tensor, model: Any, *mems: Tensor) -> Tensor:
    """Feed one token (B, 1) of each text, and let the memory (M, B, E) of each layer go on.

    Returns:
        Log-probabilities (B, V).
    """
    hidden, new_mems = model.transformer(ids, list(mems) or None)
    for memory, new in zip(mems, new_mems or (), strict=True):
        memory.copy_(new)
    log_probabilities: Tensor = model.log_probabilities(hidden[:, -1])
    return log_probabilities
