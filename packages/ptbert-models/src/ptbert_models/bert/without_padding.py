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

from torch import Tensor

from ptbert_models.bert.layers import BertEncoder
from ptbert_models.parts.attention import attend, dropout_of, merge_heads, padding_bias


def can_pack(
    encoder: BertEncoder, tokens: Tensor, attention_mask: Tensor | None, read: Tensor
) -> bool:
    """Whether ``packed_states`` gives the same as an untouched encoder.

    It does not without layers; if the mask has another shape than the ids, as one with a row for
    each token has, or other values than 0 and 1; or if a position to be read is padding.

    Args:
        encoder: the layers.
        tokens: (B, L), a number for each token.
        attention_mask: (B, L), or None.
        read: (B, L), True at the positions to be read.
    """
    if not len(encoder.layer):
        return False
    if attention_mask is None:
        return True
    if attention_mask.shape != tokens.shape or attention_mask.device != tokens.device:
        return False
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
    for index, layer in enumerate(layers, 1):
        attention = layer.attention.self
        query, key, value = (
            attention.transpose_for_scores(spread(project(rows)))
            for project in (attention.query, attention.key, attention.value)
        )
        dropout = dropout_of(attention.dropout)
        context = merge_heads(attend(query, key, value, bias, dropout=dropout)[0])
        context = context.flatten(0, 1) if real is None else context[real]  # (T, H * D)
        if index == len(layers):
            rows, context = rows[chosen], context[chosen]
        attended = layer.attention.output(context, rows)
        rows = layer.output(layer.intermediate(attended), attended)
    return rows
