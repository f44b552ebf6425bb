"""OpenAI GPT under the names of 2019, and all that ``import *`` gave."""

import collections
import copy
import json
import logging
import math
import os
import shutil
import sys
import tarfile
import tempfile

import torch
from torch import nn
from torch.nn import CrossEntropyLoss, Parameter

from ptbert_hub import CONFIG_NAME, WEIGHTS_NAME, archive_map, cached_path
from ptbert_models.gpt import (
    OpenAIGPTConfig,
    OpenAIGPTDoubleHeadsModel,
    OpenAIGPTLMHeadModel,
    OpenAIGPTModel,
    OpenAIGPTPreTrainedModel,
    load_tf_weights_in_openai_gpt,
)
from ptbert_models.gpt.openai import (
    MLP,
    Attention,
    Block,
    Conv1D,
    OpenAIGPTLMHead,
    OpenAIGPTMultipleChoiceHead,
)
from ptbert_models.parts.activations import GPT_ACTIVATIONS as ACT_FNS
from ptbert_models.parts.activations import gelu_tanh as gelu
from ptbert_models.parts.activations import swish
from ptbert_models.parts.normalization import BertLayerNorm as LayerNorm
from ptbert_models.parts.pruning import prune_conv1d_layer

PRETRAINED_CONFIG_ARCHIVE_MAP = archive_map("gpt", "config")
PRETRAINED_MODEL_ARCHIVE_MAP = archive_map("gpt", "weights")

logger = logging.getLogger("ptbert_models")

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
    "CrossEntropyLoss",
    "LayerNorm",
    "OpenAIGPTConfig",
    "OpenAIGPTDoubleHeadsModel",
    "OpenAIGPTLMHead",
    "OpenAIGPTLMHeadModel",
    "OpenAIGPTModel",
    "OpenAIGPTMultipleChoiceHead",
    "OpenAIGPTPreTrainedModel",
    "Parameter",
    "cached_path",
    "collections",
    "copy",
    "gelu",
    "json",
    "load_tf_weights_in_openai_gpt",
    "logger",
    "logging",
    "math",
    "nn",
    "os",
    "prune_conv1d_layer",
    "shutil",
    "swish",
    "sys",
    "tarfile",
    "tempfile",
    "torch",
]
