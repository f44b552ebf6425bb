"""Attention to a segment and the memory before it, with relative or absolute positions.

Letters: B batch, E model width, H heads, D features per head, Q new tokens, M positions in the
memory, K = M + Q. The modules take and return time first, (Q, B, E), as those of 2019 do; attribute
names are key names of 2019 checkpoints.

Source:
    Dai et al. 2019, arXiv:1901.02860, section 3.3 and appendix B.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ptbert_models.parts.attention import Dropout, attend, dropout_of, merge_heads, split_heads
from ptbert_models.parts.inputs import values_are_known
from ptbert_models.parts.normalization import BertLayerNorm
from ptbert_models.parts.untouched import has_usual_weight
from ptbert_models.transfo_xl.memory import mask_bias
from ptbert_models.transfo_xl.positions import last_rows, relative_shift


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
    few = queries == 1
    if values_are_known():  # otherwise lengths may be symbols, which cannot be compared
        few = queries * width * (features + keys) < keys * features * (width + queries)
    # A dropout that is called sees the weights of each head by itself.
    mixed = (mix_few if few and not callable(dropout) else mix_many)(
        query, context, key_weight, value_weight, bias, scale=scale, dropout=dropout
    )
    return merge_heads(mixed).transpose(0, 1)


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
        position_scores: (B, H, Q, K), for distances K - 1 to 0.
        attn_mask: see ``mask_bias``.
    """
    bias = relative_shift(position_scores)
    if attn_mask is None:
        bias = bias * attention.scale
    else:  # in one pass
        bias = torch.add(mask_bias(attn_mask, bias.dtype), bias, alpha=attention.scale)
    mixed = mix_source(query, source, bias, scale=attention.scale, dropout=attention.dropatt)
    result = w + attention.drop(attention.o_net(mixed))
    return result if attention.pre_lnorm else attention.layer_norm(result)


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
        positions = self.r_net(r).view(r.size(0), self.n_head, self.d_head)
        position_scores = (query + self.r_r_bias[:, None]) @ positions.permute(1, 2, 0)
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
        position_scores = query @ last_rows(r_emb, keys).permute(1, 2, 0)
        position_scores = position_scores + last_rows(r_bias, keys).t()[:, None]
        query = query + r_w_bias[:, None]
        return output(self, w, query, source, position_scores, attn_mask)
