"""The arguments of ``from_pretrained`` that today's programs give."""

import copy
import json
import logging

import pytest
import torch

from ptbert_models import (
    BertConfig,
    BertForSequenceClassification,
    BertModel,
    GPT2Config,
    GPT2LMHeadModel,
    OpenAIGPTLMHeadModel,
    TransfoXLLMHeadModel,
)
from ptbert_models.families import FAMILIES
from ptbert_models.placing import Placement

BARE = [family.models[0] for family in FAMILIES.values()]
HEADS = [
    BertForSequenceClassification,
    OpenAIGPTLMHeadModel,
    GPT2LMHeadModel,
    TransfoXLLMHeadModel,
]


@pytest.fixture
def saved(small, tmp_path):
    """A function that saves a small model of a class and returns it and its folder."""

    def save(model_class, **values):
        config_class = model_class.config_class
        torch.manual_seed(0)
        model = model_class(config_class.from_dict({**small[config_class], **values}))
        model.save_pretrained(tmp_path / model_class.__name__)
        return model, tmp_path / model_class.__name__

    return save


def same(one, other, dtype=None):
    ours, theirs = one.state_dict(), other.state_dict()
    assert ours.keys() == theirs.keys()
    return all(
        torch.equal(
            ours[key].to(dtype) if ours[key].is_floating_point() else ours[key], theirs[key]
        )
        for key in ours
    )


@pytest.mark.parametrize("model_class", [*BARE, *HEADS], ids=lambda each: each.__name__)
@pytest.mark.parametrize("dtype", [torch.float16, "bfloat16", "torch.float64"])
def test_parameters_have_the_wanted_type(saved, model_class, dtype):
    model, folder = saved(model_class)
    wanted = getattr(torch, str(dtype).removeprefix("torch."))

    for name in ("dtype", "torch_dtype"):
        loaded = model_class.from_pretrained(folder, **{name: dtype})
        assert {each.dtype for each in loaded.parameters()} == {wanted}
        assert same(model, loaded, wanted)


def test_auto_is_what_the_configuration_says_or_else_the_weights(saved):
    _, folder = saved(BertModel)
    BertModel.from_pretrained(folder, dtype="float16").save_pretrained(folder)
    kind = {each.dtype for each in BertModel.from_pretrained(folder, dtype="auto").parameters()}
    assert kind == {torch.float16}
    assert BertModel.from_pretrained(folder).pooler.dense.weight.dtype == torch.float32

    values = json.loads((folder / "config.json").read_text())
    for key in ("dtype", "torch_dtype"):
        (folder / "config.json").write_text(json.dumps({**values, key: "bfloat16"}))
        model = BertModel.from_pretrained(folder, dtype="auto")
        assert model.pooler.dense.weight.dtype == torch.bfloat16


@pytest.mark.parametrize("key", ["dtype", "torch_dtype"])
def test_a_saved_configuration_says_the_type_of_the_saved_weights(saved, key):
    _, folder = saved(BertModel)
    values = json.loads((folder / "config.json").read_text())
    assert key not in values
    (folder / "config.json").write_text(json.dumps({**values, key: "float16"}))

    BertModel.from_pretrained(folder).save_pretrained(folder)

    assert json.loads((folder / "config.json").read_text())[key] == "float32"


def test_given_weights_are_copied_to_the_wanted_type(saved):
    model, folder = saved(BertModel)
    state = model.state_dict()

    loaded = BertModel.from_pretrained(folder, state_dict=state, dtype=torch.float64, device="cpu")
    loaded.pooler.dense.weight.data.zero_()

    assert loaded.pooler.dense.weight.dtype == torch.float64
    assert same(model, BertModel.from_pretrained(folder))


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("devise", "did you mean 'device'"),
        ("num_label", "did you mean 'num_labels'"),
        ("quantized", "leave it out"),
    ],
)
def test_an_argument_that_there_is_not_is_named_with_the_nearest(name, advice):
    message = f"BertForSequenceClassification.from_pretrained.. got an .*'{name}'; {advice}"
    with pytest.raises(TypeError, match=message):
        BertForSequenceClassification.from_pretrained("no/where", **{name: 1})


def test_new_weights_have_the_wanted_type_too(saved, caplog):
    _, folder = saved(BertModel)
    model = BertForSequenceClassification.from_pretrained(folder, dtype="float16", num_labels=3)
    assert {each.dtype for each in model.parameters()} == {torch.float16}
    assert "newly initialised" in caplog.text


def test_what_is_no_type_or_no_device_is_refused_before_anything_is_read():
    for wrong in ("float17", torch.int64, 3, "", "int8"):
        with pytest.raises(TypeError, match="is no type that weights can have; give one of "):
            BertModel.from_pretrained("bert-base-uncased", dtype=wrong)
    with pytest.raises(ValueError, match="dtype='float16' contradicts torch_dtype='float32', whic"):
        BertModel.from_pretrained("bert-base-uncased", dtype="float16", torch_dtype="float32")
    with pytest.raises(ValueError, match="is no device; give one such as"):
        BertModel.from_pretrained("bert-base-uncased", device="nonsense")
    with pytest.raises(ValueError, match="has no memory for weights"):
        BertModel.from_pretrained("bert-base-uncased", device="meta")
    assert Placement("float16", torch.float16).kind(None, {}) == torch.float16


# The configuration


def test_a_given_configuration_counts_and_is_copied(saved, tmp_path):
    model, folder = saved(BertModel)
    config = copy.deepcopy(model.config)
    config.hidden_dropout_prob = 0.25
    (folder / "config.json").unlink()

    loaded = BertModel.from_pretrained(folder, config=config)

    assert same(model, loaded)
    assert loaded.config.hidden_dropout_prob == 0.25
    assert loaded.config is not config
    config.save_pretrained(tmp_path / "other")
    for place in (tmp_path / "other", str(tmp_path / "other/config.json")):
        assert BertModel.from_pretrained(folder, config=place).config.hidden_dropout_prob == 0.25


def test_weights_and_configuration_may_both_be_given(saved):
    model, _ = saved(BertModel)
    loaded = BertModel.from_pretrained(
        "nothing", config=model.config, state_dict=model.state_dict()
    )
    assert same(model, loaded)


def test_the_configuration_of_another_family_is_refused(saved):
    _, folder = saved(BertModel)
    with pytest.raises(TypeError, match="BertModel is built from a BertConfig, not from"):
        BertModel.from_pretrained(folder, config=GPT2Config(11))


def test_another_architecture_is_refused_before_its_weights_are_looked_for(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "llama", "hidden_size": 8}')
    with pytest.raises(ValueError, match=r"model_type='llama' .* open it with the library transf"):
        BertModel.from_pretrained(tmp_path)


def test_another_number_of_labels_takes_their_names_away(saved):
    labels = {"id2label": {"0": "a", "1": "b"}, "label2id": {"a": 0, "b": 1}}
    _, folder = saved(BertForSequenceClassification, num_labels=2, **labels)

    same_number = BertForSequenceClassification.from_pretrained(folder)
    other = BertForSequenceClassification.from_pretrained(
        folder, num_labels=3, ignore_mismatched_sizes=True
    )

    assert same_number.config.id2label == labels["id2label"]
    assert (other.config.num_labels, vars(other.config).get("id2label")) == (3, None)


# Weights of other shapes


def test_weights_of_other_shapes_can_be_left_out(saved, caplog):
    model, folder = saved(BertForSequenceClassification, num_labels=3)

    with caplog.at_level(logging.WARNING):
        loaded = BertForSequenceClassification.from_pretrained(
            folder, num_labels=5, ignore_mismatched_sizes=True
        )

    assert loaded.classifier.weight.shape[0] == 5
    assert torch.equal(loaded.bert.pooler.dense.weight, model.bert.pooler.dense.weight)
    assert "classifier.weight" in caplog.text


# Classes of programs


def test_a_class_with_an_argument_of_such_a_name_gets_it(saved):
    _, folder = saved(BertModel)

    class Own(BertModel):
        def __init__(self, config, device="nowhere", token=0, revision=None):
            super().__init__(config)
            self.given = (device, token, revision)

    loaded = Own.from_pretrained(folder, device="here", token=3, revision="second")
    assert loaded.given == ("here", 3, "second")
    assert Own.from_pretrained(folder).given == ("nowhere", 0, None)


def test_options_are_checked_before_anything_is_read():
    with pytest.raises(ValueError, match="revision='a b' is not the name of a branch"):
        BertModel.from_pretrained("bert-base-uncased", revision="a b")
    with pytest.raises(ValueError, match="force_download=True needs the network"):
        BertModel.from_pretrained("x/y", force_download=True, local_files_only=True)


def test_a_local_folder_has_no_revisions_and_ignores_them(saved):
    model, folder = saved(BertModel)
    assert same(model, BertModel.from_pretrained(folder, revision="main", local_files_only=True))
    assert BertConfig.from_pretrained(folder, revision="main").vocab_size == model.config.vocab_size
