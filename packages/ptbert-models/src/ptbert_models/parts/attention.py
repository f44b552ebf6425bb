"""Scaled dot-product attention, once for all families.

Letters: B batch, H heads, Q query positions, K key positions, D features per head, N layers.

Source:
    Vaswani et al. 2017, arXiv:1706.03762, section 3.2.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch._C._functorch import peek_interpreter_stack
from torch.autograd import forward_ad

from ptbert_models.parts.inputs import (
    check_tensor,
    is_recorded,
    values_are_known,
)
from ptbert_models.parts.second_derivatives import with_second_derivatives
from ptbert_models.parts.untouched import is_plain

Dropout = float | Callable[[Tensor], Tensor]

# Finite, so that a row with nothing but padding gives the same result on both paths of attend().
MASKED = -10000.0


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    bias: Tensor | None = None,
    *,
    causal: bool = False,
    scale: float | None = None,
    dropout: Dropout = 0.0,
    head_mask: Tensor | None = None,
    need_weights: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """Return the mean of the values, weighted by how well each query fits each key.

    The fused kernel of PyTorch does the work, unless the weights themselves are wanted, heads are
    masked or dropout is a function; then the formula is computed step by step. Both give the same
    context. The kernel has only first derivatives, and only backwards. Where others may be wanted,
    in ``torch.func`` and in forward mode, the formula is computed too, and second derivatives are
    those of the formula; only not with a dropout that the kernel does itself.

    Args:
        query: (B, H, Q, D).
        key: (B, H, K, D).
        value: (B, H, K, D).
        bias: added to the scores before the softmax, broadcastable to (B, H, Q, K); numbers of
            any type; True counts as 1.
        causal: whether a query sees only the keys up to its own position; the last query is at the
            position of the last key.
        scale: factor of the scores; 1 / sqrt(D) when None.
        dropout: probability with which a weight is dropped, or a function of the weights.
        head_mask: factor of the weights, broadcastable to (B, H, Q, K); 1 keeps a head.
        need_weights: whether the weights are returned.

    Returns:
        The context (B, H, Q, D), and the weights (B, H, Q, K) after dropout and head mask, or None
        where the kernel did the work.

    Example:
        >>> query = key = torch.eye(2).view(1, 1, 2, 2)
        >>> context, weights = attend(query, key, value=key, scale=100.0, need_weights=True)
        >>> weights.round()
        tensor([[[[1., 0.],
                  [0., 1.]]]])
    """
    if bias is not None:
        bias = bias.to(query.dtype)  # the kernel would take True for "visible"
    if head_mask is not None or need_weights or callable(dropout) or has_other_derivatives():
        if causal:
            bias = _without_later_keys(bias, query, key)
        return _attend_by_formula(query, key, value, bias, scale, dropout, head_mask)
    masked_by_kernel = False
    if causal:
        # The kernel's own causal mask starts at the top left, so it is wrong with more keys. It
        # takes no symbol that stands for True or False, hence the branch.
        if bias is None and query.size(-2) == key.size(-2):
            masked_by_kernel = True
        else:
            bias = _without_later_keys(bias, query, key)
    context = F.scaled_dot_product_attention(
        query,
        key,
        value,
        attn_mask=bias,
        dropout_p=dropout,
        is_causal=masked_by_kernel,
        scale=scale,
    )
    if not dropout and context.requires_grad and not is_recorded():
        formula = partial(_context_by_formula, scale=scale, causal=masked_by_kernel)
        context = with_second_derivatives(context, formula, query, key, value, bias)
    return context, None


def has_other_derivatives() -> bool:
    """Whether there may be derivatives that the kernel does not have: ``torch.func``, forward mode.

    While a model is compiled or traced, that is not known.
    """
    if is_recorded():
        return False
    level: int = forward_ad._current_level  # noqa: SLF001  # has no public name
    return level >= 0 or peek_interpreter_stack() is not None


def _context_by_formula(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    bias: Tensor | None,
    *,
    scale: float | None,
    causal: bool,
) -> Tensor:
    if causal:
        bias = _without_later_keys(bias, query, key)
    return _attend_by_formula(query, key, value, bias, scale, 0.0, None)[0]


def _attend_by_formula(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    bias: Tensor | None,
    scale: float | None,
    dropout: Dropout,
    head_mask: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Compute the same as ``attend`` step by step, and return the weights too."""
    scale = query.size(-1) ** -0.5 if scale is None else scale
    # Scaled first, as the kernel does: half precision could not hold the product.
    scores = query * scale @ key.transpose(-2, -1)  # (B, H, Q, K)
    if bias is not None:
        scores = scores + bias
    weights = scores.softmax(dim=-1)
    weights = dropout(weights) if callable(dropout) else F.dropout(weights, dropout)
    if head_mask is not None:
        weights = weights * head_mask
    return weights @ value, weights


def _without_later_keys(bias: Tensor | None, query: Tensor, key: Tensor) -> Tensor | None:
    """Add the causal mask to a bias; a single query is at the last key and sees all."""
    queries, keys = query.size(-2), key.size(-2)
    if queries == 1:
        return bias
    later = causal_bias(queries, keys, query.dtype, query.device)
    return later if bias is None else bias + later


def dropout_of(module: nn.Module) -> Dropout:
    """Return the dropout of a part in the form that ``attend`` takes.

    For a plain module that is its rate, which the fused kernel can use, or 0 in evaluation. A
    module that a program replaced, or whose calls something sees, is called instead.

    Example:
        >>> dropout_of(nn.Dropout(0.1)), dropout_of(nn.Dropout(0.1).eval()), dropout_of(nn.ReLU())
        (0.1, 0.0, ReLU())
    """
    if not is_plain(module, nn.Dropout):
        return module
    return module.p if module.training else 0.0  # type: ignore[return-value]


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


def visibility_bias(attention_mask: Tensor, dtype: torch.dtype) -> Tensor:
    """Turn a mask for whole texts, or for each token that looks, into a bias for attention scores.

    Args:
        attention_mask: (B, K), see ``padding_bias``; or (B, Q, K), 1 for what token q sees.
        dtype: type of the scores.

    Returns:
        (B, 1, 1, K) or (B, 1, Q, K): 0 for what is seen and -10000 for what is not.

    Example:
        >>> visibility_bias(torch.tensor([[[1, 0], [1, 1]]]), torch.float32)
        tensor([[[[    -0., -10000.],
                  [    -0.,     -0.]]]])
    """
    if attention_mask.dim() == 3:
        return (1.0 - attention_mask[:, None].to(dtype)) * MASKED
    return padding_bias(attention_mask, dtype)


def causal_bias(queries: int, keys: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Make a bias that hides later keys from each query; the last query is at the last key.

    Args:
        queries: number of query positions Q.
        keys: number of key positions K, at least Q.
        dtype: type of the scores.
        device: where they are.

    Returns:
        (Q, K): 0 where a query may look, else -10000.

    Example:
        >>> causal_bias(2, 3, torch.float32, torch.device("cpu"))
        tensor([[     0.,      0., -10000.],
                [     0.,      0.,      0.]])
    """
    positions = torch.arange(keys, device=device)
    later = positions > positions[keys - queries :, None]  # (Q, K)
    return torch.zeros_like(later, dtype=dtype).masked_fill(later, MASKED)


def causal_padding_bias(attention_mask: Tensor, queries: int, dtype: torch.dtype) -> Tensor:
    """Make a bias that hides both padding and later tokens.

    Args:
        attention_mask: (B, K), 1 for real tokens and 0 for padding, or (B, Q, K).
        queries: number of query positions Q; the last query is at the last key.
        dtype: type of the scores.

    Returns:
        (B, 1, Q, K): 0 where a query may look, else -10000.

    Example:
        >>> causal_padding_bias(torch.tensor([[0, 1, 1]]), 2, torch.float32)
        tensor([[[[-10000.,      0., -10000.],
                  [-10000.,      0.,      0.]]]])
    """
    padding = visibility_bias(attention_mask, dtype)
    later = causal_bias(queries, attention_mask.size(-1), dtype, attention_mask.device)
    return torch.minimum(later, padding)


def is_known_full(attention_mask: Tensor) -> bool:
    """Whether a mask is known to hide nothing.

    False also if checking would take time or is impossible: on an accelerator, and while a model
    is compiled or traced.

    Example:
        >>> is_known_full(torch.ones(2, 3)), is_known_full(torch.tensor([[1, 0]]))
        (True, False)
    """
    if not values_are_known(attention_mask) or not attention_mask.is_cpu:
        return False
    return attention_mask.dim() == 2 and bool((attention_mask == 1).all())


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
    check_tensor("head_mask", head_mask)
    if tuple(head_mask.shape) not in {(heads,), (layers, heads)}:
        raise ValueError(
            f"head_mask has shape {tuple(head_mask.shape)}; this model takes ({heads},), the same "
            f"for all layers, or ({layers}, {heads})"
        )
    rows = head_mask.to(dtype).expand(layers, heads)
    return list(rows[:, None, :, None, None].unbind(0))


def split_heads(x: Tensor, heads: int) -> Tensor:
    """Split the width into heads: (B, L, H * D) → (B, H, L, D)."""
    return x.view(*x.shape[:-1], heads, x.size(-1) // heads).transpose(1, 2)


def merge_heads(x: Tensor) -> Tensor:
    """Join the heads again: (B, H, L, D) → (B, L, H * D)."""
    return x.transpose(1, 2).flatten(2)


def head_size(width: int, heads: int, *, names: tuple[str, str]) -> int:
    """Return the number of features per head.

    Args:
        width: model width, which the heads share.
        heads: number of heads.
        names: their names in the configuration, for the message.

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
