"""One run of a GPT over a batch of growing texts, with keys and values kept.

Letters: B batch, L tokens fed, T tokens so far, E model width, V vocabulary with special tokens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ptbert_models.gpt.cache import LayerCache
from ptbert_models.inputs import given

if TYPE_CHECKING:
    from ptbert_models.gpt.models import GPTWithHead


class CachedDecoding:
    """Feeds tokens to a model and remembers what it computed for them.

    Args:
        model: a model with a language-model head.
        capacity: number of tokens that a text may have in the end.
        attention_mask: (B, L) for the first tokens fed, 0 for padding on the left; no padding when
            None.

    Raises:
        ValueError: if a text may outgrow the positions that the model has.
    """

    def __init__(self, model: GPTWithHead, capacity: int, attention_mask: Tensor | None) -> None:
        longest = capacity
        if attention_mask is not None:
            padding = attention_mask.size(1) - attention_mask.long().sum(1)
            longest -= int(padding.min())
        limit = model.transformer.position_embedding().num_embeddings
        if longest > limit:
            raise ValueError(
                f"a text would grow to {longest} tokens and n_positions={limit}; "
                "shorten it or ask for fewer new tokens"
            )
        self._model = model
        self._caches = [LayerCache(capacity) for _ in model.transformer.h]
        self._attention_mask = attention_mask

    def feed(self, ids: Tensor) -> Tensor:
        """Take the next tokens (B, L) of all texts; return scores (B, V) of what follows them."""
        transformer = self._model.transformer
        mask = self._attention_mask
        if mask is not None and self._caches[0].length:
            mask = self._attention_mask = torch.cat((mask, mask.new_ones(ids.shape)), dim=1)
        output = transformer(ids, past=self._caches, **given(attention_mask=mask))
        # Scores of earlier positions, a vocabulary wide each, are not wanted.
        return self._model.lm_head(transformer.last_hidden_states(output)[:, -1])

    def select(self, rows: Tensor) -> None:
        """Keep, repeat or reorder texts: text i becomes what text ``rows[i]`` was."""
        for cache in self._caches:
            cache.select(rows)
        if self._attention_mask is not None:
            self._attention_mask = self._attention_mask.index_select(0, rows)
