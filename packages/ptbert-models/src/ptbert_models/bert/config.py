"""Sizes and rates of BERT models."""

from __future__ import annotations

import os
from dataclasses import InitVar, dataclass
from typing import TYPE_CHECKING, ClassVar

from ptbert_models.config import PreTrainedConfig, check_positive, check_probability
from ptbert_models.parts.activations import BERT_ACTIVATIONS, Activation, activation
from ptbert_models.parts.attention import head_size


@dataclass(repr=False, eq=False)
class BertConfig(PreTrainedConfig):
    """Sizes and rates of a BERT model; the defaults are those of ``bert-base-uncased``.

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

    if TYPE_CHECKING:  # not a field: the first argument sets it
        vocab_size: ClassVar[int]

    def validate(self) -> None:
        """Raise ``ValueError`` naming the first value of which no model can be built."""
        check_positive(
            self,
            "vocab_size",
            "hidden_size",
            "num_hidden_layers",
            "num_attention_heads",
            "intermediate_size",
            "max_position_embeddings",
            "type_vocab_size",
        )
        check_probability(self, "hidden_dropout_prob", "attention_probs_dropout_prob")
        self.head_size()
        self.activation()

    def head_size(self) -> int:
        """Return the number of features per head."""
        return head_size(
            self.hidden_size,
            self.num_attention_heads,
            names=("hidden_size", "num_attention_heads"),
        )

    def activation(self) -> Activation:
        """Return the activation function that ``hidden_act`` names."""
        return activation(self.hidden_act, BERT_ACTIVATIONS)
