"""The models of BERT's pre-training tasks: masked tokens, next sentence, and both.

Letters: B batch, L sequence length, H heads, V vocabulary, N layers.

Source:
    Devlin et al. 2018, arXiv:1810.04805, section 3.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ptbert_models.bert.bare import smallest_config
from ptbert_models.bert.config import BertConfig
from ptbert_models.bert.heads import (
    BertOnlyMLMHead,
    BertOnlyNSPHead,
    BertPreTrainingHeads,
    compiled_loss,
)
from ptbert_models.bert.with_head import BertWithHead, Inputs, encode, encode_labelled, pool
from ptbert_models.files.loading import LoadPlan
from ptbert_models.parts.losses import label_loss
from ptbert_models.parts.outputs import with_attentions
from ptbert_models.parts.untouched import is_plain, is_untouched

_BIAS, _USED_BIAS = "cls.predictions.bias", "cls.predictions.decoder.bias"


class _BertWithDecoder(BertWithHead):
    """A model whose head scores tokens with the embeddings of tokens."""

    cls: Any
    token_scores = "cls.predictions.decoder"

    @classmethod
    def later_names(cls, config: BertConfig) -> Mapping[str, str]:  # type: ignore[override]
        """Names for later libraries, which have two biases where nothing is shared."""
        return {} if config.tie_word_embeddings else {_USED_BIAS: _BIAS}

    def plan_loading(
        self, weights: Mapping[str, Tensor], *, ignore_mismatched_sizes: bool = False
    ) -> LoadPlan:
        """Decide which weight goes where, see ``PreTrainedModel.plan_loading``.

        Of two biases that differ, later libraries add that of the decoder.
        """
        if not self.config.tie_word_embeddings:
            used = [key for key in weights if key.endswith(_USED_BIAS)]
            unused = {key.removesuffix(_USED_BIAS) + _BIAS for key in used}
            weights = {key: each for key, each in weights.items() if key not in unused}
        return super().plan_loading(weights, ignore_mismatched_sizes=ignore_mismatched_sizes)

    def tie_weights(self) -> None:
        """Let the head share the embeddings again, if something took them apart.

        Nothing is shared with ``tie_word_embeddings=False`` in the configuration.
        """
        if self.config.tie_word_embeddings:
            self.cls.predictions.decoder.weight = self.bert.embeddings.word_embeddings.weight


class BertForPreTraining(_BertWithDecoder):
    """Masked-token and next-sentence prediction, as BERT was pre-trained.

    Args:
        config: sizes and rates.
        output_attentions: see ``BertModel``.
        keep_multihead_output: see ``BertModel``.
    """

    def __init__(
        self,
        config: BertConfig,
        output_attentions: bool = False,
        keep_multihead_output: bool = False,
    ) -> None:
        super().__init__(config, output_attentions, keep_multihead_output)
        self.cls = BertPreTrainingHeads(config, self.bert.embeddings.word_embeddings.weight)
        self.apply(self.init_bert_weights)

    def forward(
        self,
        input_ids: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        masked_lm_labels: Tensor | None = None,
        next_sentence_label: Tensor | None = None,
        head_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
    ) -> Any:
        """Score tokens and continuations; inputs as in ``BertModel``.

        Args:
            input_ids: (B, L).
            token_type_ids: (B, L).
            attention_mask: (B, L).
            masked_lm_labels: (B, L), the true tokens where masked, -1 elsewhere.
            next_sentence_label: (B,), 0 if the second text follows the first, 1 if not.
            head_mask: (H,) or (N, H).
            position_ids: as in ``BertModel``.
            inputs_embeds: likewise.

        Returns:
            The sum of both losses when both labels are given; else the scores of tokens (B, L, V)
            and of continuations (B, 2).
        """
        inputs = Inputs(
            input_ids, token_type_ids, attention_mask, head_mask, position_ids, inputs_embeds
        )
        if masked_lm_labels is None or next_sentence_label is None:
            weights, sequence, pooled = encode(self, inputs)
            scores, relationship = self.cls(sequence, pooled)
            return with_attentions(weights, scores, relationship)
        sequence, tokens, pooled = encode_labelled(
            self, inputs, masked_lm_labels, rows_suffice=is_untouched(self.cls, _usual_heads)
        )
        loss = None
        if is_plain(self.cls, BertPreTrainingHeads):
            loss = compiled_loss(self.cls.predictions, sequence, tokens)
        if loss is None:
            scores, relationship = self.cls(sequence, pooled)
            loss = label_loss(scores, tokens, name="masked_lm_labels")
        else:
            relationship = self.cls.seq_relationship(pooled)
        return loss + label_loss(relationship, next_sentence_label, name="next_sentence_label")


class BertForMaskedLM(_BertWithDecoder):
    """Prediction of masked tokens. Arguments as in ``BertForPreTraining``."""

    untrained: ClassVar[tuple[str, ...]] = ("bert.pooler.",)

    def __init__(
        self,
        config: BertConfig,
        output_attentions: bool = False,
        keep_multihead_output: bool = False,
    ) -> None:
        super().__init__(config, output_attentions, keep_multihead_output)
        self.cls = BertOnlyMLMHead(config, self.bert.embeddings.word_embeddings.weight)
        self.apply(self.init_bert_weights)

    def forward(
        self,
        input_ids: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        masked_lm_labels: Tensor | None = None,
        head_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
    ) -> Any:
        """Return the scores of tokens (B, L, V), or the loss when labels (B, L) are given."""
        inputs = Inputs(
            input_ids, token_type_ids, attention_mask, head_mask, position_ids, inputs_embeds
        )
        if masked_lm_labels is None:
            weights, sequence, _ = encode(self, inputs)
            return with_attentions(weights, self.cls(sequence))
        sequence, tokens, _ = encode_labelled(
            self, inputs, masked_lm_labels, rows_suffice=is_untouched(self.cls, _usual_masked_head)
        )
        if is_plain(self.cls, BertOnlyMLMHead):
            loss = compiled_loss(self.cls.predictions, sequence, tokens)
            if loss is not None:
                return loss
        return label_loss(self.cls(sequence), tokens, name="masked_lm_labels")


class BertForNextSentencePrediction(BertWithHead):
    """Predicts whether the second text follows the first.

    Arguments as in ``BertForPreTraining``.
    """

    def __init__(
        self,
        config: BertConfig,
        output_attentions: bool = False,
        keep_multihead_output: bool = False,
    ) -> None:
        super().__init__(config, output_attentions, keep_multihead_output)
        self.cls = BertOnlyNSPHead(config)
        self.apply(self.init_bert_weights)

    def forward(
        self,
        input_ids: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        next_sentence_label: Tensor | None = None,
        head_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
    ) -> Any:
        """Return scores (B, 2) of "follows" and "does not", or the loss given labels (B,)."""
        inputs = Inputs(
            input_ids, token_type_ids, attention_mask, head_mask, position_ids, inputs_embeds
        )
        weights, pooled = pool(self, inputs)
        scores = self.cls(pooled)
        if next_sentence_label is not None:
            return label_loss(scores, next_sentence_label, name="next_sentence_label")
        return with_attentions(weights, scores)


def _usual_heads() -> BertPreTrainingHeads:
    return BertPreTrainingHeads(smallest_config(), nn.Parameter(torch.empty(1, 1)))


def _usual_masked_head() -> BertOnlyMLMHead:
    return BertOnlyMLMHead(smallest_config(), nn.Parameter(torch.empty(1, 1)))
