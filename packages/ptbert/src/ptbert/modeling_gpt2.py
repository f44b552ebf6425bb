"""GPT-2 under the names of 2019, and all that ``import *`` gave."""

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
    GPT2Config,
    GPT2DoubleHeadsModel,
    GPT2LMHeadModel,
    GPT2Model,
    GPT2MultipleChoiceHead,
    GPT2PreTrainedModel,
    load_tf_weights_in_gpt2,
)
from ptbert_models.gpt.gpt2 import MLP, Attention, Block, GPT2LMHead
from ptbert_models.parts.activations import gelu_tanh as gelu
from ptbert_models.parts.conv1d import Conv1D
from ptbert_models.parts.normalization import BertLayerNorm as LayerNorm
from ptbert_models.parts.pruning import prune_conv1d_layer

PRETRAINED_CONFIG_ARCHIVE_MAP = archive_map("gpt2", "config")
PRETRAINED_MODEL_ARCHIVE_MAP = archive_map("gpt2", "weights")

logger = logging.getLogger("ptbert_models")

__all__ = [
    "CONFIG_NAME",
    "MLP",
    "PRETRAINED_CONFIG_ARCHIVE_MAP",
    "PRETRAINED_MODEL_ARCHIVE_MAP",
    "WEIGHTS_NAME",
    "Attention",
    "Block",
    "Conv1D",
    "CrossEntropyLoss",
    "GPT2Config",
    "GPT2DoubleHeadsModel",
    "GPT2LMHead",
    "GPT2LMHeadModel",
    "GPT2Model",
    "GPT2MultipleChoiceHead",
    "GPT2PreTrainedModel",
    "LayerNorm",
    "Parameter",
    "cached_path",
    "collections",
    "copy",
    "gelu",
    "json",
    "load_tf_weights_in_gpt2",
    "logger",
    "logging",
    "math",
    "nn",
    "os",
    "prune_conv1d_layer",
    "shutil",
    "sys",
    "tarfile",
    "tempfile",
    "torch",
]
