"""OpenAI GPT and GPT-2: configurations, layers, heads and models."""

from ptbert_models.gpt.authors import load_tf_weights_in_gpt2, load_tf_weights_in_openai_gpt
from ptbert_models.gpt.cache import LayerCache
from ptbert_models.gpt.config import GPT2Config, OpenAIGPTConfig
from ptbert_models.gpt.gpt2 import (
    GPT2DoubleHeadsModel,
    GPT2LMHeadModel,
    GPT2Model,
    GPT2MultipleChoiceHead,
    GPT2PreTrainedModel,
)
from ptbert_models.gpt.openai import (
    OpenAIGPTDoubleHeadsModel,
    OpenAIGPTLMHeadModel,
    OpenAIGPTModel,
    OpenAIGPTPreTrainedModel,
)
from ptbert_models.parts.shipped import remember_classes

__all__ = [
    "GPT2Config",
    "GPT2DoubleHeadsModel",
    "GPT2LMHeadModel",
    "GPT2Model",
    "GPT2MultipleChoiceHead",
    "GPT2PreTrainedModel",
    "LayerCache",
    "OpenAIGPTConfig",
    "OpenAIGPTDoubleHeadsModel",
    "OpenAIGPTLMHeadModel",
    "OpenAIGPTModel",
    "OpenAIGPTPreTrainedModel",
    "load_tf_weights_in_gpt2",
    "load_tf_weights_in_openai_gpt",
]

remember_classes(f"{__name__}.")
