"""Transformer-XL's attention: read on past the end of a segment, and count distances, not places.

The cost of attention grows with the square of the length, so a long text is read in *segments* of
some hundred tokens. GPT-2 (see gpt2.py) would forget everything at each cut. Transformer-XL keeps
what each layer read in the last segment, its *memory*, and lets the next segment see it too.

The idea to take away: this works only if places are relative. If each segment numbered its tokens
from 0, a token of the memory and one of the segment would both be number 3. "Five tokens before me"
is right everywhere, in a text of any length. So places are no longer added to the vectors that a
layer reads. They enter in the one place where two tokens meet: the score of a query and a key.

Paper: Dai et al. 2019, arXiv:1901.02860, sections 3.2 and 3.3, and appendix B for the shift.
Shapes: B texts, Q new tokens in each, M tokens in memory, K = M + Q, E numbers per token, H heads,
D numbers per head.

Example:
    >>> _ = torch.manual_seed(0)
    >>> attention, text = RelativeAttention(width=8, heads=2, head_width=4), torch.randn(1, 6, 8)
    >>> at_once = attention(text, memory=text[:, :0])  # an empty memory
    >>> second_half = attention(text[:, 3:], memory=text[:, :3])
    >>> torch.allclose(at_once[:, 3:], second_half, atol=1e-6)  # the cut cannot be noticed
    True
"""

import torch
from torch import Tensor, nn


def embedded(distances: Tensor, width: int) -> Tensor:
    """Describe each distance by ``width`` numbers: fast and slow sines and cosines.

    They are like the hands of a clock: fast ones tell near distances apart, slow ones far ones.
    Nothing is learned here, so even a distance that never came up in training has its numbers.

    Example:
        >>> embedded(torch.tensor([0.0, 1.0]), width=4)
        tensor([[0.0000, 0.0000, 1.0000, 1.0000],
                [0.8415, 0.0100, 0.5403, 0.9999]])
    """
    frequencies = 1 / 10000 ** (torch.arange(0, width, 2, device=distances.device) / width)
    angles = distances[:, None] * frequencies  # (K,) → (K, E / 2)
    return torch.cat((angles.sin(), angles.cos()), dim=-1)  # (K, E / 2) → (K, E)


def position_scores(query: Tensor, positions: Tensor) -> Tensor:
    """Score how well the distance to each key fits each query: the plain definition.

    Args:
        query: (B, H, Q, D).
        positions: (K, H, D), a vector for each of the distances 0, 1, 2 up to K - 1.

    Returns:
        (B, H, Q, K).
    """
    new, total = query.size(-2), positions.size(0)
    places = torch.arange(total, device=query.device)
    distances = places[total - new :, None] - places  # (Q, K): of query i from key j
    vectors = positions[distances.clamp(min=0)]  # (Q, K, H, D); negative ones will be hidden
    return torch.einsum("bhqd,qkhd->bhqk", query, vectors)


def position_scores_by_shift(query: Tensor, positions: Tensor) -> Tensor:
    """Compute the same without a table of Q * K vectors.

    Multiply each query by the vector of each *distance*, the longest first. With two queries a and
    b and a memory of one token, that gives the numbers on the left; a2 is for query a and distance
    2. We need those on the right, for each *key*: a is one token nearer to all keys than b::

        a2 a1 a0        a1 a0  .
        b2 b1 b0        b2 b1 b0

    Every row must move left, the first by Q - 1, the last not at all. Put a 0 before each row,
    write all in one line, drop the first Q numbers, and cut the line into rows of K again::

        0 a2 a1 a0 0 b2 b1 b0   →   a1 a0 0 b2 b1 b0   →   a1 a0 0
                                                           b2 b1 b0

    No number is computed for that; they are only read with another length of row. What gets into
    the upper right corner belongs to later keys, which are hidden anyway.
    """
    by_distance = query @ positions.flip(0).permute(1, 2, 0)  # (B, H, Q, D) → (B, H, Q, K)
    one_line = nn.functional.pad(by_distance, (1, 0)).flatten(-2)  # → (B, H, Q * (K + 1))
    return one_line[..., query.size(-2) :].reshape(by_distance.shape)  # → (B, H, Q, K)


class RelativeAttention(nn.Module):
    """Let every token collect information from the memory and the segment up to itself.

    A score has four parts, terms (a) to (d) of section 3.3. There q is a query, k a key, r the
    vector of their distance, and u and v are two learned vectors of each head::

        q · k    this token looks for that content     (a)
        q · r    this token looks at that distance     (b)
        u · k    all tokens look for that content      (c)
        v · r    all tokens look at that distance      (d)

    They are computed as (q + u) · k + (q + v) · r.
    """

    def __init__(self, width: int, heads: int, head_width: int) -> None:
        super().__init__()
        # The names are those of the weights files of 2019.
        self.qkv_net = nn.Linear(width, 3 * heads * head_width, bias=False)
        self.r_net = nn.Linear(width, heads * head_width, bias=False)
        self.o_net = nn.Linear(heads * head_width, width, bias=False)
        self.r_w_bias = nn.Parameter(torch.zeros(heads, head_width))  # u
        self.r_r_bias = nn.Parameter(torch.zeros(heads, head_width))  # v
        self.layer_norm = nn.LayerNorm(width, eps=1e-12)  # as in bert.py

    def forward(self, x: Tensor, memory: Tensor) -> Tensor:
        """Read a segment (B, Q, E) and its memory (B, M, E); return (B, Q, E)."""
        # No gradient goes back into the memory: training costs no more than for one segment.
        seen = torch.cat((memory.detach(), x), dim=1)  # → (B, K, E)
        u, v = self.r_w_bias, self.r_r_bias  # (H, D)
        query, key, value = (
            part.unflatten(-1, u.shape).transpose(1, 2)  # (B, K, H * D) → (B, H, K, D)
            for part in self.qkv_net(seen).chunk(3, dim=-1)
        )
        query = query[:, :, memory.size(1) :]  # (B, H, K, D) → (B, H, Q, D)
        places = torch.arange(
            seen.size(1), device=x.device
        )  # 0 to K - 1, which are also all distances
        positions = self.r_net(embedded(places, x.size(-1))).unflatten(-1, u.shape)  # (K, H, D)
        scores = (query + u[:, None]) @ key.transpose(-2, -1)  # (B, H, Q, D) → (B, H, Q, K)
        scores = scores + position_scores_by_shift(query + v[:, None], positions)
        is_later = places > places[memory.size(1) :, None]  # (Q, K)
        scores = (scores / query.size(-1) ** 0.5).masked_fill(is_later, -torch.inf)  # as in gpt2.py
        mixed = (scores.softmax(dim=-1) @ value).transpose(1, 2).flatten(2)  # → (B, Q, H * D)
        return self.layer_norm(x + self.o_net(mixed))


# Beyond this page, ptbert_models has the whole model: a memory of limited length for each layer,
# limits on what is seen and how far distances count, dropout, and a softmax over 267,735 words.
# Start at `TransfoXLModel`. Its `RelPartialLearnableMultiHeadAttn` is the attention of this page.
