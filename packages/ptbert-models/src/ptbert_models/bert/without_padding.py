"""BERT without unused work: no padding, and a last layer only where a head reads it.

Some heads read only a few positions: the first tokens, or the labelled ones. For such a head the
result is the same if padding is left out, and if the last layer is computed to its end only at the
positions that the head reads. ``packed_states`` does both. ``unpadded_states`` leaves padding out
for whoever asks for that. Both call the layers, so what watches a whole layer, as sharding does,
sees it. The results are defined by the plain encoder.

Letters: B batch, L sequence length, T real tokens of the batch, W positions that are read, E model
width, H heads, D features per head.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import Tensor

from ptbert_models.parts.attention import attend, dropout_of, merge_heads, padding_bias
from ptbert_models.parts.recomputing import recomputed


class Packing(NamedTuple):
    """Where the real tokens of a batch are; a layer takes it in the place of the mask.

    Args:
        batch: number of texts B.
        length: of the longest, L.
        places: (T,), where each real token is among all B * L; None if all are real.
        bias: (B, 1, 1, L), a ``padding_bias``; None if all are real.
        read: (T,), True for the tokens whose state is wanted after the layer; None for all.
    """

    batch: int
    length: int
    places: Tensor | None
    bias: Tensor | None
    read: Tensor | None = None

    @classmethod
    def of(cls, attention_mask: Tensor | None, hidden_states: Tensor) -> Packing:
        """Make it from a mask (B, L) of zeros and ones, or None, and states (B, L, E)."""
        batch, length, _ = hidden_states.shape
        if attention_mask is None:
            return cls(batch, length, None, None)
        real = attention_mask == 1
        places = real.flatten().nonzero()[:, 0]
        if len(places) == batch * length:
            return cls(batch, length, None, None)
        return cls(batch, length, places, padding_bias(real, hidden_states.dtype))

    def packed(self, x: Tensor) -> Tensor:
        """(B, L, ...) → (T, ...)."""
        rows = x.flatten(0, 1)
        return rows if self.places is None else rows.index_select(0, self.places)

    def spread(self, rows: Tensor) -> Tensor:
        """(T, E) → (B, L, E), with zeros for padding."""
        if self.places is not None:
            empty = rows.new_zeros(self.batch * self.length, rows.size(-1))
            rows = empty.index_copy(0, self.places, rows)
        return rows.view(self.batch, self.length, -1)


def packed_layer(layer: Any, rows: Tensor, packing: Packing) -> Tensor:
    """Compute what a ``BertLayer`` does, for packed states.

    Args:
        layer: whose modules are called.
        rows: (T, E).
        packing: of the batch.

    Returns:
        (T, E), or (W, E) where ``packing.read`` chooses.
    """
    attention = layer.attention.self
    query, key, value = (
        attention.transpose_for_scores(packing.spread(project(rows)))
        for project in (attention.query, attention.key, attention.value)
    )
    dropout = dropout_of(attention.dropout)
    context = packing.packed(
        merge_heads(attend(query, key, value, packing.bias, dropout=dropout)[0])
    )  # (T, H * D)
    if packing.read is not None:
        rows, context = rows[packing.read], context[packing.read]
    attended = layer.attention.output(context, rows)
    output: Tensor = layer.output(layer.intermediate(attended), attended)
    return output


def can_pack(
    encoder: Any, tokens: Tensor, attention_mask: Tensor | None, read: Tensor | None = None
) -> bool:
    """Whether ``packed_states`` gives the same as an untouched encoder.

    It does not without layers; if the mask has another shape than the ids, as one with a row for
    each token has, or other values than 0 and 1; or if a position to be read is padding.

    Args:
        encoder: the layers, a ``BertEncoder``.
        tokens: (B, L), a number for each token.
        attention_mask: (B, L), or None.
        read: (B, L), True at the positions to be read; None for all but padding.
    """
    if not len(encoder.layer):
        return False
    if attention_mask is None:
        return True
    if attention_mask.shape != tokens.shape or attention_mask.device != tokens.device:
        return False
    real = attention_mask == 1
    fits = (real | (attention_mask == 0)).all()
    return bool(fits if read is None else fits & (real | ~read).all())


def packed_states(
    encoder: Any, hidden_states: Tensor, attention_mask: Tensor | None, read: Tensor
) -> Tensor:
    """Run the layers and return the last states at some positions.

    Args:
        encoder: the layers, a ``BertEncoder``.
        hidden_states: (B, L, E).
        attention_mask: (B, L) of zeros and ones, or None.
        read: (B, L), True at W positions, none of them padding.

    Returns:
        (W, E), in the order of the positions.
    """
    packing = Packing.of(attention_mask, hidden_states)
    rows = packing.packed(hidden_states)
    *layers, last = encoder.layer
    for layer in layers:
        rows = _run(encoder, layer)(rows, packing)
    states: Tensor = _run(encoder, last)(rows, packing._replace(read=packing.packed(read)))
    return states


def unpadded_states(
    encoder: Any, hidden_states: Tensor, attention_mask: Tensor | None, *, all_layers: bool
) -> list[Tensor]:
    """Run the layers on the real tokens alone.

    Args:
        encoder: the layers, a ``BertEncoder``.
        hidden_states: (B, L, E).
        attention_mask: (B, L) of zeros and ones, or None.
        all_layers: whether the states of all layers are wanted, or only those of the last.

    Returns:
        States (B, L, E), with zeros for padding.
    """
    packing = Packing.of(attention_mask, hidden_states)
    rows = packing.packed(hidden_states)
    states = []
    for layer in encoder.layer:
        rows = _run(encoder, layer)(rows, packing)
        states.append(rows)
    return [packing.spread(each) for each in (states if all_layers else states[-1:])]


def _run(encoder: Any, layer: Any) -> Any:
    return recomputed(layer, wanted=encoder.gradient_checkpointing and encoder.training)
