import copy
import json
import pickle

import pytest

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
