"""Transformer-XL: configuration, layers, adaptive softmax and models.

The authors' TensorFlow code (github.com/kimiyoung/transformer-xl, tf/model.py) calls the weights
of a language model as follows. Left out here are ``transformer/`` before every variable, and
``transformer.`` before the parameters that are not of ``crit``. T marks a transposed matrix.

====================================================  ============================================
``word_emb.emb_layers.{c}.weight``                    ``adaptive_embed/cutoff_{c}/lookup_table``
``word_emb.emb_projs.{c}``                            ``adaptive_embed/cutoff_{c}/proj_W``, T
``word_emb.emb_layers.0.weight`` (one table)          ``adaptive_embed/lookup_table``
``word_emb.emb_projs.0`` (one table)                  ``adaptive_embed/proj_W``, T
``r_w_bias``, ``r_r_bias`` (not ``untie_r``)          ``r_w_bias``, ``r_r_bias``: (H, D)
``layers.{n}.dec_attn.r_w_bias``, ``.r_r_bias``       ``r_w_bias[n]``, ``r_r_bias[n]``: (N, H, D)
``layers.{n}.dec_attn.qkv_net.weight``                ``layer_{n}/rel_attn/qkv/kernel``, T
``layers.{n}.dec_attn.r_net.weight``                  ``layer_{n}/rel_attn/r/kernel``, T
``layers.{n}.dec_attn.o_net.weight``                  ``layer_{n}/rel_attn/o/kernel``, T
``layers.{n}.dec_attn.layer_norm.weight``             ``layer_{n}/rel_attn/LayerNorm/gamma``
``layers.{n}.dec_attn.layer_norm.bias``               ``layer_{n}/rel_attn/LayerNorm/beta``
``layers.{n}.pos_ff.CoreNet.0.weight``, ``.bias``     ``layer_{n}/ff/layer_1/kernel``, T, ``bias``
``layers.{n}.pos_ff.CoreNet.3.weight``, ``.bias``     ``layer_{n}/ff/layer_2/kernel``, T, ``bias``
``layers.{n}.pos_ff.layer_norm.weight``               ``layer_{n}/ff/LayerNorm/gamma``
``layers.{n}.pos_ff.layer_norm.bias``                 ``layer_{n}/ff/LayerNorm/beta``
``crit.cluster_weight``                               ``adaptive_softmax/cutoff_0/cluster_W``
``crit.cluster_bias``                                 ``adaptive_softmax/cutoff_0/cluster_b``
``crit.out_layers.{c}.bias``                          ``adaptive_softmax/cutoff_{c}/b``
``crit.out_layers.0.bias`` (one table)                all ``adaptive_softmax/cutoff_{c}/b``, joined
``crit.out_layers.{c}.weight`` (not ``tie_weight``)   ``adaptive_softmax/cutoff_{c}/W``
``crit.out_projs.{c}`` (not ``tie_projs[c]``)         ``adaptive_softmax/cutoff_{c}/proj``, T
====================================================  ============================================
"""

from ptbert_models.parts.shipped import remember_classes
from ptbert_models.transfo_xl.adaptive import AdaptiveEmbedding, ProjectedAdaptiveLogSoftmax
from ptbert_models.transfo_xl.attention import (
    MultiHeadAttn,
    RelLearnableMultiHeadAttn,
    RelMultiHeadAttn,
    RelPartialLearnableMultiHeadAttn,
)
from ptbert_models.transfo_xl.authors import (
    build_tf_to_pytorch_map,
    load_tf_weights_in_transfo_xl,
)
from ptbert_models.transfo_xl.bare import TransfoXLModel, TransfoXLPreTrainedModel
from ptbert_models.transfo_xl.config import TransfoXLConfig
from ptbert_models.transfo_xl.layers import (
    DecoderLayer,
    PositionwiseFF,
    RelLearnableDecoderLayer,
    RelPartialLearnableDecoderLayer,
)
from ptbert_models.transfo_xl.positions import PositionalEmbedding
from ptbert_models.transfo_xl.sampling import LogUniformSampler, sample_logits
from ptbert_models.transfo_xl.with_head import TransfoXLLMHeadModel

__all__ = [
    "AdaptiveEmbedding",
    "DecoderLayer",
    "LogUniformSampler",
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
    "load_tf_weights_in_transfo_xl",
    "sample_logits",
]

remember_classes(f"{__name__}.")
