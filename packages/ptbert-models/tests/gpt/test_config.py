import json

import pytest
import torch

from ptbert_models import GPT2Config, GPT2Model, OpenAIGPTConfig, OpenAIGPTModel

SHARED = {
    "attn_pdrop": 0.1,
    "embd_pdrop": 0.1,
    "initializer_range": 0.02,
    "layer_norm_epsilon": 1e-05,
    "n_embd": 768,
    "n_head": 12,
    "n_layer": 12,
    "n_special": 0,
    "predict_special_tokens": True,
    "resid_pdrop": 0.1,
}


@pytest.mark.parametrize(
    ("config", "own"),
    [
        (GPT2Config(), {"vocab_size": 50257, "n_ctx": 1024, "n_positions": 1024}),
        (
            OpenAIGPTConfig(),
            {"vocab_size": 40478, "n_ctx": 512, "n_positions": 512, "afn": "gelu"},
        ),
    ],
)
def test_the_defaults_are_those_of_the_published_models(config, own):
    assert config.to_dict() == SHARED | own
    assert config.to_json_string() == json.dumps(SHARED | own, indent=2, sort_keys=True) + "\n"


def test_special_tokens_add_to_the_embeddings():
    assert OpenAIGPTConfig(100, n_special=4).total_tokens_embeddings == 104


def test_positional_arguments_stand_as_in_2019():
    config = OpenAIGPTConfig(7, 1, 2, 3, 4, 5, 6, "swish", 0.5)
    assert (config.n_positions, config.n_head, config.afn, config.resid_pdrop) == (
        2,
        6,
        "swish",
        0.5,
    )
    assert GPT2Config(7, 1, 2, 3, 4, 5, 6, 0.5).resid_pdrop == 0.5


def test_a_file_round_trip_keeps_everything(config, tmp_path):
    config.extra = [1]
    config.to_json_file(tmp_path / "config.json")
    assert type(config)(tmp_path / "config.json").to_dict() == config.to_dict()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_head": 5}, "n_embd=16 cannot be shared by n_head=5"),
        ({"n_layer": 0}, "n_layer=0 must be an integer above 0"),
        ({"n_special": -2}, "n_special=-2 must be an integer from 0 up"),
        ({"n_special": 0.5}, "n_special=0.5 must be an integer from 0 up"),
        ({"attn_pdrop": 1.5}, r"attn_pdrop=1.5 must lie in \[0, 1\)"),
    ],
)
def test_nonsense_is_named_when_a_model_is_built(config, change, message):
    vars(config).update(change)
    model_class = GPT2Model if isinstance(config, GPT2Config) else OpenAIGPTModel
    with pytest.raises(ValueError, match=message):
        model_class(config)


def test_an_unknown_activation_is_named():
    config = OpenAIGPTConfig(9, n_embd=8, n_head=2, afn="gleu")
    with pytest.raises(ValueError, match="unknown activation 'gleu'; choose one of gelu, relu, sw"):
        OpenAIGPTModel(config)


@pytest.mark.parametrize("afn", ["relu", "swish", torch.tanh])
def test_activations_are_functions(afn):
    config = OpenAIGPTConfig(9, n_embd=8, n_head=2, n_layer=1, afn=afn)
    assert len(OpenAIGPTModel(config)(torch.tensor([[1, 2]]))) == 2


def test_later_keys_of_gpt2_files_count():
    values = {"vocab_size": 9, "n_embd": 8, "n_head": 2, "n_layer": 1}
    values |= {"n_inner": 12, "activation_function": "relu"}

    model = GPT2Model(GPT2Config.from_dict(values))

    assert model.h[0].mlp.c_fc.weight.shape == (8, 12)
    assert model.h[0].mlp.act is torch.nn.functional.relu


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("scale_attn_weights", False),
        ("scale_attn_by_inverse_layer_idx", True),
        ("add_cross_attention", True),
    ],
)
def test_variants_that_are_not_computed_are_refused(key, value):
    config = GPT2Config.from_dict({"vocab_size": 9, key: value})
    with pytest.raises(ValueError, match=f"{key}={value} is a variant that this model does not"):
        GPT2Model(config)
    vars(config)[key] = not value
    config.validate()


def test_an_inner_width_is_a_positive_number():
    config = GPT2Config.from_dict({"vocab_size": 9, "n_embd": 8, "n_head": 2, "n_inner": 0})
    with pytest.raises(ValueError, match="n_inner=0 must be an integer above 0"):
        GPT2Model(config)
