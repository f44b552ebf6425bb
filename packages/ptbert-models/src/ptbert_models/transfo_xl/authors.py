"""Reading the TensorFlow checkpoints of Transformer-XL's authors.

Source:
    github.com/kimiyoung/transformer-xl: tf/model.py; the package's docstring has the whole table.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TypeVar

import torch
from torch import Tensor, nn

from ptbert_models.opening import load_tensorflow_weights
from ptbert_models.pretrained import PreTrainedModel
from ptbert_models.tensorflow import open_checkpoint
from ptbert_models.tensorflow.translation import translate, translate_name
from ptbert_models.transfo_xl.config import TransfoXLConfig
from ptbert_models.transfo_xl.variables import clusters_without_projection

Model = TypeVar("Model", bound=PreTrainedModel)

RENAMES = (
    (r"^transformer/adaptive_softmax/cutoff_0/cluster_W$", "crit/cluster_weight"),
    (r"^transformer/adaptive_softmax/cutoff_0/cluster_b$", "crit/cluster_bias"),
    (r"^transformer/adaptive_softmax/(?:cutoff_(\d+)/)?W$", r"crit/out_layers/\1/weight"),
    (r"^transformer/adaptive_softmax/(?:cutoff_(\d+)/)?b(?:ias)?$", r"crit/out_layers/\1/bias"),
    (r"^transformer/adaptive_softmax/(?:cutoff_(\d+)/)?proj$", r"crit/out_projs/\1"),
    (r"/adaptive_embed/(?:cutoff_(\d+)/)?lookup_table$", r"/word_emb/emb_layers/\1/weight"),
    (r"/adaptive_embed/(?:cutoff_(\d+)/)?proj_W$", r"/word_emb/emb_projs/\1"),
    (r"/(emb_layers|out_layers|emb_projs|out_projs)/(?=$|/)", r"/\1/0"),  # one table for all
    (r"/layer_(\d+)/rel_attn/LayerNorm/", r"/layers/\1/dec_attn/layer_norm/"),
    (r"/layer_(\d+)/rel_attn/(qkv|r|o)/", r"/layers/\1/dec_attn/\2_net/"),
    (r"/layer_(\d+)/ff/LayerNorm/", r"/layers/\1/pos_ff/layer_norm/"),
    (r"/layer_(\d+)/ff/layer_1/", r"/layers/\1/pos_ff/CoreNet/0/"),
    (r"/layer_(\d+)/ff/layer_2/", r"/layers/\1/pos_ff/CoreNet/3/"),
    (r"/(kernel|gamma)$", "/weight"),
    (r"/beta$", "/bias"),
)
TRANSPOSED = r"/(kernel|proj|proj_W)$"


def read_transfo_xl_checkpoint(
    path: str | os.PathLike[str], config: TransfoXLConfig
) -> dict[str, Tensor]:
    """Read a TensorFlow checkpoint of Transformer-XL as a state dict.

    Args:
        path: see ``ptbert_models.tensorflow.open_checkpoint``.
        config: ``untie_r`` says whether layers have biases of their own, ``div_val`` whether
            clusters have tables of their own.
    """
    checkpoint = open_checkpoint(path)
    state = translate(checkpoint, RENAMES, transposed=TRANSPOSED)
    for cluster in clusters_without_projection(checkpoint.shapes(), config.d_model):
        for key in (f"transformer.word_emb.emb_projs.{cluster}", f"crit.out_projs.{cluster}"):
            state.setdefault(key, torch.eye(config.d_model))
    if config.untie_r:  # one variable for all layers there
        for name in ("r_w_bias", "r_r_bias"):
            stacked = state.pop(f"transformer.{name}", None)
            for layer, bias in enumerate([] if stacked is None else stacked):
                state[f"transformer.layers.{layer}.dec_attn.{name}"] = bias.clone()
    if config.div_val == 1:  # one table for all clusters here
        keys = [f"crit.out_layers.{cluster}.bias" for cluster in range(len(config.cutoffs) + 1)]
        if biases := [state.pop(key) for key in keys if key in state]:
            state[keys[0]] = torch.cat(biases)
    return state


def build_tf_to_pytorch_map(
    model: PreTrainedModel, config: TransfoXLConfig
) -> dict[str, nn.Parameter | list[nn.Parameter]]:
    """Return the parameters of a model by the names that TensorFlow's variables would have.

    A variable that holds one parameter of each layer has a list of them. With ``div_val=1`` the
    biases of the clusters are left out, because they are parts of one parameter.

    Args:
        model: either of the two models.
        config: its configuration.
    """
    prefix = f"{model.base_model_prefix}." if hasattr(model, model.base_model_prefix) else ""
    parameters = {
        f"transformer.{name}" if not prefix else name: parameter
        for name, parameter in model.named_parameters(remove_duplicate=False)
    }
    found: dict[str, nn.Parameter | list[nn.Parameter]] = {}
    for name in _variable_names(config):
        key = translate_name(name, RENAMES)
        if key in parameters:
            found[name] = parameters[key]
    for bias in ("r_r_bias", "r_w_bias"):
        keys = [f"transformer.layers.{n}.dec_attn.{bias}" for n in range(config.n_layer)]
        each = [parameters[key] for key in keys]
        found[f"transformer/{bias}"] = each if config.untie_r else each[0]
    return found


def _variable_names(config: TransfoXLConfig) -> Iterator[str]:
    """Yield the variables that a model of these sizes may have, without biases of attention."""
    softmax, embeddings = "transformer/adaptive_softmax", "transformer/adaptive_embed"
    yield from (f"{softmax}/cutoff_0/{name}" for name in ("cluster_W", "cluster_b"))
    for cluster in range(len(config.cutoffs) + 1):
        if not config.tie_weight:
            yield f"{softmax}/cutoff_{cluster}/W"
        if not config.tie_projs[cluster]:
            yield f"{softmax}/cutoff_{cluster}/proj"
        if config.div_val != 1:
            yield f"{softmax}/cutoff_{cluster}/b"
            yield f"{embeddings}/cutoff_{cluster}/lookup_table"
            yield f"{embeddings}/cutoff_{cluster}/proj_W"
    if config.div_val == 1:  # one table for all
        yield from (f"{embeddings}/{name}" for name in ("lookup_table", "proj_W"))
    for layer in range(config.n_layer):
        for part in ("rel_attn/LayerNorm", "ff/LayerNorm"):
            yield from (f"transformer/layer_{layer}/{part}/{name}" for name in ("gamma", "beta"))
        for part in ("qkv", "r", "o"):
            yield f"transformer/layer_{layer}/rel_attn/{part}/kernel"
        for part in ("layer_1", "layer_2"):
            yield from (
                f"transformer/layer_{layer}/ff/{part}/{name}" for name in ("kernel", "bias")
            )


def load_tf_weights_in_transfo_xl(
    model: Model, config: TransfoXLConfig, tf_path: str | os.PathLike[str]
) -> Model:
    """Fill a Transformer-XL model from a TensorFlow checkpoint; TensorFlow is not needed.

    Weights that the checkpoint lacks keep their values and are named in one warning.

    Args:
        model: either of the two models.
        config: not used, because the model has its configuration.
        tf_path: the checkpoint's prefix, one of its files, or its folder.

    Returns:
        The model.

    Raises:
        OSError: if the checkpoint is missing or damaged.
        ValueError: if its weights do not fit.
    """
    return load_tensorflow_weights(model, tf_path)
