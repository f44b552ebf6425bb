"""Scaled dot-product attention, once for all families.

Letters: B batch, H heads, Q query positions, K key positions, D features per head, N layers.

Source:
    Vaswani et al. 2017, arXiv:1706.03762, section 3.2.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

# Finite on purpose: a row of padding only must give the same answer on both paths of attend().
MASKED = -10000.0


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    bias: Tensor | None = None,
    *,
    scale: float | None = None,
    dropout: float = 0.0,
    head_mask: Tensor | None = None,
    need_weights: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """Mix the values by how well each query fits each key.

    The fused kernel of PyTorch does the work unless the weights themselves are wanted or heads
    are masked; then the formula is spelled out. Both paths give the same context.

    Args:
        query: (B, H, Q, D).
        key: (B, H, K, D).
        value: (B, H, K, D).
        bias: added to the scores before the softmax, broadcastable to (B, H, Q, K).
        scale: factor of the scores; 1 / sqrt(D) when None.
        dropout: probability with which a weight is dropped.
        head_mask: factor of the weights, broadcastable to (B, H, Q, K); 1 keeps a head.
        need_weights: whether the weights are returned.

    Returns:
        The context (B, H, Q, D), and the weights (B, H, Q, K) after dropout and head mask, or None
        where nobody asked for them.

    Example:
        >>> query = key = torch.eye(2).view(1, 1, 2, 2)
        >>> context, weights = attend(query, key, value=key, scale=100.0, need_weights=True)
        >>> weights.round()
        tensor([[[[1., 0.],
                  [0., 1.]]]])
    """
    if head_mask is None and not need_weights:
        context = F.scaled_dot_product_attention(
            query, key, value, attn_mask=bias, dropout_p=dropout, scale=scale
        )
        return context, None
    scale = query.size(-1) ** -0.5 if scale is None else scale
    scores = query @ key.transpose(-2, -1) * scale  # (B, H, Q, K)
    if bias is not None:
        scores = scores + bias
    weights = F.dropout(scores.softmax(dim=-1), dropout)
    if head_mask is not None:
        weights = weights * head_mask
    return weights @ value, weights


def padding_bias(attention_mask: Tensor, dtype: torch.dtype) -> Tensor:
    """Turn a padding mask into a bias for attention scores.

    Args:
        attention_mask: (B, K), 1 for real tokens and 0 for padding, of any number type or bool.
        dtype: type of the scores.

    Returns:
        (B, 1, 1, K): 0 for real tokens and -10000 for padding.

    Example:
        >>> padding_bias(torch.tensor([[1, 1, 0]]), torch.float32)
        tensor([[[[    -0.,     -0., -10000.]]]])
    """
    if attention_mask.dim() != 2:
        raise ValueError(
            f"attention_mask has shape {tuple(attention_mask.shape)}; "
            "give one row of 1 (real) and 0 (padding) for each text: (batch, length)"
        )
    return (1.0 - attention_mask[:, None, None, :].to(dtype)) * MASKED


def split_head_mask(
    head_mask: Tensor | None, layers: int, heads: int, dtype: torch.dtype
) -> list[Tensor | None]:
    """Split a head mask into one factor of the attention weights for each layer.

    Args:
        head_mask: (H,) for the same heads in all layers, or (N, H); 1 keeps a head, 0 silences it.
        layers: number of layers N.
        heads: number of heads H.
        dtype: type of the attention weights.

    Returns:
        N tensors (1, H, 1, 1), or N times None.

    Raises:
        ValueError: if the mask has another shape.

    Example:
        >>> [mask.flatten().tolist() for mask in split_head_mask(torch.tensor([1, 0]), 2, 2,
        ...                                                      torch.float32)]
        [[1.0, 0.0], [1.0, 0.0]]
    """
    if head_mask is None:
        return [None] * layers
    if tuple(head_mask.shape) not in {(heads,), (layers, heads)}:
        raise ValueError(
            f"head_mask has shape {tuple(head_mask.shape)}; this model takes ({heads},), the same "
            f"for all layers, or ({layers}, {heads})"
        )
    rows = head_mask.to(dtype).expand(layers, heads)
    return list(rows[:, None, :, None, None].unbind(0))


def split_heads(x: Tensor, heads: int) -> Tensor:
    """View the width as heads: (B, L, H * D) → (B, H, L, D)."""
    return x.view(*x.shape[:-1], heads, -1).transpose(1, 2)


def merge_heads(x: Tensor) -> Tensor:
    """Join the heads again: (B, H, L, D) → (B, L, H * D)."""
    return x.transpose(1, 2).flatten(2)


def head_size(width: int, heads: int, *, names: tuple[str, str]) -> int:
    """Return the number of features per head.

    Args:
        width: model width to be shared out.
        heads: number of heads.
        names: what a configuration calls the two, for the message.

    Raises:
        ValueError: if the heads do not share the width evenly.

    Example:
        >>> head_size(768, 12, names=("hidden_size", "num_attention_heads"))
        64
    """
    if heads < 1 or width % heads:
        raise ValueError(
            f"{names[0]}={width} cannot be shared by {names[1]}={heads}; "
            f"choose a {names[0]} that is a multiple of a positive number of heads"
        )
    return width // heads
