"""What the variables of the authors' TensorFlow code are called here.

Source:
    github.com/kimiyoung/transformer-xl: tf/model.py; the package's docstring has the whole table.
"""

from __future__ import annotations

import os
from typing import TypeVar

import torch
from torch import Tensor

from ptbert_models.pretrained import PreTrainedModel, load_tensorflow_weights
from ptbert_models.tensorflow import open_checkpoint
from ptbert_models.tensorflow.translation import translate
from ptbert_models.transfo_xl.config import TransfoXLConfig

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
        path: see `ptbert_models.tensorflow.open_checkpoint`.
        config: ``untie_r`` says whether layers have biases of their own, ``div_val`` whether
            clusters have tables of their own.
    """
    state = translate(open_checkpoint(path), RENAMES, transposed=TRANSPOSED)
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


def load_tf_weights_in_transfo_xl(
    model: Model, config: TransfoXLConfig, tf_path: str | os.PathLike[str]
) -> Model:
    """Fill a Transformer-XL model from a TensorFlow checkpoint; TensorFlow is not needed.

    What the checkpoint lacks keeps its values and is named in one warning.

    Args:
        model: either of the two models.
        config: accepted for 2019's sake; the model's own configuration counts.
        tf_path: the checkpoint's prefix, one of its files, or its folder.

    Returns:
        The model.

    Raises:
        OSError: if the checkpoint is missing or damaged.
        ValueError: if its weights do not fit.
    """
    return load_tensorflow_weights(model, tf_path)
