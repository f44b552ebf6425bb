"""The bare Transformer-XL, and the base class of both models.

Letters: B batch, L new tokens, M positions in the memory, K = M + L, E model width, H heads, D
features per head, V vocabulary, N layers. Inputs and outputs are batch first, (B, L); memories, and
everything inside, are time first, (M, B, E), as in 2019.

Source:
    Dai et al. 2019, arXiv:1901.02860.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, ClassVar, cast

from torch import Tensor, nn

from ptbert_models.config import PreTrainedConfig
from ptbert_models.parts.inputs import check_tensor, tokens_given, without_none
from ptbert_models.parts.normalization import BertLayerNorm
from ptbert_models.parts.recomputing import recomputed
from ptbert_models.parts.tables import check_vectors
from ptbert_models.parts.ties import replace_shared
from ptbert_models.pretrained import PreTrainedModel
from ptbert_models.tensorflow import model_shapes
from ptbert_models.transfo_xl.adaptive import (
    AdaptiveEmbedding,
    ProjectedAdaptiveLogSoftmax,
    resize_last_cluster,
    resize_softmax,
)
from ptbert_models.transfo_xl.authors import read_transfo_xl_checkpoint
from ptbert_models.transfo_xl.config import TransfoXLConfig
from ptbert_models.transfo_xl.kinds import KINDS
from ptbert_models.transfo_xl.memory import hidden_positions, updated_memory
from ptbert_models.transfo_xl.positions import PositionalEmbedding
from ptbert_models.transfo_xl.variables import seen_values

_BIASES = frozenset({"bias", "r_bias", "cluster_bias"})


class TransfoXLPreTrainedModel(PreTrainedModel):
    """Base of the Transformer-XL models, and of models that programs build on them."""

    config: TransfoXLConfig
    config_class = TransfoXLConfig
    family = "transfo_xl"
    base_model_prefix = "transformer"
    token_table = "word_emb"
    unquantized: ClassVar[tuple[str, ...]] = ("kv_net", "q_net", "qkv_net", "r_net")
    kept_sizes: ClassVar[Mapping[str, str]] = {
        "n_layer": "layers",
        "tgt_len": "tgt_len",
        "ext_len": "ext_len",
        "mem_len": "mem_len",
        "same_length": "same_length",
        "clamp_len": "clamp_len",
    }

    @classmethod
    def read_tensorflow(
        cls, path: str | os.PathLike[str], config: PreTrainedConfig
    ) -> dict[str, Tensor]:
        """Read a TensorFlow checkpoint of the authors' code as a state dict."""
        return read_transfo_xl_checkpoint(path, cast("TransfoXLConfig", config))

    @classmethod
    def seen_in_tensorflow(cls, path: str | os.PathLike[str], config: Any = None) -> dict[str, Any]:
        """Return what shows in a checkpoint: all sizes and all that is shared."""
        return seen_values(model_shapes(path), config)

    def init_weight(self, weight: Tensor) -> None:
        """Initialise one weight, by ``config.init``."""
        if self.config.init == "uniform":
            nn.init.uniform_(weight, -self.config.init_range, self.config.init_range)
        else:
            nn.init.normal_(weight, 0.0, self.config.init_std)

    def init_bias(self, bias: Tensor) -> None:
        """Set one bias to 0."""
        nn.init.zeros_(bias)

    def init_weights(self, module: nn.Module) -> None:
        """Initialise one module's own parameters."""
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

    def tie_weights(self) -> None:
        """Let softmax and embedding share what they share; a bare model has no softmax."""

    def _number_of_tokens(self, table: Any) -> int:
        return getattr(table, "n_token", self.config.n_token)

    def _resize_vocabulary(self, table: nn.Module, tokens: int) -> None:
        config = self._config_with(tokens)
        if type(table) is not AdaptiveEmbedding:
            raise TypeError(
                f"a {type(table).__name__} has no rows that could be added or removed here; make "
                "another one, and pass it to set_input_embeddings"
            )
        old, new = resize_last_cluster(table, tokens, self.init_weights)
        replace_shared(self, old, new)
        for part in self.modules():
            if isinstance(part, ProjectedAdaptiveLogSoftmax):
                resize_softmax(part, tokens, self.init_weights)
        self._bare().n_token = tokens
        self._replace_config(config)

    def set_num_special_tokens(self, num_special_tokens: int) -> None:
        """Do nothing: the vocabulary of Transformer-XL has no part for special tokens."""


class TransfoXLModel(TransfoXLPreTrainedModel):
    """The bare model: hidden states of the last layer, and the memory for the next segment.

    Setting ``gradient_checkpointing = True`` on a model trades time for memory in training: layers
    are computed again in the backward pass.

    Args:
        config: sizes and rates.

    Example:
        >>> import torch
        >>> config = TransfoXLConfig(50, cutoffs=[10, 30], d_model=8, d_embed=8, n_head=2, d_head=4,
        ...                          d_inner=16, div_val=2, n_layer=3, mem_len=5)
        >>> model = TransfoXLModel(config)
        >>> hidden, mems = model(torch.tensor([[1, 2, 3, 4], [5, 6, 7, 8]]))
        >>> hidden, mems = model(torch.tensor([[5, 6], [9, 10]]), mems)  # the next segment
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
        self.max_klen = config.longest()
        self.attn_type = config.attn_type
        self.same_length = config.same_length
        self.clamp_len = config.clamp_len
        self.word_emb = AdaptiveEmbedding(
            config.n_token, config.d_embed, config.d_model, config.cutoffs, div_val=config.div_val
        )
        self.drop = nn.Dropout(config.dropout)
        kind = KINDS[config.attn_type]
        for name, parameter in kind.new_parameters(config).items():
            self.register_parameter(name, parameter)
        shared = {} if config.untie_r else {name: getattr(self, name) for name in kind.shared}
        self.layers = nn.ModuleList(
            kind.layer_class(
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
        for module in self.modules():
            if isinstance(module, BertLayerNorm):
                module.variance_epsilon = config.layer_norm_epsilon
        if kind.has_sinusoids:
            self.pos_emb = PositionalEmbedding(config.d_model)
        self.apply(self.init_weights)

    def reset_length(self, tgt_len: int, ext_len: int, mem_len: int) -> None:
        """Change the lengths of segments and memory, for evaluation for example."""
        self.tgt_len = tgt_len
        self.mem_len = mem_len
        self.ext_len = ext_len

    def init_mems(self, data: Tensor) -> list[Tensor] | None:
        """Return an empty memory: zeros, or None where the model keeps none.

        Args:
            data: (any, B), token ids or another tensor with the batch second.

        Returns:
            N tensors (M, B, E).
        """
        if self.mem_len == 0:
            return None
        tables: Any = getattr(self.word_emb, "emb_layers", None)  # a program's own may have none
        weight = tables[0].weight if tables else next(self.parameters())
        shape = (self.mem_len, data.size(1), self.d_model)
        return [weight.new_zeros(shape) for _ in range(self.n_layer)]

    def forward(
        self,
        input_ids: Tensor | None = None,
        mems: Sequence[Tensor] | None = None,
        inputs_embeds: Tensor | None = None,
    ) -> tuple[Tensor, list[Tensor] | None]:
        """Encode the next segment of a batch of texts.

        Args:
            input_ids: (B, L) integers below ``config.n_token``.
            mems: what the call for the segment before returned; an empty memory when None.
            inputs_embeds: (B, L, E), what ``word_emb`` would return, instead of ``input_ids``.

        Returns:
            Hidden states (B, L, E), and the memory for the next call: the inputs of all layers, N
            tensors (M, B, E) without gradient, or None where ``mem_len`` is 0.
        """
        time_first = tokens_given(input_ids, inputs_embeds).t()
        vectors = None if inputs_embeds is None else inputs_embeds.transpose(0, 1)
        hidden, new_mems = self._forward(
            time_first,
            self.init_mems(time_first) if mems is None else mems,
            **without_none(vectors=vectors),
        )
        return hidden.transpose(0, 1).contiguous(), new_mems

    def _forward(
        self,
        dec_inp: Tensor,
        mems: Sequence[Tensor] | None = None,
        vectors: Tensor | None = None,
    ) -> tuple[Tensor, list[Tensor] | None]:
        """Encode time first: ids (L, B), or vectors (L, B, E) instead, → (L, B, E)."""
        queries, batch = dec_inp.shape
        if vectors is None:
            hidden = self.word_emb(dec_inp)
        else:
            # The compiler of PyTorch 2.6 does not know the second argument of next().
            dtype = next(chain(self.layers.parameters(), [vectors])).dtype
            check_vectors(vectors.transpose(0, 1), self.d_model, dtype)
            hidden = vectors.to(dtype)
        if mems is None:
            mems = [hidden.new_zeros(0, batch, self.d_model)] * self.n_layer
        _check_memory(self, mems, batch)
        length = mems[0].size(0)
        window = self.mem_len if self.same_length and self.mem_len > 0 else None
        mask = hidden_positions(queries, length, window=window, device=dec_inp.device)[..., None]
        positions = KINDS[int(self.attn_type)](self, length + queries, hidden)
        hidden = self.drop(positions.added_to_input(hidden))
        recompute = self.gradient_checkpointing and self.training
        new_mems = []
        for index, (layer, memory) in enumerate(zip(self.layers, mems, strict=True)):
            old, hidden = positions.added_to_layer(index, memory, hidden)
            new_mems.append(updated_memory(old, hidden, mem_len=self.mem_len, ext_len=self.ext_len))
            run = recomputed(layer, wanted=recompute)
            hidden = run(hidden, *positions.given_to_layer(index), mask, old)
        return self.drop(hidden), new_mems if self.mem_len > 0 else None


def _check_memory(model: Any, mems: Sequence[Tensor], batch: int) -> None:
    if not isinstance(mems, (list, tuple, Tensor)):
        raise TypeError(f"mems is of type {type(mems).__name__}; give back what a call returned")
    for number, memory in enumerate(mems):
        check_tensor(f"mems[{number}]", memory)
    shapes = [tuple(memory.shape) for memory in mems]
    length = mems[0].size(0) if shapes else 0
    if shapes != [(length, batch, model.d_model)] * model.n_layer:
        raise ValueError(
            f"mems holds tensors of shapes {shapes}; this call takes {model.n_layer} of shape "
            f"(any length, {batch}, {model.d_model}): give back what the last call returned, "
            "for the same number of texts"
        )
