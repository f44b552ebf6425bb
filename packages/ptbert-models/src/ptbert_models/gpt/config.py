"""Sizes and rates of GPT models, both families."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import InitVar
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from ptbert_hub.release import current_release
from ptbert_models import rules
from ptbert_models.config import PreTrainedConfig, configuration
from ptbert_models.parts.activations import (
    GPT2_ACTIVATIONS,
    GPT_ACTIVATIONS,
    Activation,
    activation,
)
from ptbert_models.parts.attention import head_size
from ptbert_models.parts.pruning import heads_to_prune
from ptbert_models.parts.settings import setting
from ptbert_models.rules import Rule
from ptbert_models.statements import QUANTIZED, Statement, architecture

_ELSEWHERE = "load it with the library that wrote it"
_CHOICES = ("GPT2DoubleHeadsModel", "OpenAIGPTDoubleHeadsModel")


def dropout_rate(config: Any, name: str, family: type[GPTConfig] | None = None) -> float:
    """Return a dropout rate by its name; 0 if the current release has no such dropout.

    Args:
        config: an object with the rate as an attribute.
        name: the attribute.
        family: configurations of the family of models that it is for; the given one's when None.
    """
    if current_release().silent_dropouts and name in (family or type(config)).june_dropouts:
        return 0.0
    return float(getattr(config, name))


class GPTConfig(PreTrainedConfig):
    """What the configurations of both families share."""

    n_special: int
    n_positions: int
    n_ctx: int
    n_embd: int
    n_layer: int
    n_head: int
    resid_pdrop: float
    embd_pdrop: float
    attn_pdrop: float
    layer_norm_epsilon: float
    predict_special_tokens: bool
    tie_word_embeddings: ClassVar[bool] = True  # files of later libraries may set it

    if TYPE_CHECKING:  # not a field: the first argument sets it
        vocab_size: ClassVar[int]

    rules: ClassVar[Mapping[str, Rule]] = MappingProxyType(
        {
            "vocab_size": rules.size,
            "n_positions": rules.size,
            "n_ctx": rules.size,
            "n_embd": rules.size,
            "n_layer": rules.layers,
            "n_head": rules.size,
            "n_special": rules.count,
            "resid_pdrop": rules.probability,
            "embd_pdrop": rules.probability,
            "attn_pdrop": rules.probability,
            "layer_norm_epsilon": rules.number,
            "initializer_range": rules.number,
            "predict_special_tokens": rules.flag,
            "tie_word_embeddings": rules.flag,
            "pruned_heads": rules.heads_by_layer,
        }
    )
    statements: ClassVar[tuple[Statement, ...]] = (
        QUANTIZED,
        Statement("summary_type", ("cls_index",), _ELSEWHERE, concerns=_CHOICES),
        Statement("summary_use_proj", (True,), _ELSEWHERE, concerns=_CHOICES),
        Statement("summary_activation", (None,), _ELSEWHERE, concerns=_CHOICES),
        Statement("summary_proj_to_labels", (True,), _ELSEWHERE, concerns=_CHOICES),
    )
    other_names: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "n_vocab": "vocab_size",  # in OpenAI's own files; later libraries have the others
            "hidden_size": "n_embd",
            "max_position_embeddings": "n_positions",
            "num_attention_heads": "n_head",
            "num_hidden_layers": "n_layer",
        }
    )
    june_dropouts: ClassVar[frozenset[str]] = frozenset()  # which release 0.6.2 lacks

    def rate(self, name: str) -> float:
        """Return a dropout rate by its name; 0 if the current release has no such dropout."""
        return dropout_rate(self, name)

    @property
    def total_tokens_embeddings(self) -> int:
        """Number of token embeddings: the vocabulary, then the special tokens."""
        return self.vocab_size + self.n_special

    def _take(self, values: dict[str, Any]) -> None:
        if "n_vocab" in values:  # OpenAI's own files have one length for both
            values = {"n_positions": values.get("n_ctx", self.n_ctx)} | values
        super()._take(values)

    def validate(self) -> None:
        """Raise ``ValueError`` naming the first value of which no model can be built."""
        super().validate()
        self.head_size()
        self.activation()

    def heads_to_prune(self) -> dict[int, set[int]]:
        """Return the heads that a model of this configuration lacks, by the number of the layer."""
        return heads_to_prune(self.pruned_heads, self.n_layer, self.n_head)

    def head_size(self) -> int:
        """Return the number of features per head."""
        return head_size(self.n_embd, self.n_head, names=("n_embd", "n_head"))

    def feed_forward_size(self) -> int:
        """Return the width F of the feed-forward layers."""
        return 4 * self.n_embd

    def activation(self) -> Activation:
        """Return the activation function of the feed-forward layers."""
        raise NotImplementedError(f"{type(self).__name__} must define activation()")


@configuration
class OpenAIGPTConfig(GPTConfig):
    """Sizes and rates of an OpenAI GPT model; the defaults are those of ``openai-gpt``.

    Args:
        vocab_size_or_config_json_file: number of tokens, or the path of a JSON file.
        n_special: number of special tokens, whose embeddings follow those of the vocabulary.
        n_positions: longest text in tokens.
        n_ctx: size of the causal mask in old checkpoints, the same as ``n_positions``.
        n_embd: model width E.
        n_layer: number of layers N.
        n_head: number of heads H, a divisor of ``n_embd``.
        afn: activation of the feed-forward layers: "gelu" (the approximation with a hyperbolic
            tangent), "relu", "swish" or a function.
        resid_pdrop: dropout rate of what is added to the residual stream.
        embd_pdrop: dropout rate of embeddings.
        attn_pdrop: dropout rate of attention weights.
        layer_norm_epsilon: added to variances.
        initializer_range: standard deviation of new weights.
        predict_special_tokens: kept because files have it. As in 2019 a new model always
            scores special tokens; ``set_num_special_tokens`` changes that.

    Source:
        Radford et al. 2018, "Improving Language Understanding by Generative Pre-Training",
        section 4.1.

    Example:
        >>> config = OpenAIGPTConfig(100, n_special=3, n_embd=32, n_head=4)
        >>> config.total_tokens_embeddings, config.n_layer
        (103, 12)
    """

    vocab_size_or_config_json_file: InitVar[int | str | os.PathLike[str]] = 40478  # type: ignore[assignment]
    n_special: int = 0
    n_positions: int = 512
    n_ctx: int = 512
    n_embd: int = 768
    n_layer: int = 12
    n_head: int = 12
    afn: str | Activation = "gelu"
    resid_pdrop: float = 0.1
    embd_pdrop: float = 0.1
    attn_pdrop: float = 0.1
    layer_norm_epsilon: float = 1e-5
    initializer_range: float = 0.02
    predict_special_tokens: bool = True

    june_dropouts: ClassVar[frozenset[str]] = frozenset({"embd_pdrop"})
    family: ClassVar[str] = "gpt"
    model_type: ClassVar[str] = "openai-gpt"
    statements: ClassVar[tuple[Statement, ...]] = (
        architecture("openai-gpt", "openaigpt"),
        *GPTConfig.statements,
    )

    def activation(self) -> Activation:
        """Return the activation function that ``afn`` names."""
        return activation(self.afn, GPT_ACTIVATIONS, key="afn")


@configuration
class GPT2Config(GPTConfig):
    """Sizes and rates of a GPT-2 model; the defaults are those of ``gpt2``.

    Files of later libraries may also hold ``activation_function`` and ``n_inner`` (the width of the
    feed-forward layers), which are used if present.

    Args:
        vocab_size_or_config_json_file: number of tokens, or the path of a JSON file.
        n_special: number of special tokens, whose embeddings follow those of the vocabulary.
        n_positions: longest text in tokens.
        n_ctx: size of the causal mask in old checkpoints, the same as ``n_positions``.
        n_embd: model width E.
        n_layer: number of layers N.
        n_head: number of heads H, a divisor of ``n_embd``.
        resid_pdrop: dropout rate of what is added to the residual stream.
        embd_pdrop: dropout rate of embeddings.
        attn_pdrop: dropout rate of attention weights.
        layer_norm_epsilon: added to variances.
        initializer_range: standard deviation of new weights.
        predict_special_tokens: as in ``OpenAIGPTConfig``.

    Source:
        Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", section 2.3.

    Example:
        >>> GPT2Config(100, n_embd=32, n_head=4).to_dict()["vocab_size"]
        100
    """

    vocab_size_or_config_json_file: InitVar[int | str | os.PathLike[str]] = 50257  # type: ignore[assignment]
    n_special: int = 0
    n_positions: int = 1024
    n_ctx: int = 1024
    n_embd: int = 768
    n_layer: int = 12
    n_head: int = 12
    resid_pdrop: float = 0.1
    embd_pdrop: float = 0.1
    attn_pdrop: float = 0.1
    layer_norm_epsilon: float = 1e-5
    initializer_range: float = 0.02
    predict_special_tokens: bool = True

    june_dropouts: ClassVar[frozenset[str]] = frozenset({"embd_pdrop", "attn_pdrop", "resid_pdrop"})

    # Files of later libraries may set these; not fields, so that new files are like those of 2019.
    activation_function: ClassVar[Any] = "gelu_new"
    n_inner: ClassVar[int | None] = None

    family: ClassVar[str] = "gpt2"
    model_type: ClassVar[str] = "gpt2"
    rules: ClassVar[Mapping[str, Rule]] = MappingProxyType(
        {**GPTConfig.rules, "n_inner": rules.optional_size}
    )
    statements: ClassVar[tuple[Statement, ...]] = (
        architecture("gpt2"),
        *GPTConfig.statements,
        Statement("scale_attn_weights", (True,), _ELSEWHERE),
        Statement("scale_attn_by_inverse_layer_idx", (False,), _ELSEWHERE),
        Statement("add_cross_attention", (False,), _ELSEWHERE),
    )

    def feed_forward_size(self) -> int:
        """Return the width F of the feed-forward layers."""
        inner = setting(self, "n_inner", None)  # a program's own configuration may lack it
        return 4 * self.n_embd if inner is None else inner

    def activation(self) -> Activation:
        """Return the activation function of the feed-forward layers."""
        chosen = setting(self, "activation_function", GPT2Config.activation_function)
        return activation(chosen, GPT2_ACTIVATIONS, key="activation_function")
