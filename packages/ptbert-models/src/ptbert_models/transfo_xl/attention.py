"""Attention to a segment and the memory before it, with relative or absolute positions.

Letters: B batch, E model width, H heads, D features per head, Q new tokens, M positions in the
memory, K = M + Q. The modules take and return time first, (Q, B, E), as those of 2019 do; attribute
names are key names of 2019 checkpoints.

Source:
    Dai et al. 2019, arXiv:1901.02860, section 3.3 and appendix B.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ptbert_models.parts.attention import split_heads
from ptbert_models.parts.normalization import BertLayerNorm
from ptbert_models.transfo_xl.memory import mask_bias
from ptbert_models.transfo_xl.mixing import (
    Source,
    is_cheaper_for_queries,
    mix_source,
    separate_weights,
)
from ptbert_models.transfo_xl.positions import last_rows, relative_shift


def new_bias(heads: int, features: int) -> nn.Parameter:
    """Make a bias (H, D) of content or position that starts at 0."""
    return nn.Parameter(torch.zeros(heads, features))


class MultiHeadAttn(nn.Module):
    """Attention whose inputs already contain their positions.

    Args:
        n_head: number of heads H.
        d_model: model width E.
        d_head: number of features per head D.
        dropout: dropout rate of the output.
        dropatt: dropout rate of attention weights.
        pre_lnorm: whether the input is normalized rather than the output.
        r_r_bias: kept for the files of 2019, which hold it; not used.
        r_w_bias: likewise.

    Source:
        Vaswani et al. 2017, arXiv:1706.03762, section 3.2.
    """

    untrained: ClassVar[tuple[str, ...]] = ("r_r_bias", "r_w_bias")

    def __init__(
        self,
        n_head: int,
        d_model: int,
        d_head: int,
        dropout: float,
        dropatt: float = 0,
        pre_lnorm: bool = False,
        r_r_bias: nn.Parameter | None = None,
        r_w_bias: nn.Parameter | None = None,
    ) -> None:
        super().__init__()
        self.n_head = n_head
        self.d_head = d_head
        self.scale = d_head**-0.5
        self.pre_lnorm = pre_lnorm
        width = n_head * d_head
        self.q_net = nn.Linear(d_model, width, bias=False)
        self.kv_net = nn.Linear(d_model, 2 * width, bias=False)
        self.o_net = nn.Linear(width, d_model, bias=False)
        self.layer_norm = BertLayerNorm(d_model)
        self.drop, self.dropatt = nn.Dropout(dropout), nn.Dropout(dropatt)
        self.r_r_bias = new_bias(n_head, d_head) if r_r_bias is None else r_r_bias
        self.r_w_bias = new_bias(n_head, d_head) if r_w_bias is None else r_w_bias

    def forward(
        self, h: Tensor, attn_mask: Tensor | None = None, mems: Tensor | None = None
    ) -> Tensor:
        """Attend to the memory and the segment.

        Args:
            h: (Q, B, E).
            attn_mask: see ``mask_bias``.
            mems: (M, B, E).

        Returns:
            (Q, B, E).
        """
        context = h if mems is None else torch.cat([mems, h])  # (K, B, E)
        if self.pre_lnorm:  # of keys and values only, as the authors did
            context = self.layer_norm(context)
        query = split_heads(self.q_net(h).transpose(0, 1), self.n_head)
        width = self.n_head * self.d_head
        weights = separate_weights(self.kv_net, width)
        source = (
            self.kv_net(context).split(width, dim=-1) if weights is None else (context, *weights)
        )
        mixed = mix_source(
            query,
            source,
            None if attn_mask is None else mask_bias(attn_mask, query.dtype),
            scale=self.scale,
            dropout=self.dropatt,
        )
        output = h + self.drop(self.o_net(mixed))
        return output if self.pre_lnorm else self.layer_norm(output)


class RelMultiHeadAttn(nn.Module):
    """What the two kinds of attention to relative positions share.

    Args:
        n_head: number of heads H.
        d_model: model width E.
        d_head: number of features per head D.
        dropout: dropout rate of the output.
        dropatt: dropout rate of attention weights.
        tgt_len: not used; segments and memories may have any length.
        ext_len: not used.
        mem_len: not used.
        pre_lnorm: whether the input is normalized rather than the output.
        r_r_bias: (H, D), the bias of positions, shared with other layers; new when None.
        r_w_bias: (H, D), the bias of content, likewise.
    """

    has_biases: ClassVar[bool] = True

    def __init__(
        self,
        n_head: int,
        d_model: int,
        d_head: int,
        dropout: float,
        dropatt: float = 0,
        tgt_len: int | None = None,
        ext_len: int | None = None,
        mem_len: int | None = None,
        pre_lnorm: bool = False,
        r_r_bias: nn.Parameter | None = None,
        r_w_bias: nn.Parameter | None = None,
    ) -> None:
        super().__init__()
        self.n_head = n_head
        self.d_model = d_model
        self.d_head = d_head
        self.scale = d_head**-0.5
        self.pre_lnorm = pre_lnorm
        width = n_head * d_head
        self.qkv_net = nn.Linear(d_model, 3 * width, bias=False)
        self.o_net = nn.Linear(width, d_model, bias=False)
        self.layer_norm = BertLayerNorm(d_model)
        self.drop, self.dropatt = nn.Dropout(dropout), nn.Dropout(dropatt)
        if self.has_biases:
            self.r_r_bias = new_bias(n_head, d_head) if r_r_bias is None else r_r_bias
            self.r_w_bias = new_bias(n_head, d_head) if r_w_bias is None else r_w_bias

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        """Attend to the memory and the segment; each kind defines its own."""
        raise NotImplementedError(
            "RelMultiHeadAttn is what RelPartialLearnableMultiHeadAttn and "
            "RelLearnableMultiHeadAttn share; use one of them"
        )


# Programs call ``forward`` with objects of their own as self. So these are no methods.


def query_and_source(attention: Any, w: Tensor, mems: Tensor | None) -> tuple[Tensor, Source]:
    """Return the queries (B, H, Q, D) of the new tokens, and what they attend to."""
    context = w if mems is None else torch.cat([mems, w])
    if attention.pre_lnorm:
        context = attention.layer_norm(context)
    width, old = attention.n_head * attention.d_head, context.size(0) - w.size(0)
    weights = separate_weights(attention.qkv_net, width)
    if weights is None:
        query, *projected = attention.qkv_net(context).split(width, dim=-1)
        query, source = query[old:], tuple(projected)
    else:  # no queries of the memory
        query, source = F.linear(context[old:], weights[0]), (context, *weights[1:])
    return split_heads(query.transpose(0, 1), attention.n_head), source


def output(
    attention: Any,
    w: Tensor,
    query: Tensor,
    source: Source,
    position_scores: Tensor,
    attn_mask: Tensor | None,
) -> Tensor:
    """Attend, project, add the input and normalize.

    Args:
        attention: a ``RelMultiHeadAttn``, or an object with its attributes of 2019.
        w: (Q, B, E), the input.
        query: (B, H, Q, D), with its bias of content.
        source: see ``Source``.
        position_scores: (B, H, Q, K), for distances K - 1 to 0, times ``attention.scale``.
        attn_mask: see ``mask_bias``.
    """
    bias = relative_shift(position_scores)
    bias = bias.contiguous() if attn_mask is None else mask_bias(attn_mask, bias.dtype) + bias
    mixed = mix_source(query, source, bias, scale=attention.scale, dropout=attention.dropatt)
    result = w + attention.drop(attention.o_net(mixed))
    return result if attention.pre_lnorm else attention.layer_norm(result)


def scores_of_distances(attention: Any, query: Tensor, r: Tensor) -> Tensor:
    """Score every distance for every query.

    For few queries it is cheaper to apply the projection of distances to them than to all
    distances: ``q · (W r) = (Wᵀ q) · r``. Both ways give the same numbers.

    Args:
        attention: a ``RelPartialLearnableMultiHeadAttn``, or an object with its attributes of 2019.
        query: (B, H, Q, D), with its bias of positions, scaled.
        r: (K, 1, E), embeddings of the distances K - 1 to 0.

    Returns:
        (B, H, Q, K).
    """
    heads, features = attention.n_head, attention.d_head
    weights = separate_weights(attention.r_net, heads * features)
    queries, keys, width = query.size(0) * query.size(2), r.size(0), r.size(-1)
    if weights is None or not is_cheaper_for_queries(queries, keys, width, features):
        positions = attention.r_net(r).view(keys, heads, features)
        return query @ positions.permute(1, 2, 0)
    wide = query @ weights[0].view(heads, features, -1)  # (B, H, Q, E)
    return wide @ r[:, 0].t()


class RelPartialLearnableMultiHeadAttn(RelMultiHeadAttn):
    """Transformer-XL's attention: sinusoids of distances, projected.

    Arguments as in ``RelMultiHeadAttn``.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.r_net = nn.Linear(self.d_model, self.n_head * self.d_head, bias=False)

    def forward(
        self,
        w: Tensor,
        r: Tensor,
        attn_mask: Tensor | None = None,
        mems: Tensor | None = None,
    ) -> Tensor:
        """Attend to the memory and the segment.

        Args:
            w: (Q, B, E).
            r: (K, 1, E), embeddings of the distances K - 1 to 0.
            attn_mask: see ``mask_bias``.
            mems: (M, B, E).

        Returns:
            (Q, B, E).
        """
        query, source = query_and_source(self, w, mems)
        # Scaled before the product, which half precision could not hold.
        looking = (query + self.r_r_bias[:, None]) * self.scale
        position_scores = scores_of_distances(self, looking, r)
        query = query + self.r_w_bias[:, None]
        return output(self, w, query, source, position_scores, attn_mask)


class RelLearnableMultiHeadAttn(RelMultiHeadAttn):
    """Attention with a learned vector and a learned bias for every distance.

    Arguments as in ``RelMultiHeadAttn``.

    Source:
        Shaw et al. 2018, arXiv:1803.02155; the authors of Transformer-XL compare with it.
    """

    has_biases = False  # they are arguments of every call

    def forward(
        self,
        w: Tensor,
        r_emb: Tensor,
        r_w_bias: Tensor,
        r_bias: Tensor,
        attn_mask: Tensor | None = None,
        mems: Tensor | None = None,
    ) -> Tensor:
        """Attend to the memory and the segment.

        Args:
            w: (Q, B, E).
            r_emb: (number of distances, H, D), the nearest last; the first is also for longer ones.
            r_w_bias: (H, D), the bias of content.
            r_bias: (number of distances, H).
            attn_mask: see ``mask_bias``.
            mems: (M, B, E).

        Returns:
            (Q, B, E).
        """
        query, source = query_and_source(self, w, mems)
        keys = source[0].size(0)
        position_scores = query * self.scale @ last_rows(r_emb, keys).permute(1, 2, 0)
        position_scores = position_scores + self.scale * last_rows(r_bias, keys).t()[:, None]
        query = query + r_w_bias[:, None]
        return output(self, w, query, source, position_scores, attn_mask)
