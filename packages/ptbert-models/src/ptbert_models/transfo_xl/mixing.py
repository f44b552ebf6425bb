"""Mixing values by attention, from keys and values or from what they are made of.

Letters: B batch, E model width, H heads, D features per head, Q new tokens, K positions that they
attend to.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from ptbert_models.parts.attention import Dropout, attend, dropout_of, merge_heads, split_heads
from ptbert_models.parts.inputs import values_are_known
from ptbert_models.parts.untouched import has_usual_weight


def mix(
    query: Tensor,
    context: Tensor,
    key_weight: Tensor,
    value_weight: Tensor,
    bias: Tensor | None,
    *,
    scale: float,
    dropout: Dropout,
) -> Tensor:
    """Attend to a context; keys and values are linear functions of it.

    For few queries it is cheaper to apply the weights of keys and values to the queries and to the
    result than to the whole context: ``q · (W c) = (Wᵀ q) · c``. Both ways give the same numbers.

    Args:
        query: (B, H, Q, D).
        context: (K, B, E).
        key_weight: (H * D, E).
        value_weight: (H * D, E).
        bias: added to the scores, broadcastable to (B, H, Q, K).
        scale: factor of the scores.
        dropout: as in ``attend``.

    Returns:
        (Q, B, H * D).
    """
    queries, features = query.shape[2:]
    keys, _, width = context.shape
    few = is_cheaper_for_queries(queries, keys, width, features)
    # A dropout that is called sees the weights of each head by itself.
    mixed = (mix_few if few and not callable(dropout) else mix_many)(
        query, context, key_weight, value_weight, bias, scale=scale, dropout=dropout
    )
    return merge_heads(mixed).transpose(0, 1)


def is_cheaper_for_queries(queries: int, keys: int, width: int, features: int) -> bool:
    """Whether applying weights (D, E) to the queries costs less than applying them to all keys.

    Args:
        queries: number of all queries that attend to the same keys.
        keys: number of keys K.
        width: model width E.
        features: number of features per head D.

    Example:
        >>> is_cheaper_for_queries(1, 400, 1024, 64), is_cheaper_for_queries(400, 400, 1024, 64)
        (True, False)
    """
    if not values_are_known():  # lengths may be symbols, which cannot be compared
        return queries == 1
    return queries * width * (features + keys) < keys * features * (width + queries)


def mix_many(
    query: Tensor,
    context: Tensor,
    key_weight: Tensor,
    value_weight: Tensor,
    bias: Tensor | None,
    *,
    scale: float,
    dropout: Dropout,
) -> Tensor:
    """Make keys and values of the whole context, for ``mix``; (B, H, Q, D)."""
    key, value = F.linear(context, key_weight), F.linear(context, value_weight)
    return mix_projected(query, key, value, bias, scale=scale, dropout=dropout)


def mix_projected(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    bias: Tensor | None,
    *,
    scale: float,
    dropout: Dropout,
) -> Tensor:
    """Attend to keys and values (K, B, H * D); (B, H, Q, D)."""
    key, value = (split_heads(each.transpose(0, 1), query.size(1)) for each in (key, value))
    mixed, _ = attend(query, key, value, bias, scale=scale, dropout=dropout)
    return mixed


def mix_few(
    query: Tensor,
    context: Tensor,
    key_weight: Tensor,
    value_weight: Tensor,
    bias: Tensor | None,
    *,
    scale: float,
    dropout: Dropout,
) -> Tensor:
    """Apply the weights to queries and result instead, for ``mix``; (B, H, Q, D)."""
    heads, _, features = query.shape[1:]
    shared = context.transpose(0, 1)[:, None]  # (B, 1, K, E): the same for all heads
    wide = query @ key_weight.view(heads, features, -1)  # (B, H, Q, E)
    if bias is not None:
        bias = bias.expand(*query.shape[:3], -1).flatten(1, 2)[:, None]  # (B, 1, H * Q, K)
    mixed, _ = attend(
        wide.flatten(1, 2)[:, None], shared, shared, bias, scale=scale, dropout=dropout
    )
    wide = mixed.view_as(wide)
    return wide @ value_weight.view(heads, features, -1).transpose(1, 2)  # (B, H, Q, D)


# What queries attend to: keys and values (K, B, H * D), or a context (K, B, E) and the weights
# (H * D, E) that make keys and values of it.
Source = tuple[Tensor, ...]


def mix_source(
    query: Tensor, source: Source, bias: Tensor | None, *, scale: float, dropout: nn.Module
) -> Tensor:
    """Attend to a source.

    Args:
        query: (B, H, Q, D).
        source: see ``Source``.
        bias: as in ``mix``.
        scale: as in ``mix``.
        dropout: the dropout of attention weights.

    Returns:
        (Q, B, H * D).
    """
    rate = dropout_of(dropout)
    if callable(rate):
        rate = _by_position(rate)
    if len(source) == 3:
        context, key_weight, value_weight = source
        return mix(query, context, key_weight, value_weight, bias, scale=scale, dropout=rate)
    key, value = source
    mixed = mix_projected(query, key, value, bias, scale=scale, dropout=rate)
    return merge_heads(mixed).transpose(0, 1)


def separate_weights(net: Any, width: int) -> tuple[Tensor, ...] | None:
    """Return the weights of a layer for each output of some width, or None if it must be called."""
    if has_usual_weight(net) and net.bias is None:
        return net.weight.split(width)
    return None


def _by_position(dropout: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Give a dropout the weights as in 2019, (Q, K, B, H), rather than (B, H, Q, K)."""
    return lambda weights: dropout(weights.permute(2, 3, 0, 1)).permute(2, 3, 0, 1)
