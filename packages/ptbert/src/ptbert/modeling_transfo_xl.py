"""Transformer-XL under the names of 2019."""

from ptbert.modeling import TF_WEIGHTS_NAME
from ptbert_hub import CONFIG_NAME, WEIGHTS_NAME, archive_map, cached_path
from ptbert_models.normalization import BertLayerNorm as LayerNorm
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

__all__ = [
    "CONFIG_NAME",
    "PRETRAINED_CONFIG_ARCHIVE_MAP",
    "PRETRAINED_MODEL_ARCHIVE_MAP",
    "TF_WEIGHTS_NAME",
    "WEIGHTS_NAME",
    "AdaptiveEmbedding",
    "DecoderLayer",
    "LayerNorm",
    "MultiHeadAttn",
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
    "load_tf_weights_in_transfo_xl",
    "sample_logits",
]
