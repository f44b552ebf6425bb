"""The four families of models, and which of them a configuration belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ptbert_models.bert import (
    BertConfig,
    BertForMaskedLM,
    BertForMultipleChoice,
    BertForNextSentencePrediction,
    BertForPreTraining,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertModel,
)
from ptbert_models.config import PreTrainedConfig
from ptbert_models.gpt import (
    GPT2Config,
    GPT2DoubleHeadsModel,
    GPT2LMHeadModel,
    GPT2Model,
    OpenAIGPTConfig,
    OpenAIGPTDoubleHeadsModel,
    OpenAIGPTLMHeadModel,
    OpenAIGPTModel,
)
from ptbert_models.pretrained import PreTrainedModel
from ptbert_models.statements import VARIABLES, architecture_of, readers_of
from ptbert_models.transfo_xl import TransfoXLConfig, TransfoXLLMHeadModel, TransfoXLModel


@dataclass(frozen=True)
class Family:
    """One family of models.

    Args:
        name: its name in the catalog of ptbert-hub.
        config_class: its configuration.
        published: the model whose weights the authors' checkpoints hold.
        models: all its models, the bare one first.
    """

    name: str
    config_class: type[PreTrainedConfig]
    published: type[PreTrainedModel]
    models: tuple[type[PreTrainedModel], ...]

    @property
    def model_type(self) -> str:
        """Its name in today's configurations on the Hugging Face Hub."""
        return self.config_class.model_type


_ALL = (
    Family(
        "bert",
        BertConfig,
        BertForPreTraining,
        (
            BertModel,
            BertForPreTraining,
            BertForMaskedLM,
            BertForNextSentencePrediction,
            BertForSequenceClassification,
            BertForMultipleChoice,
            BertForTokenClassification,
            BertForQuestionAnswering,
        ),
    ),
    Family(
        "gpt",
        OpenAIGPTConfig,
        OpenAIGPTModel,
        (OpenAIGPTModel, OpenAIGPTLMHeadModel, OpenAIGPTDoubleHeadsModel),
    ),
    Family(
        "gpt2",
        GPT2Config,
        GPT2Model,
        (GPT2Model, GPT2LMHeadModel, GPT2DoubleHeadsModel),
    ),
    Family(
        "transfo_xl",
        TransfoXLConfig,
        TransfoXLLMHeadModel,
        (TransfoXLModel, TransfoXLLMHeadModel),
    ),
)
FAMILIES: Mapping[str, Family] = MappingProxyType({family.name: family for family in _ALL})
"""The families by their names in the catalog."""


def family_of(config: Mapping[str, Any]) -> Family:
    """Return the family that a configuration belongs to.

    Args:
        config: the values of a ``config.json``, of 2019 or of today.

    Raises:
        ValueError: if it is for another kind of model.

    Example:
        >>> family_of({"n_embd": 768, "afn": "gelu"}).name
        'gpt'
        >>> family_of({"model_type": "transfo-xl"}).published.__name__
        'TransfoXLLMHeadModel'
    """
    model_type = architecture_of(config)
    for family in _ALL:
        if family.model_type == model_type:
            return family
    known = ", ".join(family.model_type for family in _ALL)
    raise ValueError(
        f"a configuration with model_type={model_type!r} and keys such as "
        f"{sorted(config)[:5]} belongs to none of the families {known}; give a checkpoint of one "
        f"of these, or {readers_of(model_type)}"
    )


def family_of_variables(names: Iterable[str], source: str) -> Family:
    """Return the family that a TensorFlow checkpoint without a configuration belongs to.

    Args:
        names: the names of its variables.
        source: the checkpoint, for messages.

    Raises:
        ValueError: if its configuration is needed, or it is for another kind of model.

    Example:
        >>> family_of_variables(["transformer/layer_0/rel_attn/o/kernel"], "wt103").name
        'transfo_xl'
    """
    names = list(names)
    if any(name.startswith(VARIABLES["transfo_xl"][0]) for name in names):
        return FAMILIES["transfo_xl"]
    for family, config, key in (
        ("bert", "bert_config.json", "num_attention_heads"),
        ("gpt2", "hparams.json", "n_head"),
    ):
        if any(name.startswith(VARIABLES[family][0]) for name in names):
            raise ValueError(
                f"{source!r} has no configuration beside it, and the number of heads does not show "
                f"in a checkpoint; put a {config} there, with {key} at least"
            )
    raise ValueError(
        f"{source!r} has variables such as {', '.join(names[:3])}, which belong to none of the "
        "families that this library knows"
    )
