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

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ptbert_models.parts.attention import attend, dropout_of, merge_heads, padding_bias
from ptbert_models.parts.inputs import places_of, read_together
from ptbert_models.parts.packed_attention import (
    attend_by_lengths,
    attend_packed,
    text_borders,
    texts_by_length,
)
from ptbert_models.parts.recomputing import recomputed


class Packing(NamedTuple):
    """Where the real tokens of a batch are; a layer takes it in the place of the mask.

    Args:
        batch: number of texts B.
        length: of the longest, L.
        places: (T,), where each real token is among all B * L; None if all are real.
        bias: (B, 1, 1, L), a ``padding_bias``; None if all are real.
        read: (W,), which of the T tokens have a state that is wanted after the layer; None for all.
        borders: (B + 1,), where texts begin and end among the T; None if all are real, or on a CPU.
        texts: how many in a row have which number of real tokens; None if all are real, or not on a
            CPU.
        counted: how many are True in each of what was to be counted.
    """

    batch: int
    length: int
    places: Tensor | None
    bias: Tensor | None
    read: Tensor | None = None
    borders: Tensor | None = None
    texts: Sequence[tuple[int, int]] | None = None
    counted: tuple[int, ...] = ()

    @classmethod
    def of(
        cls,
        encoder: Any,
        tokens: Tensor,
        attention_mask: Tensor | None,
        dtype: torch.dtype,
        *,
        read: Tensor | None = None,
        pools: bool = False,
        counted: Sequence[Tensor] = (),
    ) -> Packing | None:
        """Make it, or return None where packed states are not those of an untouched encoder.

        They are not without layers; if the mask has another shape than the ids, as one with a row
        for each token has, or other values than 0 and 1; or if a position to be read is padding.
        To know this, an accelerator is waited for once.

        Args:
            encoder: the layers, a ``BertEncoder``.
            tokens: (B, L), a number for each token.
            attention_mask: (B, L), or None.
            dtype: type of the states.
            read: (B, L), True at the W positions to be read; None for all but padding.
            pools: whether the first tokens of texts are read too.
            counted: tensors of True and False.
        """
        if not len(encoder.layer):
            return None
        batch, length = tokens.shape
        wanted = tokens.new_zeros(()) if read is None else read.sum()
        more = [each.sum() for each in counted]
        if attention_mask is None:
            number, *others = read_together(wanted, *more)
            chosen = None if read is None else places_of(read.flatten(), number)
            return cls(batch, length, None, None, chosen, counted=tuple(others))
        if attention_mask.shape != tokens.shape or attention_mask.device != tokens.device:
            return None
        real = attention_mask == 1
        fits = (real | (attention_mask == 0)).all()
        if read is not None:
            fits = fits & (real | ~read).all()
        if pools:
            fits = fits & real[:, 0].all()
        usable, tokens_left, number, *others = read_together(fits, real.sum(), wanted, *more)
        if not usable:
            return None
        places, bias, borders, texts, among = None, None, None, None, read
        if tokens_left < batch * length:
            places = places_of(real.flatten(), tokens_left)
            bias = padding_bias(real, dtype)
            if real.is_cpu:
                texts = texts_by_length(real)
            else:
                borders = text_borders(real)
            among = None if read is None else read.flatten().index_select(0, places)
        chosen = None if among is None else places_of(among.flatten(), number)
        return cls(batch, length, places, bias, chosen, borders, texts, tuple(others))

    def packed(self, x: Tensor) -> Tensor:
        """(B, L, ...) → (T, ...)."""
        rows = x.flatten(0, 1)
        return rows if self.places is None else rows.index_select(0, self.places)

    def spread(self, rows: Tensor) -> Tensor:
        """(T, E) → (B, L, E), with zeros for padding."""
        if self.places is not None:
            empty = rows.new_zeros(self.batch * self.length, rows.size(-1))
            rows = empty.index_copy_(0, self.places, rows)  # nothing else has it
        return rows.view(self.batch, self.length, rows.size(-1))  # -1 is unknown without texts


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
    projected = [project(rows) for project in (attention.query, attention.key, attention.value)]
    context = _context(attention, projected, packing)  # (T, H * D)
    if packing.read is not None:
        rows, context = (each.index_select(0, packing.read) for each in (rows, context))
    attended = layer.attention.output(context, rows)
    output: Tensor = layer.output(layer.intermediate(attended), attended)
    return output


def _context(attention: Any, projected: Sequence[Tensor], packing: Packing) -> Tensor:
    """Return the mean of values for each of the T tokens, from queries, keys and values of them."""
    dropout = dropout_of(attention.dropout)
    if packing.places is not None:
        one_text = (attention.transpose_for_scores(each[None])[0] for each in projected)
        query, key, value = (each.transpose(0, 1) for each in one_text)  # (T, H, D)
        found = None
        if packing.borders is not None:
            found = attend_packed(query, key, value, packing.borders, packing.length, dropout)
        elif packing.texts is not None:
            padded = packing.batch * packing.length**2
            found = attend_by_lengths(query, key, value, packing.texts, padded, dropout)
        if found is not None:
            return found.flatten(1)
    query, key, value = (attention.transpose_for_scores(packing.spread(each)) for each in projected)
    context, _ = attend(query, key, value, packing.bias, dropout=dropout)
    return packing.packed(merge_heads(context))


def packed_states(encoder: Any, hidden_states: Tensor, packing: Packing) -> Tensor:
    """Run the layers and return the last states at the positions that are read.

    Args:
        encoder: the layers, a ``BertEncoder``.
        hidden_states: (B, L, E).
        packing: with W positions to be read.

    Returns:
        (W, E), in the order of the positions.
    """
    rows, all_rows = packing.packed(hidden_states), packing._replace(read=None)
    *layers, last = encoder.layer
    for layer in layers:
        rows = _run(encoder, layer)(rows, all_rows)
    states: Tensor = _run(encoder, last)(rows, packing)
    return states


def unpadded_states(
    encoder: Any, hidden_states: Tensor, packing: Packing, *, all_layers: bool
) -> list[Tensor]:
    """Run the layers on the real tokens alone.

    Args:
        encoder: the layers, a ``BertEncoder``.
        hidden_states: (B, L, E).
        packing: of the batch.
        all_layers: whether the states of all layers are wanted, or only those of the last.

    Returns:
        States (B, L, E), with zeros for padding.
    """
    rows = packing.packed(hidden_states)
    states = []
    for layer in encoder.layer:
        rows = _run(encoder, layer)(rows, packing)
        states.append(rows)
    return [packing.spread(each) for each in (states if all_layers else states[-1:])]


def _run(encoder: Any, layer: Any) -> Any:
    return recomputed(layer, wanted=encoder.gradient_checkpointing and encoder.training)
