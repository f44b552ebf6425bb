"""OpenAI GPT under the names of 2019."""

from ptbert_hub import CONFIG_NAME, WEIGHTS_NAME, archive_map, cached_path
from ptbert_models.activations import GPT_ACTIVATIONS as ACT_FNS
from ptbert_models.activations import gelu_tanh as gelu
from ptbert_models.activations import swish
from ptbert_models.gpt import (
    OpenAIGPTConfig,
    OpenAIGPTDoubleHeadsModel,
    OpenAIGPTLMHeadModel,
    OpenAIGPTModel,
    OpenAIGPTPreTrainedModel,
    load_tf_weights_in_openai_gpt,
)
from ptbert_models.gpt.layers import MLP
from ptbert_models.gpt.openai import (
    Attention,
    Block,
    Conv1D,
    OpenAIGPTLMHead,
    OpenAIGPTMultipleChoiceHead,
)
from ptbert_models.normalization import BertLayerNorm as LayerNorm
from ptbert_models.pruning import prune_conv1d_layer

PRETRAINED_CONFIG_ARCHIVE_MAP = archive_map("gpt", "config")
PRETRAINED_MODEL_ARCHIVE_MAP = archive_map("gpt", "weights")

__all__ = [
    "ACT_FNS",
    "CONFIG_NAME",
    "MLP",
    "PRETRAINED_CONFIG_ARCHIVE_MAP",
    "PRETRAINED_MODEL_ARCHIVE_MAP",
    "WEIGHTS_NAME",
    "Attention",
    "Block",
    "Conv1D",
    "LayerNorm",
    "OpenAIGPTConfig",
    "OpenAIGPTDoubleHeadsModel",
    "OpenAIGPTLMHead",
    "OpenAIGPTLMHeadModel",
    "OpenAIGPTModel",
    "OpenAIGPTMultipleChoiceHead",
    "OpenAIGPTPreTrainedModel",
    "cached_path",
    "gelu",
    "load_tf_weights_in_openai_gpt",
    "prune_conv1d_layer",
    "swish",
]
