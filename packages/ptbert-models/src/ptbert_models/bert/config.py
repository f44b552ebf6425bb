"""Sizes and rates of BERT models."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import InitVar
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from ptbert_models import rules
from ptbert_models.config import PreTrainedConfig, configuration
from ptbert_models.parts.activations import BERT_ACTIVATIONS, Activation, activation
from ptbert_models.parts.attention import head_size
from ptbert_models.parts.losses import PROBLEM_TYPES
from ptbert_models.parts.pruning import heads_to_prune
from ptbert_models.parts.settings import setting
from ptbert_models.rules import Rule
from ptbert_models.statements import QUANTIZED, Statement, architecture

_AS_ENCODER = "load it with the library that wrote it; here BERT is an encoder of whole texts"


@configuration
class BertConfig(PreTrainedConfig):
    """Sizes and rates of a BERT model; the defaults are those of ``bert-base-uncased``.

    Files of later libraries may also hold ``pad_token_id`` (the token whose embedding is not
    trained), ``classifier_dropout`` (the rate before classifiers), ``pruned_heads``, ``num_labels``
    or ``id2label``, ``num_choices``, ``problem_type`` (see ``BertForSequenceClassification``),
    ``tie_word_embeddings`` (whether heads score tokens with their embeddings) and
    ``add_pooling_layer``, which are used if present.

    Args:
        vocab_size_or_config_json_file: number of tokens, or the path of a JSON file.
        hidden_size: model width E.
        num_hidden_layers: number of layers N.
        num_attention_heads: number of heads H, a divisor of ``hidden_size``.
        intermediate_size: width F of the feed-forward layers.
        hidden_act: activation of the feed-forward layers: "gelu", "gelu_tanh", "relu", "swish"
            or a function.
        hidden_dropout_prob: dropout rate of embeddings and of layer outputs.
        attention_probs_dropout_prob: dropout rate of attention weights.
        max_position_embeddings: longest text in tokens.
        type_vocab_size: number of token types.
        initializer_range: standard deviation of new weights.
        layer_norm_eps: added to variances.

    Source:
        Devlin et al. 2018, arXiv:1810.04805, section 3.

    Example:
        >>> config = BertConfig(100, hidden_size=32, num_attention_heads=4)
        >>> config.vocab_size, config.hidden_size, config.num_hidden_layers
        (100, 32, 12)
    """

    vocab_size_or_config_json_file: InitVar[int | str | os.PathLike[str]]
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str | Activation = "gelu"
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12

    # Files of later libraries may set these.
    pad_token_id: ClassVar[int | None] = 0
    classifier_dropout: ClassVar[float | None] = None
    num_labels: ClassVar[int | None] = None
    id2label: ClassVar[Mapping[str, str] | None] = None
    num_choices: ClassVar[int | None] = None
    add_pooling_layer: ClassVar[bool] = True
    problem_type: ClassVar[str | None] = None
    tie_word_embeddings: ClassVar[bool] = True

    family: ClassVar[str] = "bert"
    usual_vocabulary: ClassVar[int | None] = 30522
    model_type: ClassVar[str] = "bert"
    rules: ClassVar[Mapping[str, Rule]] = MappingProxyType(
        {
            "vocab_size": rules.size,
            "hidden_size": rules.size,
            "num_hidden_layers": rules.layers,
            "num_attention_heads": rules.size,
            "intermediate_size": rules.size,
            "max_position_embeddings": rules.size,
            "type_vocab_size": rules.size,
            "hidden_dropout_prob": rules.probability,
            "attention_probs_dropout_prob": rules.probability,
            "initializer_range": rules.number,
            "layer_norm_eps": rules.number,
            "classifier_dropout": rules.optional_probability,
            "num_labels": rules.optional_size,
            "id2label": rules.labels,
            "num_choices": rules.optional_size,
            "add_pooling_layer": rules.flag,
            "problem_type": rules.one_of(None, *PROBLEM_TYPES),
            "tie_word_embeddings": rules.flag,
            "pad_token_id": rules.optional_count,
            "pruned_heads": rules.heads_by_layer,
        }
    )
    statements: ClassVar[tuple[Statement, ...]] = (
        architecture("bert"),
        QUANTIZED,
        Statement("position_embedding_type", ("absolute",), _AS_ENCODER),
        Statement("is_decoder", (False,), _AS_ENCODER),
        Statement("add_cross_attention", (False,), _AS_ENCODER),
    )

    if TYPE_CHECKING:  # not a field: the first argument sets it
        vocab_size: ClassVar[int]

    def validate(self) -> None:
        """Raise ``ValueError`` naming the first value of which no model can be built."""
        super().validate()
        if self.pad_token_id is not None and self.pad_token_id >= self.vocab_size:
            raise ValueError(
                f"BertConfig: pad_token_id={self.pad_token_id} must be below vocab_size="
                f"{self.vocab_size}; without it the padding token is 0"
            )
        self.head_size()
        self.activation()

    def saved_argument(self, name: str) -> Any:
        """Return the value of a model's argument that a file may hold; None if it does not.

        Raises:
            ValueError: if the number of labels and their names contradict each other.
        """
        value, labels = super().saved_argument(name), self.id2label
        if name != "num_labels" or labels is None:
            return value
        if value not in (None, len(labels)):
            raise ValueError(
                f"BertConfig: num_labels={value} contradicts id2label, which has {len(labels)} "
                "labels; pass num_labels yourself"
            )
        return len(labels)

    def heads_to_prune(self) -> dict[int, set[int]]:
        """Return the heads that a model of this configuration lacks, by the number of the layer."""
        return heads_to_prune(self.pruned_heads, self.num_hidden_layers, self.num_attention_heads)

    def head_size(self) -> int:
        """Return the number of features per head."""
        return head_size(
            self.hidden_size,
            self.num_attention_heads,
            names=("hidden_size", "num_attention_heads"),
        )

    def activation(self) -> Activation:
        """Return the activation function that ``hidden_act`` names."""
        return activation(self.hidden_act, BERT_ACTIVATIONS, key="hidden_act")


def classifier_rate(config: BertConfig) -> float:
    """Return the rate of dropout before a classifier, which files may have of its own."""
    rate = setting(config, "classifier_dropout", None)
    return config.hidden_dropout_prob if rate is None else rate
