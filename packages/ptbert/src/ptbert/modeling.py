"""BERT under the names of 2019, and all that ``import *`` gave."""

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
from torch.nn import CrossEntropyLoss

from ptbert_hub import CONFIG_NAME, WEIGHTS_NAME, archive_map, cached_path
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
    BertPreTrainedModel,
    load_tf_weights_in_bert,
)
from ptbert_models.bert import BertPreTrainedModel as PreTrainedBertModel
from ptbert_models.bert.heads import (
    BertLMPredictionHead,
    BertOnlyMLMHead,
    BertOnlyNSPHead,
    BertPredictionHeadTransform,
    BertPreTrainingHeads,
)
from ptbert_models.bert.layers import (
    BertAttention,
    BertEmbeddings,
    BertEncoder,
    BertIntermediate,
    BertLayer,
    BertOutput,
    BertPooler,
    BertSelfAttention,
    BertSelfOutput,
)
from ptbert_models.parts.activations import BERT_ACTIVATIONS as ACT2FN
from ptbert_models.parts.activations import gelu, swish
from ptbert_models.parts.normalization import BertLayerNorm
from ptbert_models.parts.pruning import prune_linear_layer

BERT_CONFIG_NAME = "bert_config.json"
TF_WEIGHTS_NAME = "model.ckpt"
PRETRAINED_CONFIG_ARCHIVE_MAP = archive_map("bert", "config")
PRETRAINED_MODEL_ARCHIVE_MAP = archive_map("bert", "weights")

logger = logging.getLogger("ptbert_models")

__all__ = [
    "ACT2FN",
    "BERT_CONFIG_NAME",
    "CONFIG_NAME",
    "PRETRAINED_CONFIG_ARCHIVE_MAP",
    "PRETRAINED_MODEL_ARCHIVE_MAP",
    "TF_WEIGHTS_NAME",
    "WEIGHTS_NAME",
    "BertAttention",
    "BertConfig",
    "BertEmbeddings",
    "BertEncoder",
    "BertForMaskedLM",
    "BertForMultipleChoice",
    "BertForNextSentencePrediction",
    "BertForPreTraining",
    "BertForQuestionAnswering",
    "BertForSequenceClassification",
    "BertForTokenClassification",
    "BertIntermediate",
    "BertLMPredictionHead",
    "BertLayer",
    "BertLayerNorm",
    "BertModel",
    "BertOnlyMLMHead",
    "BertOnlyNSPHead",
    "BertOutput",
    "BertPooler",
    "BertPreTrainedModel",
    "BertPreTrainingHeads",
    "BertPredictionHeadTransform",
    "BertSelfAttention",
    "BertSelfOutput",
    "CrossEntropyLoss",
    "PreTrainedBertModel",
    "cached_path",
    "copy",
    "gelu",
    "json",
    "load_tf_weights_in_bert",
    "logger",
    "logging",
    "math",
    "nn",
    "os",
    "prune_linear_layer",
    "shutil",
    "swish",
    "sys",
    "tarfile",
    "tempfile",
    "torch",
]
