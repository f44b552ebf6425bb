"""What the BERT models with a head share: the bare model, and three ways to run it.

The ways are functions and no methods, because programs call a model's ``forward`` with objects of
their own as self.

Letters: B batch, L sequence length, E model width, W positions that a head reads.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from ptbert_models.bert.bare import BertModel, BertPreTrainedModel, check_types, embedded, is_usual
from ptbert_models.bert.config import BertConfig
from ptbert_models.bert.without_padding import can_pack, packed_states
from ptbert_models.parts.inputs import values_are_known, without_none
from ptbert_models.parts.losses import is_labelled, labelled_only


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


def encode(model: Any, inputs: Inputs) -> tuple[Any, Any, Any]:
    """Return attention weights or None, the last layer (B, L, E), the pooled token (B, E)."""
    output = model.bert(
        *inputs[:3],
        output_all_encoded_layers=False,
        **without_none(head_mask=inputs.head_mask),
    )
    return output if getattr(model, "output_attentions", False) else (None, *output)


def pool(model: Any, inputs: Inputs) -> tuple[Any, Any]:
    """Return attention weights or None, and the pooled token (B, E)."""
    states = _packed_states(model.bert, inputs)
    if states is not None:
        return None, model.bert.pooler(states[:, None])
    weights, _, pooled = encode(model, inputs)
    return weights, pooled


def encode_labelled(
    model: Any, inputs: Inputs, labels: Tensor, *, rows_suffice: bool
) -> tuple[Tensor, Tensor, Any]:
    """Return what a loss of labelled tokens reads.

    Args:
        model: a model with a head.
        inputs: a batch of texts.
        labels: (B, L), -1 or -100 where there is none.
        rows_suffice: whether the head takes states at any positions, and nobody sees which.

    Returns:
        The last layer and the labels, only at labelled positions where that suffices; and the
        pooled token (B, E).
    """
    if not rows_suffice:
        _, sequence, pooled = encode(model, inputs)
        return sequence, labels, pooled
    states = _packed_states(model.bert, inputs, labels)
    if states is None:
        _, sequence, pooled = encode(model, inputs)
        return *labelled_only(sequence, labels), pooled
    labelled = is_labelled(labels)
    first = _first_tokens(labels)
    read = first | labelled
    pooled = model.bert.pooler(states[first[read], None])
    return states[labelled[read]], labels[labelled], pooled


def _packed_states(bert: Any, inputs: Inputs, labels: Tensor | None = None) -> Tensor | None:
    """Return the last layer at first tokens and labels (W, E), or None if that would show."""
    ids, mask = inputs.input_ids, inputs.attention_mask
    given = [ids, *(each for each in (*inputs[1:], labels) if each is not None)]
    if inputs.head_mask is not None or not is_usual(bert) or not values_are_known(*given):
        return None
    if ids.dim() != 2 or not ids.numel() or (labels is not None and labels.shape != ids.shape):
        return None
    read = _first_tokens(ids)
    if labels is not None:
        read = read | is_labelled(labels)
    if not can_pack(bert.encoder, ids, mask, read):
        return None
    types = inputs.token_type_ids
    if mask is None and types is not None:
        check_types(ids, types)
    return packed_states(bert.encoder, embedded(bert, ids, types), mask, read)


def _first_tokens(ids: Tensor) -> Tensor:
    """True at the first token of each text: (B, L)."""
    return (torch.arange(ids.size(1), device=ids.device) == 0).expand_as(ids)
