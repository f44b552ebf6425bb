"""Transformer-XL under the names of 2019, and all that ``import *`` gave."""

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
import torch.nn.functional as F
from torch import nn
from torch.nn import CrossEntropyLoss, Parameter

from ptbert.modeling import TF_WEIGHTS_NAME
from ptbert_hub import CONFIG_NAME, WEIGHTS_NAME, archive_map, cached_path
from ptbert_models.parts.normalization import BertLayerNorm as LayerNorm
from ptbert_models.transfo_xl import (
    AdaptiveEmbedding,
    DecoderLayer,
    MultiHeadAttn,
    PositionalEmbedding,
    PositionwiseFF,
    ProjectedAdaptiveLogSoftmax,
    RelLearnableDecoderLayer,
    RelLearnableMultiHeadAttn,
    RelMultiHeadAttn,
    RelPartialLearnableDecoderLayer,
    RelPartialLearnableMultiHeadAttn,
    TransfoXLConfig,
    TransfoXLLMHeadModel,
    TransfoXLModel,
    TransfoXLPreTrainedModel,
    build_tf_to_pytorch_map,
    load_tf_weights_in_transfo_xl,
    sample_logits,
)

PRETRAINED_CONFIG_ARCHIVE_MAP = archive_map("transfo_xl", "config")
PRETRAINED_MODEL_ARCHIVE_MAP = archive_map("transfo_xl", "weights")

logger = logging.getLogger("ptbert_models")

__all__ = [
    "CONFIG_NAME",
    "PRETRAINED_CONFIG_ARCHIVE_MAP",
    "PRETRAINED_MODEL_ARCHIVE_MAP",
    "TF_WEIGHTS_NAME",
    "WEIGHTS_NAME",
    "AdaptiveEmbedding",
    "CrossEntropyLoss",
    "DecoderLayer",
    "F",
    "LayerNorm",
    "MultiHeadAttn",
    "Parameter",
    "PositionalEmbedding",
    "PositionwiseFF",
    "ProjectedAdaptiveLogSoftmax",
    "RelLearnableDecoderLayer",
    "RelLearnableMultiHeadAttn",
    "RelMultiHeadAttn",
    "RelPartialLearnableDecoderLayer",
    "RelPartialLearnableMultiHeadAttn",
    "TransfoXLConfig",
    "TransfoXLLMHeadModel",
    "TransfoXLModel",
    "TransfoXLPreTrainedModel",
    "build_tf_to_pytorch_map",
    "cached_path",
    "collections",
    "copy",
    "json",
    "load_tf_weights_in_transfo_xl",
    "logger",
    "logging",
    "math",
    "nn",
    "os",
    "sample_logits",
    "shutil",
    "sys",
    "tarfile",
    "tempfile",
    "torch",
]
