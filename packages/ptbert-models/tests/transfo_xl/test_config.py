import json

import pytest

from ptbert_models import TransfoXLConfig, TransfoXLModel

NAMES_OF_2019 = """
adaptive attn_type clamp_len cutoffs d_embed d_head d_inner d_model div_val dropatt dropout ext_len
init init_range init_std mem_len n_head n_layer n_token pre_lnorm proj_init_std same_length
sample_softmax tgt_len tie_projs tie_weight untie_r
"""


def test_the_defaults_are_those_of_wikitext_103():
    config = TransfoXLConfig()
    assert config.n_token == 267735
    assert config.cutoffs == [20000, 40000, 200000]
    assert config.tie_projs == [False, True, True, True]


def test_the_defaults_are_those_of_2019():
    assert TransfoXLConfig(9, [4]).to_dict() == {
        "adaptive": True,
        "attn_type": 0,
        "clamp_len": 1000,
        "cutoffs": [4],
        "d_embed": 1024,
        "d_head": 64,
        "d_inner": 4096,
        "d_model": 1024,
        "div_val": 4,
        "dropatt": 0.0,
        "dropout": 0.1,
        "ext_len": 0,
        "init": "normal",
        "init_range": 0.01,
        "init_std": 0.02,
        "mem_len": 1600,
        "n_head": 16,
        "n_layer": 18,
        "n_token": 9,
        "pre_lnorm": False,
        "proj_init_std": 0.01,
        "same_length": True,
        "sample_softmax": -1,
        "tgt_len": 128,
        "tie_projs": [False, True],
        "tie_weight": True,
        "untie_r": True,
    }


def test_a_file_holds_the_names_of_2019():
    assert sorted(json.loads(TransfoXLConfig(9).to_json_string())) == NAMES_OF_2019.split()


def test_projections_of_all_clusters_may_be_separate():
    config = TransfoXLConfig(9, cutoffs=[2], proj_share_all_but_first=False)
    assert config.tie_projs == [False, False]


def test_a_round_trip_changes_nothing(tmp_path, make_config):
    config = make_config(proj_share_all_but_first=False, untie_r=False)
    config.of_somebody_else = {"kept": True}
    config.to_json_file(tmp_path / "config.json")

    for again in (
        TransfoXLConfig(tmp_path / "config.json"),
        TransfoXLConfig.from_json_file(tmp_path / "config.json"),
        TransfoXLConfig.from_dict(config.to_dict()),
    ):
        assert again.to_dict() == config.to_dict()


def test_a_file_may_lack_what_follows_from_the_rest(tmp_path):
    """Later libraries write ``vocab_size``; the authors' own have no ``tie_projs``."""
    values = {"vocab_size": 50, "cutoffs": [7], "d_model": 8}
    (tmp_path / "config.json").write_text(json.dumps(values))

    for config in (
        TransfoXLConfig.from_dict(values),
        TransfoXLConfig(tmp_path / "config.json"),
    ):
        assert (config.n_token, config.tie_projs, config.n_layer) == (50, [False, True], 18)


def test_what_a_file_says_counts_more(tmp_path):
    values = {"n_token": 5, "vocab_size": 50, "cutoffs": [3], "tie_projs": [True, False]}
    config = TransfoXLConfig.from_dict(values)
    assert (config.n_token, config.tie_projs) == (5, [True, False])
    assert TransfoXLConfig.from_dict(
        {"cutoffs": [3], "proj_share_all_but_first": False}
    ).tie_projs == [False, False]


def test_the_callers_cutoffs_stay_the_callers():
    cutoffs = [2, 4]
    TransfoXLConfig(9, cutoffs=cutoffs).cutoffs.append(8)
    assert cutoffs == [2, 4]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"d_model": 0}, "d_model=0 must be an integer above 0"),
        ({"dropatt": 1.0}, r"dropatt=1.0 must lie in \[0, 1\)"),
        ({"mem_len": -1}, "mem_len=-1 is negative"),
        ({"init": "zeros"}, "init='zeros' is unknown; choose one of normal, uniform"),
        ({"cutoffs": [14, 6]}, r"cutoffs=\[14, 6\] must ascend .* give cutoffs=\[\]"),
        ({"cutoffs": [6, 30]}, "between 0 and n_token=30"),
        ({"cutoffs": [0, 6]}, r"cutoffs=\[0, 6\] must ascend"),
        ({"cutoffs": [6, 6]}, r"cutoffs=\[6, 6\] must ascend"),
        ({"tie_projs": [False] * 4}, "one truth value for each of the 3 clusters"),
        ({"tie_projs": [False]}, "one truth value for each of the 3 clusters"),
        ({"attn_type": 4}, "attn_type=4 must be 0, 1, 2 or 3"),
        ({"attn_type": -1}, "attn_type=-1 must be 0, 1, 2 or 3"),
        ({"attn_type": 2, "d_model": 15}, "d_model=15 must be even for attn_type=2"),
        ({"d_model": 15}, "d_model=15 must be even for attn_type=0"),
        ({"attn_type": 3, "d_head": 5}, "n_head=4 times d_head=5 .* d_model=16"),
    ],
)
def test_nonsense_is_named_when_a_model_is_built(make_config, changes, message):
    config = make_config()
    vars(config).update(changes)
    with pytest.raises(ValueError, match=message):
        TransfoXLModel(config)


@pytest.mark.parametrize("attn_type", [1, 3])
def test_learned_positions_may_have_an_odd_width(make_config, attn_type):
    make_config(attn_type=attn_type, d_model=15, n_head=3, d_head=5).validate()
