"""GPT-2 under the names of 2019."""

from ptbert_hub import CONFIG_NAME, WEIGHTS_NAME, archive_map, cached_path
from ptbert_models.activations import gelu_tanh as gelu
from ptbert_models.conv1d import Conv1D
from ptbert_models.gpt import (
    GPT2Config,
    GPT2DoubleHeadsModel,
    GPT2LMHeadModel,
    GPT2Model,
    GPT2MultipleChoiceHead,
    GPT2PreTrainedModel,
    load_tf_weights_in_gpt2,
)
from ptbert_models.gpt.gpt2 import Attention, Block, GPT2LMHead
from ptbert_models.gpt.layers import MLP
from ptbert_models.normalization import BertLayerNorm as LayerNorm
from ptbert_models.pruning import prune_conv1d_layer

PRETRAINED_CONFIG_ARCHIVE_MAP = archive_map("gpt2", "config")
PRETRAINED_MODEL_ARCHIVE_MAP = archive_map("gpt2", "weights")

__all__ = [
    "CONFIG_NAME",
    "MLP",
    "PRETRAINED_CONFIG_ARCHIVE_MAP",
    "PRETRAINED_MODEL_ARCHIVE_MAP",
    "WEIGHTS_NAME",
    "Attention",
    "Block",
    "Conv1D",
    "GPT2Config",
    "GPT2DoubleHeadsModel",
    "GPT2LMHead",
    "GPT2LMHeadModel",
    "GPT2Model",
    "GPT2MultipleChoiceHead",
    "GPT2PreTrainedModel",
    "LayerNorm",
    "cached_path",
    "gelu",
    "load_tf_weights_in_gpt2",
    "prune_conv1d_layer",
]
