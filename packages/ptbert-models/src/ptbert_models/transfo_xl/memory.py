"""What a segment sees of the segments before it.

Letters: B batch, E model width, M positions in the memory, Q new tokens, K = M + Q.

Source:
    Dai et al. 2019, arXiv:1901.02860, section 3.2.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ptbert_models.parts.attention import MASKED


def hidden_positions(
    queries: int, memory: int, *, window: int | None = None, device: torch.device | None = None
) -> Tensor:
    """Return which positions each new token must not see.

    Args:
        queries: number of new tokens Q.
        memory: number of positions M before them.
        window: how many positions a token sees, itself included; None for all before it.
        device: where the result is.

    Returns:
        (Q, M + Q), True for later positions and for those that the window does not reach.

    Example:
        >>> hidden_positions(2, 1).int()
        tensor([[0, 0, 1],
                [0, 0, 0]], dtype=torch.int32)
        >>> hidden_positions(2, 1, window=2).int()
        tensor([[0, 0, 1],
                [1, 0, 0]], dtype=torch.int32)
    """
    positions = torch.arange(memory + queries, device=device)
    distances = positions[memory:, None] - positions  # (Q, K)
    if window is None:
        return distances < 0
    return (distances < 0) | (distances >= window)


def mask_bias(attn_mask: Tensor, dtype: torch.dtype) -> Tensor:
    """Turn a mask in 2019's form into a bias for attention scores.

    Args:
        attn_mask: (Q, K), or (Q, K, B) or (Q, K, 1); bool or numbers, not 0 where a query must not
            look.
        dtype: type of the scores.

    Returns:
        (B or 1, 1, Q, K), 0 or -10000.
    """
    by_text = attn_mask[None] if attn_mask.dim() == 2 else attn_mask.permute(2, 0, 1)
    return by_text[:, None].to(dtype) * MASKED


def updated_memory(memory: Tensor, hidden: Tensor, *, mem_len: int, ext_len: int = 0) -> Tensor:
    """Return the last positions of the memory and the new hidden states together.

    Args:
        memory: (M, B, E).
        hidden: (Q, B, E).
        mem_len: how many positions to keep.
        ext_len: how many positions at the end to leave out.

    Returns:
        (at most ``mem_len``, B, E), without gradient.

    Example:
        >>> memory, hidden = torch.tensor([1, 2, 3]), torch.tensor([4, 5])
        >>> updated_memory(memory, hidden, mem_len=3)
        tensor([3, 4, 5])
        >>> updated_memory(memory, hidden, mem_len=3, ext_len=1)
        tensor([2, 3, 4])
    """
    end = memory.size(0) + max(0, hidden.size(0) - ext_len)
    begin = max(0, end - mem_len)
    return torch.cat([memory, hidden])[begin:end].detach()
