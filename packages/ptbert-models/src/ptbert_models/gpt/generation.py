"""Running a GPT on a batch of growing texts, with a cache of keys and values.

Letters: B batch, L tokens fed, T tokens so far, E model width, V vocabulary with special tokens.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ptbert_models.gpt.bare import GPTDecoder
from ptbert_models.gpt.cache import LayerCache
from ptbert_models.gpt.heads import LMHead
from ptbert_models.parts.inputs import without_none


class CachedDecoding:
    """Feeds tokens to a model and keeps their keys and values.

    Args:
        transformer: the bare model.
        lm_head: scores the tokens that may follow.
        capacity: final length of the texts, in tokens.
        attention_mask: (B, L) for the prompts, 0 for padding on the left; no padding when None.

    Raises:
        ValueError: if a text may become longer than the positions that the model has.
    """

    def __init__(
        self,
        transformer: GPTDecoder,
        lm_head: LMHead,
        capacity: int,
        attention_mask: Tensor | None,
    ) -> None:
        longest = capacity
        if attention_mask is not None:
            padding = attention_mask.size(1) - attention_mask.long().sum(1)
            longest -= int(padding.min())
        limit = transformer.position_embedding().num_embeddings
        if longest > limit:
            raise ValueError(
                f"a text would grow to {longest} tokens and n_positions={limit}; "
                "shorten it or ask for fewer new tokens"
            )
        self._transformer = transformer
        self._lm_head = lm_head
        self._caches = [LayerCache(capacity) for _ in transformer.h]
        self._attention_mask = attention_mask

    def feed(self, ids: Tensor) -> Tensor:
        """Take the next tokens (B, L) of all texts; return scores (B, V) of the token after."""
        mask = self._attention_mask
        if mask is not None and self._caches[0].length:
            mask = self._attention_mask = torch.cat((mask, mask.new_ones(ids.shape)), dim=1)
        output = self._transformer(ids, past=self._caches, **without_none(attention_mask=mask))
        # Only the last position is scored: a row of scores is as wide as the vocabulary.
        _, hidden, _ = self._transformer.split_output(output)
        return self._lm_head(hidden[:, -1])

    def select(self, rows: Tensor) -> None:
        """Keep, repeat or reorder texts: text i becomes what text ``rows[i]`` was."""
        for cache in self._caches:
            cache.select(rows)
        if self._attention_mask is not None:
            self._attention_mask = self._attention_mask.index_select(0, rows)
