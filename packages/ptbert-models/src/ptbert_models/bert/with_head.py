"""What the BERT models with a head share: the bare model, and three ways to run it.

Letters: B batch, L sequence length, E model width, W positions that a head reads.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from ptbert_models.bert.bare import BertModel, BertPreTrainedModel
from ptbert_models.bert.config import BertConfig
from ptbert_models.bert.without_padding import can_pack, packed_states
from ptbert_models.parts.inputs import without_none
from ptbert_models.parts.losses import UNLABELLED, labelled_only


class Inputs(NamedTuple):
    """What the bare model is given; see ``BertModel.forward``."""

    input_ids: Tensor
    token_type_ids: Tensor | None
    attention_mask: Tensor | None
    head_mask: Tensor | None


class BertWithHead(BertPreTrainedModel):
    """A bare model as ``bert``; subclasses add a head.

    Arguments as in ``BertModel``.
    """

    def __init__(
        self, config: BertConfig, output_attentions: bool, keep_multihead_output: bool
    ) -> None:
        super().__init__(config)
        self.output_attentions = output_attentions
        self.bert = BertModel(config, output_attentions, keep_multihead_output)

    def encode(self, inputs: Inputs) -> tuple[Any, Any, Any]:
        """Return attention weights or None, the last layer (B, L, E), the pooled token (B, E)."""
        output = self.bert(
            *inputs[:3],
            output_all_encoded_layers=False,
            **without_none(head_mask=inputs.head_mask),
        )
        return output if self.output_attentions else (None, *output)

    def pool(self, inputs: Inputs) -> tuple[Any, Any]:
        """Return attention weights or None, and the pooled token (B, E)."""
        states = self._packed_states(inputs, _first_tokens(inputs.input_ids))
        if states is not None:
            return None, self.bert.pooler(states[:, None])
        weights, _, pooled = self.encode(inputs)
        return weights, pooled

    def encode_labelled(self, inputs: Inputs, labels: Tensor) -> tuple[Tensor, Tensor, Any]:
        """Return what a loss of labelled tokens reads.

        Args:
            inputs: a batch of texts.
            labels: (B, L), -1 where there is none.

        Returns:
            The last layer at labelled positions, their labels, and the pooled token (B, E).
        """
        first, labelled = _first_tokens(inputs.input_ids), labels != UNLABELLED
        read = first | labelled
        states = self._packed_states(inputs, read)
        if states is not None:
            pooled = self.bert.pooler(states[first[read], None])
            return states[labelled[read]], labels[labelled], pooled
        _, sequence, pooled = self.encode(inputs)
        return *labelled_only(sequence, labels), pooled

    def _packed_states(self, inputs: Inputs, read: Tensor) -> Tensor | None:
        """Return the last layer at the positions to be read (W, E), or None if not possible."""
        if inputs.head_mask is not None or type(self.bert) is not BertModel:
            return None
        encoder, mask = self.bert.encoder, inputs.attention_mask
        if not can_pack(encoder, mask, read):
            return None
        hidden_states = self.bert.embed(inputs.input_ids, inputs.token_type_ids)
        return packed_states(encoder, hidden_states, mask, read)


def _first_tokens(input_ids: Tensor) -> Tensor:
    """True at the first token of each text: (B, L)."""
    return (torch.arange(input_ids.size(1), device=input_ids.device) == 0).expand_as(input_ids)
