"""What the BERT models with a head share: the bare model, and three ways to run it.

The ways are functions and no methods, because programs call a model's ``forward`` with objects of
their own as self.

Letters: B batch, L sequence length, E model width, W positions that a head reads.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from ptbert_models.bert.bare import (
    BertModel,
    BertPreTrainedModel,
    embedded,
    is_usual,
    is_usual_but_for_layers,
)
from ptbert_models.bert.config import BertConfig
from ptbert_models.bert.token_types import check_types
from ptbert_models.bert.without_padding import Packing, packed_states
from ptbert_models.parts.inputs import places_of, values_are_known, without_none
from ptbert_models.parts.losses import UNLABELLED, is_labelled, labelled_only


class Inputs(NamedTuple):
    """What the bare model is given; see ``BertModel.forward``."""

    input_ids: Tensor | None
    token_type_ids: Tensor | None
    attention_mask: Tensor | None
    head_mask: Tensor | None
    position_ids: Tensor | None
    inputs_embeds: Tensor | None

    def later(self) -> dict[str, Tensor]:
        """Return what 2019 did not have, by name; only what is given, as a program's parts need."""
        return without_none(position_ids=self.position_ids, inputs_embeds=self.inputs_embeds)


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
        inputs.input_ids,  # not *inputs[:3]: PyTorch 2.6 does not compile that
        inputs.token_type_ids,
        inputs.attention_mask,
        output_all_encoded_layers=False,
        **without_none(head_mask=inputs.head_mask),
        **inputs.later(),
    )
    return output if getattr(model, "output_attentions", False) else (None, *output)


def real_tokens(model: Any, attention_mask: Tensor | None, *, of: Tensor) -> Tensor | None:
    """Return where the real tokens are, or None unless a program asked to leave padding out.

    Args:
        model: a model with a head.
        attention_mask: (B, L); None if nothing is padding.
        of: scores (B, L); a mask of another shape tells no padding.
    """
    if attention_mask is None or not getattr(model, "leave_out_padding", False):
        return None
    return attention_mask != 0 if attention_mask.shape == of.shape else None


def pool(model: Any, inputs: Inputs) -> tuple[Any, Any]:
    """Return attention weights or None, and the pooled token (B, E)."""
    packed = _packed_states(model.bert, inputs)
    if packed is not None:
        return None, model.bert.pooler(packed.states[:, None])
    weights, _, pooled = encode(model, inputs)
    if pooled is None:
        raise ValueError(
            f"{type(model).__name__} reads the pooled token, and its bert has no pooler; put a "
            "BertModel with add_pooling_layer=True there"
        )
    return weights, pooled


def encode_labelled(
    model: Any, inputs: Inputs, labels: Tensor, *, rows_suffice: bool
) -> tuple[Tensor, Tensor, Any]:
    """Return what a loss of labelled tokens reads.

    Args:
        model: a model with a head.
        inputs: a batch of texts.
        labels: (B, L), or (B * L,); -1 or -100 where there is none. Those of padding do not count
            if a program asked to leave padding out, because there is no state for them.
        rows_suffice: whether the head takes states at any positions, and nobody sees which.

    Returns:
        The last layer and the labels, only at labelled positions where that suffices; and the
        pooled token (B, E).
    """
    labels = _of_real_tokens(model, inputs.attention_mask, labels)
    if not rows_suffice:
        _, sequence, pooled = encode(model, inputs)
        return sequence, labels, pooled
    packed = _packed_states(model.bert, inputs, labels)
    if packed is None:
        _, sequence, pooled = encode(model, inputs)
        return *labelled_only(sequence, labels, name="masked_lm_labels"), pooled
    labelled = is_labelled(labels)
    # Of all positions, the number of the state that was read there; no sense where none was.
    numbers = (_first_tokens(labels) | labelled).flatten().cumsum(0) - 1
    first = packed.states.index_select(0, numbers.view_as(labels)[:, 0])
    places = places_of(labelled.flatten(), packed.labelled)
    states = packed.states.index_select(0, numbers.index_select(0, places))
    return states, labels.flatten().index_select(0, places), model.bert.pooler(first[:, None])


def _of_real_tokens(model: Any, attention_mask: Tensor | None, labels: Tensor) -> Tensor:
    """The labels, without those of padding if a program asked to leave it out."""
    if attention_mask is None or not isinstance(labels, Tensor):
        return labels
    if labels.numel() != attention_mask.numel():
        return labels
    real = real_tokens(model, attention_mask, of=labels.reshape(attention_mask.shape))
    if real is None:
        return labels
    numbers = labels.long() if labels.dtype == torch.uint8 else labels  # which have no -1
    return numbers.masked_fill(~real.reshape(labels.shape), UNLABELLED)


class _Packed(NamedTuple):
    """The last layer at first tokens and labels (W, E), and how many labels there are."""

    states: Tensor
    labelled: int


def _packed_states(bert: Any, inputs: Inputs, labels: Tensor | None = None) -> _Packed | None:
    """Return the last layer at first tokens and labels, or None if that would show."""
    ids, mask = inputs.input_ids, inputs.attention_mask
    given = [each for each in (*inputs, labels) if each is not None]
    if inputs.head_mask is not None or not values_are_known(*given):
        return None
    if not (is_usual(bert) or is_usual_but_for_layers(bert)):
        return None
    if bert.pooler is None or (ids is None) == (inputs.inputs_embeds is None):
        return None
    tokens = inputs.inputs_embeds[..., 0] if ids is None else ids  # type: ignore[index]
    if tokens.dim() != 2 or not tokens.numel():
        return None
    if labels is not None and labels.shape != tokens.shape:
        return None
    read, labelled = _first_tokens(tokens), []
    if labels is not None:
        labelled = [is_labelled(labels)]
        read = read | labelled[0]
    dtype = bert.embeddings.word_embeddings.weight.dtype
    packing = Packing.of(bert.encoder, tokens, mask, dtype, read=read, counted=labelled)
    if packing is None:
        return None
    types = inputs.token_type_ids
    if mask is None and types is not None and ids is not None:
        check_types(ids, types)
    states = embedded(bert, ids, types, **inputs.later())
    return _Packed(packed_states(bert.encoder, states, packing), sum(packing.counted))


def _first_tokens(tokens: Tensor) -> Tensor:
    """True at the first token of each text: (B, L)."""
    return (torch.arange(tokens.size(1), device=tokens.device) == 0).expand_as(tokens)
