"""The layers that both GPT families share, small before large.

Letters: B batch, L sequence length, T tokens of past and input together, H heads, D features per
head, E model width, F feed-forward width. Attribute names are key names of 2019 checkpoints, and
programs subclass these parts with positional arguments, so constructors keep their 2019 order. They
read the attributes of a configuration and nothing else, because programs pass their own.

Source:
    Radford et al. 2018 and 2019; Vaswani et al. 2017, arXiv:1706.03762, section 3.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ptbert_models.gpt.cache import LayerPast, extend_past
from ptbert_models.gpt.config import GPTConfig, dropout_rate
from ptbert_models.parts.attention import attend, dropout_of, head_size, merge_heads, split_heads
from ptbert_models.parts.conv1d import Conv1D
from ptbert_models.parts.inputs import without_none
from ptbert_models.parts.outputs import split_attentions
from ptbert_models.parts.pruning import (
    head_numbers,
    original_numbers,
    prune_conv1d_layer,
    remaining_features,
)


def add_missing_dropout(module: nn.Module, *names: str) -> None:
    """Give a module from an older whole-model file the dropouts that it lacks, with rate 0.

    Release 0.6.2 had no dropout in these places.
    """
    for name in names:
        if not hasattr(module, name):
            module.add_module(name, nn.Dropout(0.0))


class CausalAttention(nn.Module):
    """Attention of every token to itself and to the tokens before it.

    Args:
        nx: model width E.
        n_ctx: size of ``bias``.
        config: number of heads and rates of dropout.
        scale: whether scores are divided by the square root of D.
        output_attentions: whether attention weights are returned, in front.
        keep_multihead_output: whether the heads' output is kept as ``multihead_output``.
    """

    config_class: ClassVar[type[GPTConfig] | None] = None  # of the family, for other configurations
    # Class-level defaults, for whole-model pickles that are older than these attributes.
    n_ctx = 1024
    output_attentions = False
    keep_multihead_output = False
    multihead_output: Tensor | None = None
    pruned_heads: frozenset[int] = frozenset()  # by their numbers before any was pruned

    def __init__(
        self,
        nx: int,
        n_ctx: int,
        config: GPTConfig,
        scale: bool = False,
        output_attentions: bool = False,
        keep_multihead_output: bool = False,
    ) -> None:
        super().__init__()
        head_size(nx, config.n_head, names=("nx", "n_head"))
        self.n_ctx = n_ctx
        self.n_head = config.n_head
        self.split_size = nx
        self.scale = scale
        self.output_attentions = output_attentions
        self.keep_multihead_output = keep_multihead_output
        self.multihead_output = None
        self.c_attn = Conv1D(nx * 3, nx)
        self.c_proj = Conv1D(nx, nx)
        self.attn_dropout = nn.Dropout(dropout_rate(config, "attn_pdrop", self.config_class))
        self.resid_dropout = nn.Dropout(dropout_rate(config, "resid_pdrop", self.config_class))

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        add_missing_dropout(self, "attn_dropout", "resid_dropout")
        mask = self._buffers.pop("bias", None)  # of 2019
        if mask is not None:
            self.n_ctx = mask.size(-1)

    @property
    def bias(self) -> Tensor:
        """Causal mask (1, 1, n_ctx, n_ctx) of 1 and 0, for subclasses that compute attention."""
        weight = self.c_attn.weight
        return torch.ones(self.n_ctx, self.n_ctx, dtype=weight.dtype, device=weight.device).tril()[
            None, None
        ]

    def prune_heads(self, heads: Iterable[int]) -> None:
        """Remove heads permanently; the remaining ones are numbered from 0 again."""
        heads = head_numbers(heads)
        if not heads:
            return
        width = self.split_size // self.n_head
        stay = remaining_features(heads, self.n_head, width)
        query_key_value = torch.cat([stay + part * self.split_size for part in range(3)])
        self.c_attn = prune_conv1d_layer(self.c_attn, query_key_value, dim=1)
        self.c_proj = prune_conv1d_layer(self.c_proj, stay, dim=0)
        self.pruned_heads = original_numbers(heads, self.pruned_heads)
        self.n_head -= len(heads)
        self.split_size = width * self.n_head

    def split_heads(self, x: Tensor, k: bool = False) -> Tensor:
        """(B, L, H * D) → (B, H, L, D), or (B, H, D, L) for keys."""
        x = split_heads(x, self.n_head)
        return x.transpose(-2, -1) if k else x

    def merge_heads(self, x: Tensor) -> Tensor:
        """(B, H, L, D) → (B, L, H * D)."""
        return merge_heads(x)

    def _attn(
        self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        head_mask: Tensor | None = None,
        bias: Tensor | None = None,
    ) -> Any:
        """Compute attention; programs override this with only the first three arguments.

        Args:
            q: (B, H, L, D).
            k: (B, H, D, T), transposed.
            v: (B, H, T, D).
            head_mask: factor of the weights; given only where there is one.
            bias: added to the scores, causal mask included; given only where there is one.

        Returns:
            The context (B, H, L, D); with ``output_attentions`` the weights (B, H, L, T) first.
        """
        need_weights = getattr(self, "output_attentions", False)
        context, weights = attend(
            q,
            k.transpose(-2, -1),
            v,
            None if bias is None else bias.to(q.dtype),
            causal=bias is None,
            scale=None if self.scale else 1.0,
            dropout=dropout_of(self.attn_dropout),
            head_mask=head_mask,
            need_weights=need_weights,
        )
        return (weights, context) if need_weights else context

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the kept output: it belongs to a call, and cannot be copied."""
        return {**vars(self), "multihead_output": None}


def project_and_mix(
    attention: Any,
    x: Tensor,
    layer_past: LayerPast | None,
    head_mask: Tensor | None,
    attention_bias: Tensor | None,
) -> tuple[Tensor | None, Tensor, Tensor]:
    """Attend from (B, L, E) to past and input.

    A function, because programs call ``forward`` with objects of their own as self.

    Args:
        attention: a ``CausalAttention``, or an object with its attributes of 2019.
        x: (B, L, E).
        layer_past: keys and values of earlier tokens, (2, B, H, T - L, D), or a cache.
        head_mask: factor of the weights, broadcastable to (B, H, L, T).
        attention_bias: added to the scores, causal mask included; only the causal mask if None.

    Returns:
        Weights or None, the output (B, L, E), and all keys and values (2, B, H, T, D).
    """
    size, heads = attention.split_size, attention.n_head
    query, key_value = attention.c_attn(x).split([size, 2 * size], dim=-1)
    # (B, L, 2 * H * D) → (2, B, H, L, D), a view
    new = key_value.unflatten(-1, (2, heads, size // heads)).permute(2, 0, 3, 1, 4)
    present = extend_past(layer_past, new)
    if layer_past is None:
        # Not taken from what is returned: ONNX gives outputs the lengths of the example.
        key, value = key_value.split(size, dim=-1)
        keys, values = attention.split_heads(key, k=True), attention.split_heads(value)
    else:
        key, values = present.unbind(0)
        keys = key.transpose(-2, -1)
    mixed = attention._attn(
        attention.split_heads(query),
        keys,
        values,
        *(() if head_mask is None else (head_mask,)),
        **without_none(bias=attention_bias),
    )
    weights, context = split_attentions(mixed)
    if getattr(attention, "keep_multihead_output", False):
        attention.multihead_output = context  # (B, H, L, D), for the importance of heads
        if context.requires_grad:
            context.retain_grad()
    output = attention.c_proj(attention.merge_heads(context))
    return weights, attention.resid_dropout(output), present


class MLP(nn.Module):
    """The feed-forward network: widen, activate, narrow.

    Args:
        n_state: width F between the two layers.
        config: model width, activation and rate of dropout.
    """

    config_class: ClassVar[type[GPTConfig] | None] = None  # of the family, for other configurations

    def __init__(self, n_state: int, config: GPTConfig) -> None:
        super().__init__()
        self.c_fc = Conv1D(n_state, config.n_embd)
        self.c_proj = Conv1D(config.n_embd, n_state)
        self.act = (self.config_class or type(config)).activation(config)
        self.dropout = nn.Dropout(dropout_rate(config, "resid_pdrop", self.config_class))

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        add_missing_dropout(self, "dropout")

    def forward(self, x: Tensor) -> Tensor:
        """(B, L, E) → (B, L, E)."""
        return self.dropout(self.c_proj(self.act(self.c_fc(x))))
