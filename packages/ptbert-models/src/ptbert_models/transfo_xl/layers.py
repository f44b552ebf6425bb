"""The layers of Transformer-XL: attention, then a feed-forward network.

Letters: B batch, E model width, F feed-forward width, H heads, D features per head, Q new tokens,
M positions in the memory. Everything is time first, (Q, B, E), as in 2019; attribute names are key
names of 2019 checkpoints.

Source:
    Dai et al. 2019, arXiv:1901.02860.
"""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn

from ptbert_models.parts.normalization import BertLayerNorm
from ptbert_models.transfo_xl.attention import (
    MultiHeadAttn,
    RelLearnableMultiHeadAttn,
    RelPartialLearnableMultiHeadAttn,
)


class PositionwiseFF(nn.Module):
    """Feed-forward network of each position, with its residual connection.

    Args:
        d_model: model width E.
        d_inner: inner width F.
        dropout: dropout rate after both linear maps.
        pre_lnorm: whether the input is normalized rather than the output.
    """

    def __init__(self, d_model: int, d_inner: int, dropout: float, pre_lnorm: bool = False) -> None:
        super().__init__()
        self.pre_lnorm = pre_lnorm
        self.CoreNet = nn.Sequential(  # key name of 2019
            nn.Linear(d_model, d_inner),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(d_inner, d_model),
            nn.Dropout(dropout),
        )
        self.layer_norm = BertLayerNorm(d_model)

    def forward(self, inp: Tensor) -> Tensor:
        """(..., E) → (..., E)."""
        if self.pre_lnorm:
            return inp + self.CoreNet(self.layer_norm(inp))
        return self.layer_norm(inp + self.CoreNet(inp))


class AttentionLayer(nn.Module):
    """What the layers share: their two parts.

    Args:
        n_head: number of heads H.
        d_model: model width E.
        d_head: number of features per head D.
        d_inner: width F of the feed-forward network.
        dropout: dropout rate of the layer's outputs.
        **kwargs: further arguments of the attention.
    """

    attention_class: ClassVar[type[nn.Module]]

    def __init__(
        self, n_head: int, d_model: int, d_head: int, d_inner: int, dropout: float, **kwargs: Any
    ) -> None:
        super().__init__()
        self.dec_attn = self.attention_class(n_head, d_model, d_head, dropout, **kwargs)
        self.pos_ff = PositionwiseFF(d_model, d_inner, dropout, kwargs.get("pre_lnorm", False))


class DecoderLayer(AttentionLayer):
    """Layer with attention to absolute positions. Arguments as in ``AttentionLayer``.

    Example:
        >>> import torch
        >>> DecoderLayer(2, 8, 4, 16, dropout=0.1)(torch.zeros(3, 1, 8)).shape
        torch.Size([3, 1, 8])
    """

    attention_class = MultiHeadAttn

    def forward(
        self, dec_inp: Tensor, dec_attn_mask: Tensor | None = None, mems: Tensor | None = None
    ) -> Tensor:
        """(Q, B, E) → (Q, B, E); arguments as in ``MultiHeadAttn``."""
        return self.pos_ff(self.dec_attn(dec_inp, attn_mask=dec_attn_mask, mems=mems))


class RelLearnableDecoderLayer(AttentionLayer):
    """Layer with attention to learned relative positions. Arguments as in ``AttentionLayer``."""

    attention_class = RelLearnableMultiHeadAttn

    def forward(
        self,
        dec_inp: Tensor,
        r_emb: Tensor,
        r_w_bias: Tensor,
        r_bias: Tensor,
        dec_attn_mask: Tensor | None = None,
        mems: Tensor | None = None,
    ) -> Tensor:
        """(Q, B, E) → (Q, B, E); arguments as in ``RelLearnableMultiHeadAttn``."""
        return self.pos_ff(
            self.dec_attn(dec_inp, r_emb, r_w_bias, r_bias, attn_mask=dec_attn_mask, mems=mems)
        )


class RelPartialLearnableDecoderLayer(AttentionLayer):
    """Transformer-XL's own layer. Arguments as in ``AttentionLayer``."""

    attention_class = RelPartialLearnableMultiHeadAttn

    def forward(
        self,
        dec_inp: Tensor,
        r: Tensor,
        dec_attn_mask: Tensor | None = None,
        mems: Tensor | None = None,
    ) -> Tensor:
        """(Q, B, E) → (Q, B, E); arguments as in ``RelPartialLearnableMultiHeadAttn``."""
        return self.pos_ff(self.dec_attn(dec_inp, r, attn_mask=dec_attn_mask, mems=mems))
