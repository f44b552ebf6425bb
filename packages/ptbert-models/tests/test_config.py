import copy
import json
import math
import pickle

import pytest
import torch

from ptbert_models import BertConfig, BertModel, GPT2Config, OpenAIGPTConfig, TransfoXLConfig


def test_json_text_is_that_of_2019():
    config = BertConfig(7, hidden_size=8, num_attention_heads=2)

    text = config.to_json_string()

    assert text == json.dumps(json.loads(text), indent=2, sort_keys=True) + "\n"
    assert json.loads(text) == {
        "attention_probs_dropout_prob": 0.1,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "hidden_size": 8,
        "initializer_range": 0.02,
        "intermediate_size": 3072,
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": 512,
        "num_attention_heads": 2,
        "num_hidden_layers": 12,
        "type_vocab_size": 2,
        "vocab_size": 7,
    }
    assert repr(config) == text


def test_unknown_keys_survive_a_round_trip(tmp_path):
    path = tmp_path / "config.json"
    path.write_text('{"vocab_size": 7, "architectures": ["BertModel"], "hidden_size": 8}')

    BertConfig.from_json_file(path).to_json_file(tmp_path / "again.json")
    again = BertConfig(tmp_path / "again.json")

    assert again.architectures == ["BertModel"]
    assert (again.vocab_size, again.hidden_size) == (7, 8)


def test_missing_fields_get_their_defaults(tmp_path):
    path = tmp_path / "bert_config.json"  # Google's files know nothing of layer_norm_eps
    path.write_text('{"vocab_size": 7}')

    assert BertConfig(str(path)).layer_norm_eps == 1e-12


def test_the_dictionary_given_is_left_alone():
    values = {"vocab_size": 7, "extra": [1]}

    config = BertConfig.from_dict(values)
    config.extra.append(2)
    config.to_dict()["extra"].append(3)

    assert values == {"vocab_size": 7, "extra": [1]}
    assert config.extra == [1, 2]


def test_copies_and_pickles_are_equal():
    config = BertConfig(7, hidden_size=8)

    for again in (copy.deepcopy(config), pickle.loads(pickle.dumps(config))):
        assert again.to_dict() == config.to_dict()


@pytest.mark.parametrize("content", [b"not json", b'{"a": 1', b"\xff\xfe"])
def test_a_file_that_is_not_json_is_named(tmp_path, content):
    path = tmp_path / "config.json"
    path.write_bytes(content)

    with pytest.raises(ValueError, match=r"config\.json' is not a JSON configuration .*; give"):
        BertConfig.from_json_file(path)


def test_a_byte_order_mark_is_no_part_of_json(tmp_path):
    path = tmp_path / "config.json"
    path.write_bytes(b'\xef\xbb\xbf{"vocab_size": 7}')

    assert BertConfig.from_json_file(path).vocab_size == 7


def test_json_that_is_no_object_is_named(tmp_path):
    path = tmp_path / "config.json"
    path.write_text("[1]")

    with pytest.raises(ValueError, match="holds a JSON list; a configuration is an object"):
        BertConfig(path)


@pytest.mark.parametrize("first", [None, 1.5, True, [3]])
def test_the_first_argument_is_a_size_or_a_path(first):
    with pytest.raises(ValueError, match=r"first argument of BertConfig is a vocabulary size"):
        BertConfig(first)


def test_nothing_is_checked_before_a_model_is_built():
    assert BertConfig(0, hidden_size=-5, hidden_act="none").hidden_size == -5


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"vocab_size": 0}, "vocab_size=0 must be an integer above 0"),
        ({"num_hidden_layers": -2}, "num_hidden_layers=-2 must be an integer above 0"),
        ({"hidden_size": 8.0}, "hidden_size=8.0 must be an integer above 0"),
        ({"hidden_dropout_prob": 1.5}, r"hidden_dropout_prob=1.5 must lie in \[0, 1\)"),
        ({"hidden_dropout_prob": -0.1}, r"hidden_dropout_prob=-0.1 must lie in \[0, 1\)"),
        ({"hidden_dropout_prob": 1}, r"hidden_dropout_prob=1 must lie in \[0, 1\)"),
        ({"hidden_dropout_prob": "0"}, r"hidden_dropout_prob='0' must lie in \[0, 1\)"),
        ({"hidden_size": 9}, "hidden_size=9 cannot be shared by num_attention_heads=2"),
        (
            {"hidden_act": "gellu"},
            "unknown activation 'gellu'; choose one of gelu, gelu_tanh, relu",
        ),
    ],
)
def test_nonsense_is_refused_when_a_model_is_built(values, message):
    config = BertConfig.from_dict(
        {"vocab_size": 7, "hidden_size": 8, "num_attention_heads": 2, "num_hidden_layers": 1}
        | values
    )
    with pytest.raises(ValueError, match=message):
        BertModel(config)


CLASSES = [BertConfig, GPT2Config, OpenAIGPTConfig, TransfoXLConfig]
ODD = [None, True, "8", [], [8], {}, -1, 1.5, 1e308, math.nan, math.inf, 2**31, 10**400]


@pytest.mark.parametrize("config_class", CLASSES)
def test_values_of_a_wrong_type_are_refused_by_name(config_class, small):
    """Every key with a rule against every odd value: a message names the key, or it is good."""
    refused = 0
    for key, rule in config_class.rules.items():
        for value in ODD:
            config = config_class.from_dict(small[config_class] | {key: value})
            problem = rule(value)
            if problem is not None:
                refused += 1
                with pytest.raises(ValueError, match=rf"{config_class.__name__}: {key}="):
                    config.validate()
    assert refused > 8 * len(config_class.rules)


@pytest.mark.parametrize("act", [None, 8, [], {"a": 1}, "x"])
@pytest.mark.parametrize(
    ("config_class", "key"),
    [(BertConfig, "hidden_act"), (OpenAIGPTConfig, "afn"), (GPT2Config, "activation_function")],
)
def test_an_activation_of_a_wrong_type_is_named(config_class, key, act, small):
    config = config_class.from_dict(small[config_class] | {key: act})
    with pytest.raises(ValueError, match=rf"^{key}: unknown activation .*, or give a function"):
        config.validate()


@pytest.mark.parametrize("kind", [3.0, True, "0", None, []])
def test_a_kind_of_attention_is_a_number(kind, small):
    config = TransfoXLConfig.from_dict(small[TransfoXLConfig] | {"attn_type": kind})
    with pytest.raises(ValueError, match=r"attn_type=.* must be 0, 1, 2 or 3"):
        config.validate()


@pytest.mark.parametrize("name", ["num_hidden_layers", "n_layer"])
def test_a_model_of_endless_layers_is_refused(name):
    config = BertConfig if name == "num_hidden_layers" else GPT2Config
    with pytest.raises(ValueError, match=f"{name}=1000000 is larger than 10000, the largest poss"):
        config(9, **{name: 1_000_000}).validate()


def test_sizes_beyond_all_models_are_refused(small):
    config = BertConfig.from_dict(small[BertConfig] | {"vocab_size": 2**24 + 1})
    with pytest.raises(ValueError, match="vocab_size=16777217 is larger than 16777216, the larg"):
        config.validate()


def test_long_values_are_cut_in_messages(small):
    config = BertConfig.from_dict(small[BertConfig] | {"vocab_size": "x" * 10_000})
    with pytest.raises(ValueError, match="x… must be an integer") as caught:
        config.validate()
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("config_class", "key"),
    [
        *(
            (config_class, key)
            for config_class in CLASSES
            for key in ("validate", "to_dict", "rules")
        ),
        (BertConfig, "activation"),
        (GPT2Config, "head_size"),
        (OpenAIGPTConfig, "total_tokens_embeddings"),
        (TransfoXLConfig, "longest"),
    ],
)
def test_a_key_cannot_take_the_place_of_a_method(config_class, key):
    with pytest.raises(ValueError, match=f"{key!r} cannot be a key, because it is the name of a"):
        config_class.from_dict({key: "gelu"})


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000 + "1" + "}" * 100_000])
def test_deep_json_is_an_error_that_names_the_file(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ValueError, match=r"config\.json' is not a JSON configuration .*recursion"):
        BertConfig(tmp_path / "config.json")


def test_a_key_with_two_values_is_named(tmp_path):
    (tmp_path / "config.json").write_text('{"vocab_size": 9, "a": NaN, "vocab_size": 10}')
    with pytest.raises(ValueError, match="the key 'vocab_size' has two values: 9 and 10"):
        BertConfig(tmp_path / "config.json")


@pytest.mark.parametrize("config_class", [GPT2Config, OpenAIGPTConfig, TransfoXLConfig])
def test_names_of_later_libraries_are_the_same_sizes(config_class):
    own = "d_model" if config_class is TransfoXLConfig else "n_embd"

    config = config_class.from_dict({"hidden_size": 24, "num_hidden_layers": 3})

    assert (getattr(config, own), config.n_layer) == (24, 3)
    assert "hidden_size" not in config.to_dict()
    with pytest.raises(ValueError, match=f"hidden_size=24 contradicts {own}=16, which is the same"):
        config_class.from_dict({"hidden_size": 24, own: 16})


def test_a_value_that_json_lacks_is_named():
    config = BertConfig(9, hidden_act=torch.tanh)
    with pytest.raises(
        ValueError, match=r"hidden_act=<.*tanh.*> cannot be written as JSON .*; giv"
    ):
        config.to_json_string()
    assert "tanh" in repr(config)


def test_a_padding_token_is_in_the_vocabulary(small):
    config = BertConfig.from_dict(small[BertConfig] | {"pad_token_id": 9})
    with pytest.raises(ValueError, match="pad_token_id=9 must be below vocab_size=9"):
        config.validate()


def test_a_function_may_be_the_activation(tiny_config):
    tiny_config.hidden_act = abs
    assert BertModel(tiny_config).encoder.layer[0].intermediate.intermediate_act_fn is abs


def test_a_dictionary_without_a_vocabulary_means_minus_one():
    """As in 2019; no model can be built from it."""
    assert BertConfig.from_dict({}).vocab_size == -1
    assert GPT2Config.from_dict({}).vocab_size == -1


@pytest.mark.parametrize("config_class", [BertConfig, GPT2Config, OpenAIGPTConfig, TransfoXLConfig])
def test_configurations_are_ordinary_objects(config_class):
    """As in 2019: each is equal to itself only, may be a key, and shows its JSON text."""
    one, other = config_class(7), config_class(7)
    assert one != other
    assert len({one, other}) == 2
    assert repr(one) == one.to_json_string()
