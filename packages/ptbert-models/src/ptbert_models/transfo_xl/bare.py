"""The bare Transformer-XL, and the base class of both models.

Letters: B batch, L new tokens, M positions in the memory, K = M + L, E model width, H heads, D
features per head, V vocabulary, N layers. Callers give and get texts batch first, (B, L); memories,
and all that happens inside, are time first, (M, B, E), as in 2019.

Source:
    Dai et al. 2019, arXiv:1901.02860.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ptbert_models.config import PreTrainedConfig
from ptbert_models.parts.normalization import BertLayerNorm
from ptbert_models.pretrained import PreTrainedModel
from ptbert_models.transfo_xl.adaptive import (
    AdaptiveEmbedding,
)
from ptbert_models.transfo_xl.authors import read_transfo_xl_checkpoint
from ptbert_models.transfo_xl.config import TransfoXLConfig
from ptbert_models.transfo_xl.layers import (
    DecoderLayer,
    RelLearnableDecoderLayer,
    RelPartialLearnableDecoderLayer,
)
from ptbert_models.transfo_xl.memory import hidden_positions, updated_memory
from ptbert_models.transfo_xl.positions import PositionalEmbedding, last_rows

_BIASES = frozenset({"bias", "r_bias", "cluster_bias"})
_LAYERS = (RelPartialLearnableDecoderLayer, RelLearnableDecoderLayer, DecoderLayer, DecoderLayer)


class TransfoXLPreTrainedModel(PreTrainedModel):
    """Base of the Transformer-XL models, and of models that programs build on them."""

    config: TransfoXLConfig
    config_class = TransfoXLConfig
    family = "transfo_xl"
    base_model_prefix = "transformer"

    @classmethod
    def read_tensorflow(
        cls, path: str | os.PathLike[str], config: PreTrainedConfig
    ) -> dict[str, Tensor]:
        """Read a TensorFlow checkpoint of the authors' code as a state dict."""
        return read_transfo_xl_checkpoint(path, cast("TransfoXLConfig", config))

    def init_weight(self, weight: Tensor) -> None:
        """Give one weight its first values, by ``config.init``."""
        if self.config.init == "uniform":
            nn.init.uniform_(weight, -self.config.init_range, self.config.init_range)
        else:
            nn.init.normal_(weight, 0.0, self.config.init_std)

    def init_bias(self, bias: Tensor) -> None:
        """Set one bias to 0."""
        nn.init.zeros_(bias)

    def init_weights(self, module: nn.Module) -> None:
        """Give one module's own parameters their first values."""
        if isinstance(module, BertLayerNorm):
            nn.init.normal_(module.weight, 1.0, self.config.init_std)
            self.init_bias(module.bias)
            return
        for name, parameter in module.named_parameters(recurse=False):
            if isinstance(module, nn.ParameterList):  # projections of embeddings
                nn.init.normal_(parameter, 0.0, self.config.proj_init_std)
            elif name in _BIASES:
                self.init_bias(parameter)
            else:
                self.init_weight(parameter)

    def set_num_special_tokens(self, num_special_tokens: int) -> None:
        """Do nothing: the vocabulary of Transformer-XL has no part for special tokens."""


class TransfoXLModel(TransfoXLPreTrainedModel):
    """The bare model: hidden states of the last layer, and the memory for the next segment.

    Setting ``gradient_checkpointing = True`` on a model trades time for memory in training: layers
    are computed again on the way back.

    Args:
        config: sizes and rates.

    Example:
        >>> config = TransfoXLConfig(50, cutoffs=[10, 30], d_model=8, d_embed=8, n_head=2, d_head=4,
        ...                          d_inner=16, div_val=2, n_layer=3, mem_len=5)
        >>> model = TransfoXLModel(config)
        >>> hidden, mems = model(torch.tensor([[1, 2, 3, 4], [5, 6, 7, 8]]))
        >>> hidden, mems = model(torch.tensor([[5, 6], [9, 10]]), mems)  # the text goes on
        >>> hidden.shape, len(mems), mems[0].shape
        (torch.Size([2, 2, 8]), 3, torch.Size([5, 2, 8]))
    """

    gradient_checkpointing = False

    def __init__(self, config: TransfoXLConfig) -> None:
        super().__init__(config)
        self.n_token = config.n_token
        self.d_embed = config.d_embed
        self.d_model = config.d_model
        self.n_head = config.n_head
        self.d_head = config.d_head
        self.n_layer = config.n_layer
        self.tgt_len = config.tgt_len
        self.mem_len = config.mem_len
        self.ext_len = config.ext_len
        self.max_klen = config.tgt_len + config.ext_len + config.mem_len
        self.attn_type = config.attn_type
        self.same_length = config.same_length
        self.clamp_len = config.clamp_len
        self.word_emb = AdaptiveEmbedding(
            config.n_token, config.d_embed, config.d_model, config.cutoffs, div_val=config.div_val
        )
        self.drop = nn.Dropout(config.dropout)
        shared = self._new_positions(config)
        self.layers = nn.ModuleList(
            _LAYERS[config.attn_type](
                config.n_head,
                config.d_model,
                config.d_head,
                config.d_inner,
                config.dropout,
                dropatt=config.dropatt,
                pre_lnorm=config.pre_lnorm,
                **shared,
            )
            for _ in range(config.n_layer)
        )
        if config.attn_type in {0, 2}:
            self.pos_emb = PositionalEmbedding(config.d_model)
        self.apply(self.init_weights)

    def _new_positions(self, config: TransfoXLConfig) -> dict[str, nn.Parameter]:
        """Make the parameters of positions; return those that all layers share."""
        layers, heads, features = config.n_layer, config.n_head, config.d_head
        shared = {}
        if config.attn_type == 1:  # for each layer its own, as the authors have it
            self.r_w_bias = nn.Parameter(torch.zeros(layers, heads, features))
            self.r_bias = nn.Parameter(torch.zeros(layers, self.max_klen, heads))
        elif not config.untie_r:
            self.r_w_bias = nn.Parameter(torch.zeros(heads, features))
            self.r_r_bias = nn.Parameter(torch.zeros(heads, features))
            shared = {"r_w_bias": self.r_w_bias, "r_r_bias": self.r_r_bias}
        if config.attn_type in {1, 3}:
            self.r_emb = nn.Parameter(torch.zeros(layers, self.max_klen, heads, features))
        return shared

    def reset_length(self, tgt_len: int, ext_len: int, mem_len: int) -> None:
        """Change the lengths of segments and memory, for evaluation for example."""
        self.tgt_len = tgt_len
        self.mem_len = mem_len
        self.ext_len = ext_len

    def init_mems(self, data: Tensor) -> list[Tensor] | None:
        """Return an empty memory: zeros, or None where the model keeps none.

        Args:
            data: (any, B), token ids or whatever else has the batch second.

        Returns:
            N tensors (M, B, E).
        """
        if self.mem_len == 0:
            return None
        table: Any = self.word_emb.emb_layers[0]
        shape = (self.mem_len, data.size(1), self.d_model)
        return [table.weight.new_zeros(shape) for _ in range(self.n_layer)]

    def forward(
        self, input_ids: Tensor, mems: Sequence[Tensor] | None = None
    ) -> tuple[Tensor, list[Tensor] | None]:
        """Encode the next segment of a batch of texts.

        Args:
            input_ids: (B, L) integers below ``config.n_token``.
            mems: what the call for the segment before returned; an empty memory when None.

        Returns:
            Hidden states (B, L, E), and the memory for the next call: the inputs of all layers, N
            tensors (M, B, E) without gradient, or None where ``mem_len`` is 0.
        """
        time_first = input_ids.t()
        hidden, new_mems = self._forward(
            time_first, self.init_mems(time_first) if mems is None else mems
        )
        return hidden.transpose(0, 1).contiguous(), new_mems

    def _forward(
        self, dec_inp: Tensor, mems: Sequence[Tensor] | None = None
    ) -> tuple[Tensor, list[Tensor] | None]:
        """Encode time first: ids (L, B) → (L, B, E)."""
        queries, batch = dec_inp.shape
        hidden = self.word_emb(dec_inp)
        if mems is None:
            mems = [hidden.new_zeros(0, batch, self.d_model)] * self.n_layer
        self._check_memory(mems, batch)
        length = mems[0].size(0)
        window = self.mem_len if self.same_length and self.mem_len > 0 else None
        mask = hidden_positions(queries, length, window=window, device=dec_inp.device)[..., None]
        sinusoids = self._sinusoids(length + queries, hidden)
        if self.attn_type == 2:
            hidden = hidden + sinusoids[length:]
        hidden = self.drop(hidden)
        new_mems = []
        for index, memory in enumerate(mems):
            old, hidden = self._placed(index, memory, hidden, sinusoids)
            new_mems.append(updated_memory(old, hidden, mem_len=self.mem_len, ext_len=self.ext_len))
            hidden = self._run_layer(index, hidden, old, sinusoids, mask)
        return self.drop(hidden), new_mems if self.mem_len > 0 else None

    def _sinusoids(self, keys: int, like: Tensor) -> Tensor:
        """Embed the distances K - 1 to 0 as (K, 1, E); (K, 1, 0) where positions are learned."""
        if self.attn_type not in {0, 2}:
            return like.new_zeros(keys, 1, 0)
        distances = torch.arange(keys - 1, -1, -1, device=like.device)
        if self.clamp_len > 0:
            distances = distances.clamp(max=self.clamp_len)
        sinusoids = self.pos_emb(distances).to(like.dtype)
        return self.drop(sinusoids) if self.attn_type == 0 else sinusoids

    def _placed(
        self, index: int, memory: Tensor, hidden: Tensor, sinusoids: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Add absolute positions to a layer's memory and input.

        What is remembered has its positions, and gets new ones with every call, as in 2019.
        """
        length = memory.size(0)
        if self.attn_type == 2 and index == 0:
            return memory + sinusoids[:length], hidden
        if self.attn_type == 3:
            learned = last_rows(self.r_emb[index], length + hidden.size(0)).flatten(1)[:, None]
            return memory + learned[:length], hidden + learned[length:]
        return memory, hidden

    def _run_layer(
        self, index: int, hidden: Tensor, memory: Tensor, sinusoids: Tensor, mask: Tensor
    ) -> Tensor:
        """Run one layer on (L, B, E) with its memory (M, B, E)."""
        layer: Callable[..., Tensor] = self.layers[index]
        if self.gradient_checkpointing and self.training:
            layer = partial(checkpoint, layer, use_reentrant=False)
        if self.attn_type == 0:
            return layer(hidden, sinusoids, mask, memory)
        if self.attn_type == 1:
            positions = self.r_emb[index], self.r_w_bias[index], self.r_bias[index]
            return layer(hidden, *positions, mask, memory)
        return layer(hidden, mask, memory)

    def _check_memory(self, mems: Sequence[Tensor], batch: int) -> None:
        given = [tuple(memory.shape) for memory in mems]
        length = mems[0].size(0) if given else 0
        if given != [(length, batch, self.d_model)] * self.n_layer:
            raise ValueError(
                f"mems holds tensors of shapes {given}; this call takes {self.n_layer} of shape "
                f"(any length, {batch}, {self.d_model}): give back what the last call returned, "
                "for the same number of texts"
            )
