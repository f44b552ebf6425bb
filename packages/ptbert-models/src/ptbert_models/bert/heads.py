"""The heads of BERT's pre-training tasks: masked-token and next-sentence prediction.

Source:
    Devlin et al. 2018, arXiv:1810.04805, section 3.1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn

from ptbert_models.bert.config import BertConfig
from ptbert_models.bert.layers import layer_norm
from ptbert_models.parts.inputs import is_recorded
from ptbert_models.parts.log_sums import mean_sliced_loss, suits_log_sums
from ptbert_models.parts.losses import fitted_labels
from ptbert_models.parts.settings import setting
from ptbert_models.parts.tables import resize_scores, resized_vector
from ptbert_models.parts.untouched import has_usual_weight, is_plain


class BertPredictionHeadTransform(nn.Module):
    """Dense layer, activation and normalization before the decoder."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.transform_act_fn = BertConfig.activation(config)
        self.LayerNorm = layer_norm(config)

    def forward(self, hidden_states: Tensor) -> Tensor:
        """(..., E) → (..., E)."""
        return self.LayerNorm(self.transform_act_fn(self.dense(hidden_states)))


class BertLMPredictionHead(nn.Module):
    """Scores of all tokens.

    The decoder shares its weights with the embedding of tokens, unless the configuration says
    ``tie_word_embeddings=False``.
    """

    def __init__(self, config: BertConfig, bert_model_embedding_weights: Tensor) -> None:
        super().__init__()
        self.transform = BertPredictionHeadTransform(config)
        vocabulary, width = bert_model_embedding_weights.shape
        self.decoder = nn.Linear(width, vocabulary, bias=False)
        if setting(config, "tie_word_embeddings", True):
            self.decoder.weight = cast("nn.Parameter", bert_model_embedding_weights)
        self.bias = nn.Parameter(torch.zeros(vocabulary))

    def forward(self, hidden_states: Tensor) -> Tensor:
        """(..., E) → (..., V)."""
        return self.decoder(self.transform(hidden_states)) + self.bias


def compiled_loss(head: Any, states: Tensor, labels: Tensor) -> Tensor | None:
    """Return the loss of a compiled model whose scores are too many to be held.

    There no shape may depend on the labels, so every position is scored, in slices.

    Args:
        head: a ``BertLMPredictionHead``, or what a program put there.
        states: (B, L, E).
        labels: (B, L), or (B * L,); -1 or -100 where there is none.

    Returns:
        A scalar; None where the head has to be called, or its scores may be held.
    """
    if not (is_recorded() and is_plain(head, BertLMPredictionHead)):
        return None
    decoder = head.decoder
    if not has_usual_weight(decoder) or decoder.bias is not None:
        return None
    if not suits_log_sums(states.flatten(0, -2), decoder.weight):
        return None
    rows = head.transform(states).flatten(0, -2)
    labels = fitted_labels(labels, states.shape[:-1], name="masked_lm_labels")
    return mean_sliced_loss(rows, decoder.weight, head.bias, labels.reshape(-1))


def resize_head(
    head: BertLMPredictionHead, tokens: int, initialize: Callable[[nn.Module], None]
) -> None:
    """Let a head score another number of tokens; see ``resize_scores``."""
    resize_scores(head.decoder, tokens, initialize)
    head.bias = resized_vector(head.bias, tokens)


class BertOnlyMLMHead(nn.Module):
    """The head for masked tokens."""

    def __init__(self, config: BertConfig, bert_model_embedding_weights: Tensor) -> None:
        super().__init__()
        self.predictions = BertLMPredictionHead(config, bert_model_embedding_weights)

    def forward(self, sequence_output: Tensor) -> Tensor:
        """(B, L, E) → (B, L, V)."""
        return self.predictions(sequence_output)


class BertOnlyNSPHead(nn.Module):
    """The head for the next sentence."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.seq_relationship = nn.Linear(config.hidden_size, 2)

    def forward(self, pooled_output: Tensor) -> Tensor:
        """(B, E) → (B, 2): scores of "follows" and "does not follow"."""
        return self.seq_relationship(pooled_output)


class BertPreTrainingHeads(nn.Module):
    """Both heads."""

    def __init__(self, config: BertConfig, bert_model_embedding_weights: Tensor) -> None:
        super().__init__()
        self.predictions = BertLMPredictionHead(config, bert_model_embedding_weights)
        self.seq_relationship = nn.Linear(config.hidden_size, 2)

    def forward(self, sequence_output: Tensor, pooled_output: Tensor) -> tuple[Tensor, Tensor]:
        """(B, L, E) and (B, E) → (B, L, V) and (B, 2)."""
        return self.predictions(sequence_output), self.seq_relationship(pooled_output)
