"""BERT without unused work: no padding, and a last layer only where a head reads it.

Some heads read only a few positions: the first tokens, or the labelled ones. For such a head the
result is the same if padding is left out, and if the last layer is computed to its end only at the
positions that the head reads. ``packed_states`` does both, and calls the modules of the layers. Its
results are defined by the plain encoder.

Letters: B batch, L sequence length, T real tokens of the batch, W positions that are read, E model
width, H heads, D features per head.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from ptbert_models.bert.layers import BertEncoder
from ptbert_models.bert.own_parts import are_untouched
from ptbert_models.parts.attention import attend, dropout_of, merge_heads, padding_bias
from ptbert_models.parts.inputs import values_are_known


def can_pack(encoder: nn.Module, attention_mask: Tensor | None, read: Tensor) -> bool:
    """Whether ``packed_states`` gives the same as the encoder.

    It does not if a part was replaced, patched or hooked; if attention weights, head outputs or
    only layer inputs are kept; if the mask has other values than 0 and 1; or if a position to
    be read is padding. Nor does it under ``torch.compile``, where shapes may not depend on values.

    Args:
        encoder: the layers.
        attention_mask: (B, L), or None.
        read: (B, L), True at the positions to be read.
    """
    if not values_are_known() or not are_untouched(encoder):
        return False
    if getattr(encoder, "gradient_checkpointing", False):
        return False
    if attention_mask is None:
        return True
    real = attention_mask == 1
    return bool((real | (attention_mask == 0)).all() & (real | ~read).all())


def packed_states(
    encoder: BertEncoder, hidden_states: Tensor, attention_mask: Tensor | None, read: Tensor
) -> Tensor:
    """Run the layers and return the last states at some positions.

    Args:
        encoder: the layers.
        hidden_states: (B, L, E).
        attention_mask: (B, L) of zeros and ones, or None.
        read: (B, L), True at W positions, none of them padding.

    Returns:
        (W, E), in the order of the positions.
    """
    batch, length, _ = hidden_states.shape
    real = None if attention_mask is None else attention_mask == 1
    if real is None or bool(real.all()):
        real, bias = None, None
        rows, chosen = hidden_states.flatten(0, 1), read.flatten()  # (B * L, E), (B * L,)
    else:
        bias = padding_bias(real, hidden_states.dtype)
        rows, chosen = hidden_states[real], read[real]  # (T, E), (T,)

    def spread(x: Tensor) -> Tensor:  # (T, H * D) → (B, L, H * D)
        if real is None:
            return x.view(batch, length, -1)
        return x.new_zeros(batch, length, x.size(-1)).index_put((real,), x)

    layers: Any = encoder.layer
    for layer in layers:
        attention = layer.attention.self
        query, key, value = (
            attention.transpose_for_scores(spread(project(rows)))
            for project in (attention.query, attention.key, attention.value)
        )
        dropout = dropout_of(attention.dropout)
        context = merge_heads(attend(query, key, value, bias, dropout=dropout)[0])
        context = context.flatten(0, 1) if real is None else context[real]  # (T, H * D)
        if layer is layers[-1]:
            rows, context = rows[chosen], context[chosen]
        attended = layer.attention.output(context, rows)
        rows = layer.output(layer.intermediate(attended), attended)
    return rows
