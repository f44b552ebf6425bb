"""Where things stand: sinusoids, tables of learned positions, and relative positions.

Letters: B batch, H heads, Q new tokens, M positions in the memory, K = M + Q.

Source:
    Dai et al. 2019, arXiv:1901.02860, section 3.3 and appendix B.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ptbert_models.parts.inputs import values_are_known


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
        self.register_buffer("inv_freq", self._frequencies())  # files hold it; see forward()

    def _frequencies(self, device: torch.device | None = None) -> Tensor:
        return 1 / (10000 ** (torch.arange(0.0, self.demb, 2.0, device=device) / self.demb))

    def forward(self, pos_seq: Tensor, bsz: int | None = None) -> Tensor:
        """Embed positions (K,) as (K, 1, demb), or as (K, bsz, demb)."""
        # Computed anew in single precision: half of it cannot tell neighbouring positions apart.
        angles = torch.outer(pos_seq.float(), self._frequencies(pos_seq.device))
        embedding = torch.cat([angles.sin(), angles.cos()], dim=-1)[:, None]
        return embedding if bsz is None else embedding.expand(-1, bsz, -1)


def relative_shift(scores: Tensor) -> Tensor:
    """Line up scores of distances with keys.

    Query i of Q stands at position M + i, so key j is M + i - j away. Each row is therefore the
    row of distances moved on by one place more than the row below, and that is what windows of K
    numbers are that begin K - 1 numbers apart.

    Args:
        scores: (B, H, Q, K), for distances K - 1 down to 0 in each row.

    Returns:
        (B, H, Q, K), for keys 0 to K - 1. Entries of later keys are meaningless and to be masked.

    Example:
        >>> scores = torch.tensor([[[[3, 2, 1, 0],
        ...                          [3, 2, 1, 0]]]])
        >>> relative_shift(scores)[0, 0]  # the first query stands at key 2, the second at key 3
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
    """Do what `relative_shift` does, as the paper's appendix B says: pad, reshape, cut."""
    queries = scores.size(-2)
    padded = F.pad(scores, (1, 0)).flatten(-2)  # (B, H, Q * (K + 1))
    return padded[..., queries:].reshape(scores.shape)


def last_rows(table: Tensor, length: int) -> Tensor:
    """Return the last rows of a table of positions; its first row stands for all before it.

    Example:
        >>> last_rows(torch.tensor([7, 8, 9]), 2)
        tensor([8, 9])
        >>> last_rows(torch.tensor([7, 8, 9]), 5)
        tensor([7, 7, 7, 8, 9])
    """
    size = table.size(0)
    return table[torch.arange(size - length, size, device=table.device).clamp(min=0)]
