"""Configurations under the names of later libraries, and what they do with both."""

import copy
import inspect
import json
import pickle

import pytest

from ptbert_hub import UnknownName
from ptbert_models import BertConfig, GPT2Config, OpenAIGPTConfig, TransfoXLConfig
from ptbert_models.errors import CheckpointNotFound

CLASSES = [BertConfig, OpenAIGPTConfig, GPT2Config, TransfoXLConfig]
COMMON = {"vocab_size": 11, "hidden_size": 8, "num_hidden_layers": 3, "num_attention_heads": 2}
OWN = {
    BertConfig: ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads"),
    OpenAIGPTConfig: ("vocab_size", "n_embd", "n_layer", "n_head"),
    GPT2Config: ("vocab_size", "n_embd", "n_layer", "n_head"),
    TransfoXLConfig: ("n_token", "d_model", "n_layer", "n_head"),
}
every_class = pytest.mark.parametrize("config_class", CLASSES, ids=lambda each: each.__name__)


@every_class
def test_the_names_of_later_libraries_are_arguments_and_attributes(config_class):
    config = config_class(**COMMON)

    for name, own in zip(COMMON, OWN[config_class], strict=True):
        assert vars(config)[own] == COMMON[name]
        if name != "vocab_size":
            assert getattr(config, name) == COMMON[name]
    assert set(vars(config)) == set(vars(config_class(11)))
    own = dict(zip(OWN[config_class], COMMON.values(), strict=True))
    assert config.to_dict() == config_class.from_dict(own).to_dict()


@every_class
def test_the_own_names_are_as_good(config_class):
    own = dict(zip(OWN[config_class], COMMON.values(), strict=True))
    assert config_class(**own).to_dict() == config_class(**COMMON).to_dict()


@every_class
def test_setting_either_name_sets_the_value(config_class):
    config = config_class(11)
    config.hidden_size = 12
    assert getattr(config, OWN[config_class][1]) == 12
    assert vars(config).keys() == vars(config_class(11)).keys()


@every_class
def test_two_names_with_one_value_are_fine_and_with_two_are_refused(config_class):
    own = OWN[config_class][1]
    assert config_class(11, **{own: 8, "hidden_size": 8}).hidden_size == 8
    if own != "hidden_size":
        with pytest.raises(ValueError, match=f"hidden_size=9 contradicts {own}=8, which is the sa"):
            config_class(11, **{own: 8, "hidden_size": 9})
    with pytest.raises(ValueError, match="vocab_size=12 contradicts vocab_size_or_config_json_fil"):
        config_class(11, vocab_size=12)
    assert config_class(11, vocab_size=11).to_dict() == config_class(11).to_dict()


def test_arguments_by_position_count_too():
    assert TransfoXLConfig(11, [5], 8, hidden_size=8).d_model == 8
    with pytest.raises(ValueError, match="hidden_size=9 contradicts d_model=8"):
        TransfoXLConfig(11, [5], 8, hidden_size=9)


@every_class
def test_a_file_may_be_repeated_and_not_contradicted(config_class, tmp_path):
    path = tmp_path / "config.json"
    config_class(**COMMON).to_json_file(path)

    assert config_class(str(path), **COMMON).to_dict() == config_class(path).to_dict()
    for name in COMMON:
        with pytest.raises(ValueError, match=f"{name}=99 contradicts the file .* which has "):
            config_class(path, **{name: 99} if name != OWN[config_class][1] else {"vocab_size": 99})
        break


@every_class
def test_what_files_of_later_libraries_hold_is_kept(config_class):
    config = config_class(11, id2label={"0": "no", "1": "yes"}, eos_token_id=3, use_cache=True)
    assert config.id2label == {"0": "no", "1": "yes"}
    assert {"id2label", "eos_token_id", "use_cache"} <= config.to_dict().keys()


@every_class
def test_a_name_that_means_nothing_is_refused_with_the_nearest(config_class):
    with pytest.raises(
        TypeError, match="has no value 'num_hidden_layer'; did you mean 'num_hidden"
    ):
        config_class(11, num_hidden_layer=2)
    with pytest.raises(TypeError, match="has no value 'qqqqq'; see its documentation"):
        config_class(11, qqqqq=2)
    with pytest.raises(TypeError, match="output_attentions"):  # would change nothing here
        config_class(11, output_attentions=True)


@every_class
def test_the_signature_is_that_of_2019(config_class):
    names = list(inspect.signature(config_class).parameters)
    assert names[0] == "vocab_size_or_config_json_file"
    assert "vocab_size" not in names


@every_class
def test_without_arguments_the_sizes_are_those_of_the_published_model(config_class):
    sizes = {BertConfig: 30522, OpenAIGPTConfig: 40478, GPT2Config: 50257, TransfoXLConfig: 267735}
    assert getattr(config_class(), OWN[config_class][0]) == sizes[config_class]


@every_class
def test_copies_and_pickles_are_whole(config_class):
    config = config_class(**COMMON, eos_token_id=3)
    for other in (copy.copy(config), copy.deepcopy(config), pickle.loads(pickle.dumps(config))):
        assert other.to_dict() == config.to_dict()
        assert other.hidden_size == 8
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        config.nonsense  # noqa: B018


@every_class
def test_a_subclass_of_a_program_takes_them_too(config_class):
    class Own(config_class):
        def __init__(self, *args, own=3, **kwargs):
            super().__init__(*args, **kwargs)
            self.own = own

    config = Own(own=4, **COMMON)
    assert (config.own, config.hidden_size) == (4, 8)


# from_pretrained and save_pretrained


@every_class
def test_a_configuration_comes_from_a_folder_or_a_file(config_class, tmp_path):
    config_class(**COMMON).save_pretrained(tmp_path / "model")

    written = json.loads((tmp_path / "model/config.json").read_text())
    assert written["model_type"] == config_class.model_type
    for place in (tmp_path / "model", tmp_path / "model/config.json"):
        config = config_class.from_pretrained(place)
        assert config.to_dict() == written
        assert config.hidden_size == 8


@every_class
def test_values_may_be_changed_by_either_name(config_class, tmp_path):
    config_class(**COMMON).save_pretrained(tmp_path)
    for name in ("hidden_size", OWN[config_class][1]):
        config = config_class.from_pretrained(tmp_path, **{name: 16})
        assert (config.hidden_size, vars(config)[OWN[config_class][1]]) == (16, 16)
    with pytest.raises(TypeError, match="has no value 'hidden_sise'; did you mean 'hidden_size'"):
        config_class.from_pretrained(tmp_path, hidden_sise=3)


def test_another_number_of_labels_takes_their_names_away(tmp_path):
    labels = {"0": "a", "1": "b", "2": "c"}
    BertConfig(11, id2label=labels, label2id={"a": 0, "b": 1, "c": 2}).save_pretrained(tmp_path)

    assert BertConfig.from_pretrained(tmp_path, num_labels=3).id2label == labels
    config = BertConfig.from_pretrained(tmp_path, num_labels=2)
    assert (config.num_labels, config.id2label) == (2, None)
    config = BertConfig.from_pretrained(tmp_path, id2label={"0": "x"})
    assert config.saved_argument("num_labels") == 1


@pytest.mark.parametrize(
    ("model_type", "advice"),
    [
        ("gpt2", "use GPT2Model, or another class whose name begins with GPT2"),
        ("roberta", r"open it with the library transformers \(AutoModel.from_pretrained\)"),
    ],
)
def test_the_configuration_of_another_architecture_is_refused(tmp_path, model_type, advice):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": model_type}))
    with pytest.raises(ValueError, match=f"model_type='{model_type}' .* For such a file: {advice}"):
        BertConfig.from_pretrained(tmp_path)


def test_names_that_are_nothing_are_named():
    with pytest.raises(CheckpointNotFound, match="neither a known checkpoint nor an existing"):
        BertConfig.from_pretrained("bert-base-nonsense")
    with pytest.raises(ValueError, match="'gpt2' is a checkpoint of the gpt2 family, not of bert"):
        BertConfig.from_pretrained("gpt2")
    assert issubclass(UnknownName, OSError)
