"""Transformer-XL as a language model.

Letters: B batch, L new tokens, M positions in the memory, E model width, R rows (tokens of a batch
in any order), V vocabulary.

Source:
    Dai et al. 2019, arXiv:1901.02860.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from ptbert_models.parts.compiled_steps import check_compilable
from ptbert_models.parts.inputs import Ids, check_ids, check_tensor, tokens_given, without_none
from ptbert_models.parts.losses import UNCLASSIFIED, is_labelled
from ptbert_models.parts.tables import resize_scores
from ptbert_models.parts.untouched import is_plain, is_untouched
from ptbert_models.transfo_xl.adaptive import (
    IDS_REMEDY,
    ProjectedAdaptiveLogSoftmax,
    smallest_softmax,
)
from ptbert_models.transfo_xl.bare import TransfoXLModel, TransfoXLPreTrainedModel
from ptbert_models.transfo_xl.config import TransfoXLConfig
from ptbert_models.transfo_xl.generation import CompiledMemoryDecoding, MemoryDecoding
from ptbert_models.transfo_xl.sampling import LogUniformSampler, sample_logits


class TransfoXLLMHeadModel(TransfoXLPreTrainedModel):
    """Language model: Transformer-XL with an adaptive softmax, or with a sampled one.

    With ``sample_softmax`` above 0 the softmax is an ordinary one over all tokens, and the training
    loss looks at a sample of them. Its weights are those of the embedding with ``tie_weight``,
    where the embedding is one table of width ``d_model``.

    Args:
        config: sizes and rates.

    Example:
        >>> import torch
        >>> config = TransfoXLConfig(50, cutoffs=[10, 30], d_model=8, d_embed=8, n_head=2, d_head=4,
        ...                          d_inner=16, div_val=2, n_layer=3, mem_len=5)
        >>> model = TransfoXLLMHeadModel(config).eval()
        >>> text = torch.tensor([[1, 2, 3, 4, 5]])
        >>> losses, mems = model(text[:, :-1], target=text[:, 1:])  # the caller shifts
        >>> log_probs, mems = model(text[:, -1:], mems=mems)
        >>> losses.shape, log_probs.shape
        (torch.Size([1, 4]), torch.Size([1, 1, 50]))
    """

    def __init__(self, config: TransfoXLConfig) -> None:
        super().__init__(config)
        self.sample_softmax = config.sample_softmax
        self.transformer = TransfoXLModel(config)
        sizes = config.n_token, config.d_embed, config.d_model
        if self.sample_softmax <= 0:
            self.crit = ProjectedAdaptiveLogSoftmax(*sizes, config.cutoffs, config.div_val)
        else:
            self.out_layer = nn.Linear(config.d_model, config.n_token)
            self.sampler = LogUniformSampler(config.n_token, self.sample_softmax)
        self.apply(self.init_weights)
        self.tie_weights()

    def tie_weights(self) -> None:
        """Let softmax and embedding share what the configuration says they share."""
        embedding = self.transformer.word_emb
        if self.sample_softmax > 0:
            table: Any = embedding.emb_layers[0]
            if self.config.tie_weight and table.weight.shape == self.out_layer.weight.shape:
                self.out_layer.weight = table.weight
            return
        if self.config.tie_weight:
            for ours, theirs in zip(self.crit.out_layers, embedding.emb_layers, strict=True):
                ours.weight = theirs.weight
        for cluster, tied in enumerate(self.config.tie_projs):
            if tied and len(self.crit.out_projs) > 0:
                source = 0 if self.config.div_val == 1 else cluster
                self.crit.out_projs[cluster] = embedding.emb_projs[source]

    def get_output_embeddings(self) -> nn.Module:
        """Return the module that scores tokens: the softmax, or with a sampled one its layer."""
        return self.crit if self.sample_softmax <= 0 else self.out_layer

    def _resize_vocabulary(self, table: nn.Module, tokens: int) -> None:
        super()._resize_vocabulary(table, tokens)
        if self.sample_softmax > 0:
            resize_scores(self.out_layer, tokens, self.init_weights)
            self.sampler = LogUniformSampler(tokens, self.sample_softmax)

    def log_probabilities(self, hidden: Tensor) -> Tensor:
        """Return the log-probabilities (R, V) of all tokens after hidden states (R, E)."""
        if self.sample_softmax > 0:
            return F.log_softmax(self.out_layer(hidden), dim=-1)
        return self.crit(hidden)

    def start_decoding(
        self,
        capacity: int,
        attention_mask: Tensor | None,
        *,
        sliding_window: int | None = None,
        compile_options: Mapping[str, Any] | None = None,
    ) -> MemoryDecoding:
        """Begin a run over growing texts; ``ptbert_models.generate`` calls this.

        The memory slides anyway, so no other window is needed.

        Raises:
            ValueError: if there is padding, or if steps are to be compiled and hooks watch them.
        """
        run = self.transformer, self._last_log_probabilities, attention_mask
        if compile_options is None:
            return MemoryDecoding(*run)
        check_compilable(self)
        return CompiledMemoryDecoding(self, compile_options, *run)

    def _last_log_probabilities(self, hidden: Tensor) -> Tensor:
        """Return the log-probabilities (B, V) after the last of the hidden states (B, L, E)."""
        if self.sample_softmax > 0:
            some = is_plain(self.out_layer, nn.Linear)
        else:
            sizes = self.crit.n_clusters, self.crit.div_val, len(self.crit.out_projs) > 0
            some = is_untouched(self.crit, smallest_softmax, *sizes)
        if some:  # a row of scores is as wide as the vocabulary
            return self.log_probabilities(hidden[:, -1])
        scores = self.log_probabilities(hidden.flatten(0, 1))
        return scores.view(*hidden.shape[:2], -1)[:, -1]

    def reset_length(self, tgt_len: int, ext_len: int, mem_len: int) -> None:
        """Change the lengths of segments and memory, for evaluation for example."""
        self.transformer.reset_length(tgt_len, ext_len, mem_len)

    def init_mems(self, data: Tensor) -> list[Tensor] | None:
        """Return an empty memory, see ``TransfoXLModel.init_mems``."""
        return self.transformer.init_mems(data)

    def forward(
        self,
        input_ids: Tensor | None = None,
        target: Tensor | None = None,
        mems: Sequence[Tensor] | None = None,
        inputs_embeds: Tensor | None = None,
    ) -> tuple[Tensor, list[Tensor] | None]:
        """Predict each next token of the next segment.

        Args:
            input_ids: (B, L), see ``TransfoXLModel.forward``.
            target: (B, L), the tokens to predict: those of ``input_ids`` one place further on,
                shifted by the caller; -1 or -100 leaves a position out, its loss is 0.
            mems: see ``TransfoXLModel.forward``.
            inputs_embeds: likewise.

        Returns:
            Log-probabilities (B, L, V), or with a target the negative log-likelihood (B, L) of each
            token, in the order of the tokens; and the memory for the next call.
        """
        shape = tokens_given(input_ids, inputs_embeds).shape
        more = without_none(inputs_embeds=inputs_embeds)
        hidden, new_mems = self.transformer(input_ids, mems, **more)
        if target is not None:
            check_tensor("target", target)
        if target is not None and target.shape != shape:
            raise ValueError(
                f"input_ids has shape {tuple(shape)} and target "
                f"{tuple(target.shape)}; give one target for each token"
            )
        if self.sample_softmax > 0:
            return _ordinary_softmax(self, hidden, target), new_mems
        flat_target = None if target is None else target.flatten()
        scores = self.crit(hidden.flatten(0, 1), flat_target)
        return scores.view(*shape, *scores.shape[1:]), new_mems


# Programs call ``forward`` with objects of their own as self. So this is no method.


def _ordinary_softmax(model: Any, hidden: Tensor, target: Tensor | None) -> Tensor:
    """Score all tokens, or a sample of them for a training loss."""
    if target is None:
        return F.log_softmax(model.out_layer(hidden), dim=-1)
    labelled = is_labelled(target)
    labels = target.where(labelled, 0)
    check_ids(Ids(labels, model.config.n_token, "target", IDS_REMEDY))
    if not model.training:
        scores = model.out_layer(hidden).transpose(1, 2)
        ignored = target.where(labelled, UNCLASSIFIED)
        return F.cross_entropy(scores, ignored, ignore_index=UNCLASSIFIED, reduction="none")
    output_embedding = partial(F.embedding, weight=model.out_layer.weight)
    scores = sample_logits(output_embedding, model.out_layer.bias, labels, hidden, model.sampler)
    return -F.log_softmax(scores, dim=-1)[..., 0].where(labelled, 0.0)
