"""Checkpoints of the authors' TensorFlow code give the outputs of that code."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from ptbert_models import (
    TransfoXLConfig,
    TransfoXLLMHeadModel,
    TransfoXLModel,
    load_tf_weights_in_transfo_xl,
)
from ptbert_models.tensorflow import open_checkpoint
from ptbert_models.tensorflow.translation import is_training_state
from ptbert_models.transfo_xl import build_tf_to_pytorch_map

DATA = Path(__file__).parents[1] / "data" / "tensorflow" / "transfo_xl"
VARIANTS = ["open", "extra_tied_r", "extra_div1"]


def config_of(folder):
    """The options of TensorFlow's code, which have the same names here."""
    options = json.loads((folder / "config_tf.json").read_text())
    return TransfoXLConfig.from_dict(options)


def close(got, want):
    torch.testing.assert_close(got, want, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("checkpoint", ["", "v1", "v2_sharded"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_three_segments_with_memory(variant, checkpoint):
    folder = DATA / variant
    config = config_of(folder)
    model = TransfoXLLMHeadModel(config).eval()

    load_tf_weights_in_transfo_xl(model, config, folder / checkpoint)

    with np.load(folder / "io.npz") as arrays:
        io = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
    mems = None
    for segment in range(3):
        tokens = io[f"seg{segment}_input"].long().T  # time first there, batch first here
        target = io[f"seg{segment}_target"].long().T
        with torch.no_grad():
            hidden, _ = model.transformer(tokens, mems)
            losses, mems = model(tokens, target, mems)
        close(hidden.transpose(0, 1), io[f"seg{segment}_hidden"])
        close(losses.T, io[f"seg{segment}_nll"])
        close(losses.mean(), io[f"seg{segment}_loss"].view(()))
        close(torch.stack(mems)[: config.n_layer], io[f"seg{segment}_new_mems"])


@pytest.mark.parametrize("variant", VARIANTS)
def test_nothing_is_missing_and_nothing_unused(variant, caplog):
    caplog.set_level("INFO")
    folder = DATA / variant
    config = config_of(folder)

    load_tf_weights_in_transfo_xl(TransfoXLLMHeadModel(config), config, folder)

    assert not caplog.records


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_bare_model_takes_its_part(variant, tmp_path):
    shutil.copytree(DATA / variant, tmp_path / "model")
    config = config_of(DATA / variant)
    config.to_json_file(tmp_path / "model" / "config.json")

    bare = TransfoXLModel.from_pretrained(tmp_path / "model", from_tf=True).state_dict()

    whole = load_tf_weights_in_transfo_xl(
        TransfoXLLMHeadModel(config), config, DATA / variant
    ).state_dict()
    assert all(torch.equal(tensor, whole[f"transformer.{key}"]) for key, tensor in bare.items())


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("part", ["whole", "bare"])
def test_the_map_has_the_checkpoints_variables(variant, part):
    folder = DATA / variant
    config = config_of(folder)
    model = TransfoXLLMHeadModel(config)
    weights = model.read_tensorflow(folder, config)

    found = build_tf_to_pytorch_map(model if part == "whole" else model.transformer, config)

    variables = {name for name in open_checkpoint(folder) if not is_training_state(name)}
    joined = {name for name in variables if config.div_val == 1 and name.endswith("/b")}
    of_bare = {name for name in variables if "softmax" not in name}
    assert set(found) == (variables - joined if part == "whole" else of_bare)
    for name, parameter in found.items():
        each = parameter if isinstance(parameter, list) else [parameter]
        keys = [key for key, value in model.named_parameters() if any(value is e for e in each)]
        assert len(keys) == len(each)
        assert all(weights[key].shape == model.get_parameter(key).shape for key in keys), name
