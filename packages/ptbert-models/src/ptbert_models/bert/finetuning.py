"""The models that are fine-tuned for a task: texts, tokens, choices and spans.

Letters: B batch, C choices, L sequence length, H heads, N layers.

Source:
    Devlin et al. 2018, arXiv:1810.04805, section 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ptbert_models.bert.config import BertConfig, classifier_rate
from ptbert_models.bert.with_head import BertWithHead, Inputs, encode, pool, real_tokens
from ptbert_models.parts.inputs import (
    flat_mask_of_choices,
    flat_texts,
    is_traced,
    tokens_given,
)
from ptbert_models.parts.losses import (
    UNCLASSIFIED,
    fitted_labels,
    label_loss,
    problem_type_of,
    span_loss,
    text_loss,
)
from ptbert_models.parts.outputs import with_attentions
from ptbert_models.rules import checked_size


class _Unstated(int):
    """A number that was not given; it counts as the default value that it is."""


_TWO = _Unstated(2)  # as 2019's default


class _LabelClassifier(BertWithHead):
    """A classifier: scores of labels, computed from BERT's output."""

    saved_arguments: ClassVar[Mapping[str, str | None]] = {"num_labels": "classifier.bias"}

    def __init__(
        self,
        config: BertConfig,
        num_labels: int = _TWO,
        output_attentions: bool = False,
        keep_multihead_output: bool = False,
    ) -> None:
        super().__init__(config, output_attentions, keep_multihead_output)
        if isinstance(num_labels, _Unstated):
            num_labels = config.saved_argument("num_labels") or int(num_labels)
        self.num_labels = checked_size("num_labels", num_labels)
        self.dropout = nn.Dropout(classifier_rate(config))
        self.classifier = nn.Linear(config.hidden_size, self.num_labels)
        self.apply(self.init_bert_weights)


class BertForSequenceClassification(_LabelClassifier):
    """One label for each text.

    Args:
        config: sizes and rates.
        num_labels: number of labels; that of the configuration when not given, or else 2.
        output_attentions: see ``BertModel``.
        keep_multihead_output: see ``BertModel``.
    """

    def forward(
        self,
        input_ids: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        head_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
    ) -> Any:
        """Return scores (B, ``num_labels``), or the loss when labels are given.

        Labels are (B,) integers; or what ``problem_type`` of the configuration says, see
        ``text_loss``.
        """
        inputs = Inputs(
            input_ids, token_type_ids, attention_mask, head_mask, position_ids, inputs_embeds
        )
        weights, pooled = pool(self, inputs)
        scores = self.classifier(self.dropout(pooled))
        if labels is not None:
            return text_loss(scores, labels, problem_type_of(self))
        return with_attentions(weights, scores)


class BertForTokenClassification(_LabelClassifier):
    """One label for each token. Arguments as in ``BertForSequenceClassification``."""

    untrained: ClassVar[tuple[str, ...]] = ("bert.pooler.",)

    def forward(
        self,
        input_ids: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        head_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
    ) -> Any:
        """Return scores (B, L, ``num_labels``), or the loss when labels (B, L) are given.

        Padding, where ``attention_mask`` is 0, and labels of -100 do not count in the loss.
        """
        inputs = Inputs(
            input_ids, token_type_ids, attention_mask, head_mask, position_ids, inputs_embeds
        )
        weights, sequence, _ = encode(self, inputs)
        scores = self.classifier(self.dropout(sequence))
        if labels is None:
            return with_attentions(weights, scores)
        if attention_mask is not None and attention_mask.dim() == 2:
            labels = fitted_labels(labels, sequence.shape[:-1])
            labels = labels.masked_fill(attention_mask != 1, UNCLASSIFIED)
        return label_loss(scores, labels)


class BertForMultipleChoice(BertWithHead):
    """The best of several continuations of a text.

    Args:
        config: sizes and rates.
        num_choices: number of choices C of texts that are given as (B * C, L).
        output_attentions: see ``BertModel``.
        keep_multihead_output: see ``BertModel``.
    """

    saved_arguments: ClassVar[Mapping[str, str | None]] = {"num_choices": None}

    def __init__(
        self,
        config: BertConfig,
        num_choices: int = 2,
        output_attentions: bool = False,
        keep_multihead_output: bool = False,
    ) -> None:
        super().__init__(config, output_attentions, keep_multihead_output)
        self.num_choices = checked_size("num_choices", num_choices)
        self.dropout = nn.Dropout(classifier_rate(config))
        self.classifier = nn.Linear(config.hidden_size, 1)
        self.apply(self.init_bert_weights)

    def forward(
        self,
        input_ids: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        head_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
    ) -> Any:
        """Score the choices of each question.

        Args:
            input_ids: (B, C, L), each choice together with its text.
            token_type_ids: (B, C, L).
            attention_mask: (B, C, L).
            labels: (B,), the index of the right choice.
            head_mask: (H,) or (N, H).
            position_ids: as in ``BertModel``.
            inputs_embeds: likewise.

        Returns:
            Scores (B, C), or the loss when labels are given.
        """
        tokens = tokens_given(input_ids, inputs_embeds, batched=False)
        inputs = Inputs(
            flat_texts("input_ids", input_ids),
            flat_texts("token_type_ids", token_type_ids),
            flat_mask_of_choices(attention_mask),
            head_mask,
            flat_texts("position_ids", position_ids),
            None if inputs_embeds is None else inputs_embeds.flatten(0, -3),
        )
        weights, pooled = pool(self, inputs)
        choices = tokens.size(1) if tokens.dim() == 3 else self.num_choices
        scores = self.classifier(self.dropout(pooled))
        if not is_traced() and choices and scores.numel() % choices:
            raise ValueError(
                f"{scores.numel()} texts are no questions of {choices} choices each; give "
                "input_ids as (questions, choices, length), or set num_choices"
            )
        scores = scores.view(-1, choices)
        if labels is not None:
            return label_loss(scores, labels)
        return with_attentions(weights, scores)


class BertForQuestionAnswering(BertWithHead):
    """Where in a text an answer starts and ends. Arguments as in ``BertModel``."""

    untrained: ClassVar[tuple[str, ...]] = ("bert.pooler.",)
    labels_elsewhere = 2  # the start and the end

    def __init__(
        self,
        config: BertConfig,
        output_attentions: bool = False,
        keep_multihead_output: bool = False,
    ) -> None:
        super().__init__(config, output_attentions, keep_multihead_output)
        self.qa_outputs = nn.Linear(config.hidden_size, 2)
        self.apply(self.init_bert_weights)

    def forward(
        self,
        input_ids: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        start_positions: Tensor | None = None,
        end_positions: Tensor | None = None,
        head_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
    ) -> Any:
        """Return start scores (B, L) and end scores (B, L), or the loss when positions are given.

        With ``leave_out_padding`` padding has the lowest scores that there are, so it is never
        chosen, and the loss is about real tokens.

        Args:
            input_ids: (B, L).
            token_type_ids: (B, L).
            attention_mask: (B, L).
            start_positions: (B,); a position past the text does not count in the loss.
            end_positions: (B,); likewise.
            head_mask: (H,) or (N, H).
            position_ids: as in ``BertModel``.
            inputs_embeds: likewise.
        """
        inputs = Inputs(
            input_ids, token_type_ids, attention_mask, head_mask, position_ids, inputs_embeds
        )
        weights, sequence, _ = encode(self, inputs)
        start_scores, end_scores = self.qa_outputs(sequence).unbind(-1)
        real = real_tokens(self, attention_mask, of=start_scores)
        if real is not None:
            lowest = torch.finfo(start_scores.dtype).min
            start_scores = start_scores.masked_fill(~real, lowest)
            end_scores = end_scores.masked_fill(~real, lowest)
        if start_positions is not None and end_positions is not None:
            return span_loss(start_scores, end_scores, start_positions, end_positions, real)
        return with_attentions(weights, start_scores, end_scores)
