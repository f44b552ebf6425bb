"""What the variables of a checkpoint of the authors say, against what a configuration says."""

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
from ptbert_models.convert import convert_checkpoint, convert_transfo_xl_checkpoint_to_pytorch
from ptbert_models.tensorflow import model_shapes, open_checkpoint
from ptbert_models.transfo_xl import authors
from ptbert_models.transfo_xl.variables import seen_values

DATA = Path(__file__).parents[1] / "data" / "tensorflow" / "transfo_xl"
VARIANTS = ["open", "extra_tied_r", "extra_div1"]
SEEN = [
    "n_token",
    "cutoffs",
    "n_layer",
    "d_model",
    "d_embed",
    "n_head",
    "d_head",
    "d_inner",
    "div_val",
    "untie_r",
    "tie_projs",
]


def options_of(variant):
    return json.loads((DATA / variant / "config_tf.json").read_text())


@pytest.fixture
def folder(tmp_path):
    """Return a function that copies a checkpoint, with a configuration that has been changed."""

    def copy(variant, changes=None):
        path = tmp_path / "model"
        shutil.copytree(DATA / variant, path)
        if changes is not None:
            values = {k: v for k, v in (options_of(variant) | changes).items() if v is not None}
            (path / "config.json").write_text(json.dumps(values))
        return path

    return copy


@pytest.mark.parametrize("checkpoint", ["", "v1", "v2_sharded"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_sizes_and_sharing_show_in_the_variables(variant, checkpoint):
    options = options_of(variant)
    if variant == "extra_div1":  # no projections, so whether they are shared does not show
        options["tie_projs"] = [False, True, True]
    seen = seen_values(model_shapes(DATA / variant / checkpoint))
    assert {key: seen[key] for key in SEEN} == {key: options[key] for key in SEEN}
    assert seen["tie_weight"] is True


@pytest.mark.parametrize("variant", VARIANTS)
def test_conversion_needs_no_configuration(variant, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for path in (DATA / variant).glob("model.ckpt*"):
        shutil.copy(path, source)

    convert_checkpoint(source, tmp_path / "out")
    convert_transfo_xl_checkpoint_to_pytorch(source, "", tmp_path / "old way")

    config = TransfoXLConfig.from_dict(options_of(variant))
    expected = load_tf_weights_in_transfo_xl(TransfoXLLMHeadModel(config), config, source)
    for out in ("out", "old way"):
        model = TransfoXLLMHeadModel.from_pretrained(tmp_path / out)
        state = model.state_dict()
        assert all(torch.equal(state[k], tensor) for k, tensor in expected.state_dict().items())
        assert model.config.clamp_len == TransfoXLConfig().clamp_len  # of the published model


def test_values_that_a_configuration_lacks_are_those_of_the_checkpoint(folder):
    lacking = dict.fromkeys(["untie_r", "div_val", "n_token", "tie_projs", "d_inner"])
    lacking["proj_share_all_but_first"] = None

    model = TransfoXLLMHeadModel.from_pretrained(folder("extra_tied_r", lacking), from_tf=True)

    assert model.config.clamp_len == -1
    assert (model.config.untie_r, model.config.div_val, model.config.n_token) == (False, 2, 151)
    assert model.config.tie_projs == [False] * 3


@pytest.mark.parametrize(
    ("variant", "changes", "message"),
    [
        ("extra_tied_r", {"tie_projs": [False, True, True]}, r"tie_projs=\[False, False, False\]"),
        (
            "extra_tied_r",
            {"tie_projs": None, "proj_share_all_but_first": True},
            r"show tie_projs=\[False, False, False\], and the .* says tie_projs=\[False, True, T",
        ),
        ("open", {"tie_projs": [False] * 3}, r"show tie_projs=\[False, True, True\]"),
        ("open", {"untie_r": False}, "show untie_r=True, and the configuration says untie_r=False"),
        ("open", {"n_layer": 2}, "show n_layer=3, and the configuration says n_layer=2; correct"),
        ("open", {"cutoffs": [50, 100]}, r"show cutoffs=\[50, 120\]"),
        ("open", {"div_val": 4}, "show div_val=2, and the configuration says div_val=4"),
        ("open", {"tie_weight": False}, "show tie_weight=True, and"),
        ("open", {"n_token": None, "vocab_size": 9}, "show n_token=241, and"),
        (
            "open",
            {"model_type": "transfo-xl", "d_model": None, "hidden_size": 9},
            "show d_model=32",
        ),
    ],
)
def test_a_configuration_that_contradicts_the_checkpoint_is_refused(
    folder, variant, changes, message, tmp_path
):
    path = folder(variant, changes)
    with pytest.raises(ValueError, match=message):
        TransfoXLLMHeadModel.from_pretrained(path, from_tf=True)
    with pytest.raises(ValueError, match=message):
        convert_checkpoint(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_model_that_contradicts_the_checkpoint_is_not_filled():
    config = TransfoXLConfig.from_dict(
        options_of("extra_tied_r") | {"tie_projs": [False, True, True]}
    )
    model = TransfoXLLMHeadModel(config)
    with pytest.raises(ValueError, match=r"show tie_projs=\[False, False, False\]"):
        load_tf_weights_in_transfo_xl(model, config, DATA / "extra_tied_r")


class Checkpoint(dict):
    """Variables in memory."""

    def shapes(self):
        """As of a checkpoint."""
        return {name: array.shape for name, array in self.items()}


def without_square_projections(variant):
    """The same weights as the authors' code writes them with ``proj_same_dim=False``."""
    checkpoint = open_checkpoint(DATA / variant)
    square = ("adaptive_embed/cutoff_0/proj_W", "adaptive_softmax/cutoff_0/proj")
    return Checkpoint({n: checkpoint[n] for n in checkpoint if not n.endswith(square)})


@pytest.mark.parametrize("variant", ["open", "extra_tied_r"])
def test_a_projection_that_is_left_out_is_the_identity(variant, monkeypatch, caplog):
    checkpoint = without_square_projections(variant)
    monkeypatch.setattr(authors, "open_checkpoint", lambda path: checkpoint)
    config = TransfoXLConfig.from_dict(options_of(variant))
    model = TransfoXLLMHeadModel(config).eval()
    model.load_state_dict(model.read_tensorflow("in memory", config), strict=False)

    tokens = torch.tensor([[0, 3, 7]])  # all of the first cluster
    table = checkpoint["transformer/adaptive_embed/cutoff_0/lookup_table"]
    expected = torch.from_numpy(table[[0, 3, 7]] * np.sqrt(config.d_model))[None]
    torch.testing.assert_close(model.transformer.word_emb(tokens), expected, check_dtype=False)
    hidden = torch.randn(2, config.d_model)
    words = model.crit.out_layers[0]
    scores = torch.cat(
        [
            hidden @ words.weight.T + words.bias,
            hidden @ model.crit.cluster_weight.T + model.crit.cluster_bias,
        ],
        dim=-1,
    ).log_softmax(-1)
    got = model.crit.log_prob(hidden)[:, : config.cutoffs[0]]
    torch.testing.assert_close(got, scores[:, : config.cutoffs[0]])


def test_nothing_is_missing_without_square_projections(monkeypatch):
    checkpoint = without_square_projections("open")
    monkeypatch.setattr(authors, "open_checkpoint", lambda path: checkpoint)
    config = TransfoXLConfig.from_dict(options_of("open"))
    model = TransfoXLLMHeadModel(config)
    report = model.plan_loading(model.read_tensorflow("in memory", config)).report
    assert not report.missing
    assert not report.unused


def test_whether_square_projections_are_shared_does_not_show_without_them():
    shapes = without_square_projections("open").shapes()
    assert seen_values(shapes)["tie_projs"] == [False, True, True]
    config = TransfoXLConfig.from_dict(options_of("open") | {"tie_projs": [True, True, True]})
    assert seen_values(shapes, config)["tie_projs"] == [True, True, True]


def test_a_division_that_was_rounded_is_the_given_one_where_it_fits():
    tables = {
        f"transformer/adaptive_embed/cutoff_{n}/lookup_table": (4, width)
        for n, width in enumerate([11, 2])
    }
    for given, expected in ((5, 5), (4, 4), (7, 4), (2, 4)):
        config = TransfoXLConfig.from_dict({"div_val": given})
        assert seen_values(tables, config)["div_val"] == expected


def test_a_softmax_without_clusters_shares_the_projection_of_the_embedding():
    shapes = {
        "transformer/adaptive_embed/lookup_table": (9, 4),
        "transformer/adaptive_embed/proj_W": (4, 8),
        "transformer/adaptive_softmax/bias": (9,),
    }
    assert seen_values(shapes) == {
        "d_embed": 4,
        "div_val": 1,
        "n_token": 9,
        "cutoffs": [],
        "tie_weight": True,
        "tie_projs": [True],
    }


def test_a_checkpoint_of_the_bare_model_says_nothing_about_the_softmax():
    shapes = model_shapes(DATA / "open")
    bare = {name: shape for name, shape in shapes.items() if "softmax" not in name}
    seen = seen_values(bare)
    assert (seen["n_token"], seen["cutoffs"]) == (241, [50, 120])
    assert not {"tie_weight", "tie_projs"} & seen.keys()
    assert TransfoXLModel.seen_in_tensorflow(DATA / "open").keys() == seen_values(shapes).keys()
