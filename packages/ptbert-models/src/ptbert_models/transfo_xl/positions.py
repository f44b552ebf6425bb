"""Positions: sinusoids, tables of learned positions, and the shift to relative positions.

Letters: B batch, H heads, Q new tokens, M positions in the memory, K = M + Q.

Source:
    Dai et al. 2019, arXiv:1901.02860, section 3.3 and appendix B.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ptbert_models.parts.inputs import values_are_known


def _frequencies(features: int, device: torch.device | None = None) -> Tensor:
    return 1 / (10000 ** (torch.arange(0.0, features, 2.0, device=device) / features))


class PositionalEmbedding(nn.Module):
    """Sines and cosines of positions, half of the features each.

    Args:
        demb: number of features, even.

    Source:
        Vaswani et al. 2017, arXiv:1706.03762, section 3.5; unlike there, all sines come first.

    Example:
        >>> PositionalEmbedding(4)(torch.tensor([0.0, 1.0])).shape
        torch.Size([2, 1, 4])
    """

    inv_freq: Tensor

    def __init__(self, demb: int) -> None:
        super().__init__()
        self.demb = demb
        self.register_buffer("inv_freq", _frequencies(demb))  # in files of 2019; see forward()

    def forward(self, pos_seq: Tensor, bsz: int | None = None) -> Tensor:
        """Embed positions (K,) as (K, 1, demb), or as (K, bsz, demb)."""
        # Computed again in single precision: half precision cannot separate neighbouring positions.
        angles = torch.outer(pos_seq.float(), _frequencies(self.demb, pos_seq.device))
        embedding = torch.cat([angles.sin(), angles.cos()], dim=-1)[:, None]
        return embedding if bsz is None else embedding.expand(-1, bsz, -1)


def relative_shift(scores: Tensor) -> Tensor:
    """Align scores of distances with keys.

    Query i is at position M + i, so its distance to key j is M + i - j. Each row of scores must
    therefore be shifted by one place more than the row below it. In the flat list of all scores
    these shifted rows are windows of K numbers, each beginning K - 1 numbers after the one before.

    Args:
        scores: (B, H, Q, K), for distances K - 1 down to 0 in each row.

    Returns:
        (B, H, Q, K), for keys 0 to K - 1. Entries of later keys have no meaning and must be masked.

    Example:
        >>> scores = torch.tensor([[[[3, 2, 1, 0],
        ...                          [3, 2, 1, 0]]]])
        >>> relative_shift(scores)[0, 0]  # the first query is at key 2, the second at key 3
        tensor([[2, 1, 0, 3],
                [3, 2, 1, 0]])
    """
    queries, keys = scores.shape[-2:]
    if queries == 1:
        return scores
    if not values_are_known():  # lengths may be symbols, and a window's must not be
        return relative_shift_by_padding(scores)
    return scores.flatten(-2)[..., queries - 1 :].unfold(-1, keys, keys - 1)


def relative_shift_by_padding(scores: Tensor) -> Tensor:
    """Do the same as ``relative_shift`` as in the paper's appendix B: pad, reshape, cut."""
    queries = scores.size(-2)
    padded = F.pad(scores, (1, 0)).flatten(-2)  # (B, H, Q * (K + 1))
    return padded[..., queries:].reshape(scores.shape)


def last_rows(table: Tensor, length: int) -> Tensor:
    """Return the last rows of a table of positions; the first row is repeated before it.

    Example:
        >>> last_rows(torch.tensor([7, 8, 9]), 2)
        tensor([8, 9])
        >>> last_rows(torch.tensor([7, 8, 9]), 5)
        tensor([7, 7, 7, 8, 9])
    """
    size = table.size(0)
    return table[torch.arange(size - length, size, device=table.device).clamp(min=0)]
