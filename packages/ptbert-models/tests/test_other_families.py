"""Files of another family are refused, whatever says that they are: with what reads them."""

import itertools
import json

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from ptbert_models import BertConfig, BertModel, GPT2Config, GPT2Model
from ptbert_models.errors import CheckpointError, NothingLoaded, OtherFamily
from ptbert_models.families import FAMILIES

READERS = {"bert": "Bert", "gpt": "OpenAIGPT", "gpt2": "GPT2", "transfo_xl": "TransfoXL"}
PAIRS = list(itertools.permutations(FAMILIES, 2))


@pytest.fixture
def folder(small, tmp_path):
    """Make a folder of a family as today, or one that does not name it, as in 2019."""

    def make(family, *, named, config=None):
        config_class = FAMILIES[family].config_class
        model = FAMILIES[family].published(config_class.from_dict(small[config_class]))
        values = config or model.config.to_dict()
        values = {**values, "model_type": config_class.model_type} if named else values
        (tmp_path / "config.json").write_text(json.dumps(values))
        torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
        return tmp_path

    return make


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize(("written", "read"), PAIRS)
def test_a_folder_of_another_family_is_refused_with_what_reads_it(folder, written, read, named):
    path = folder(written, named=named)
    for kind in (FAMILIES[read].models[0], FAMILIES[read].published):
        with pytest.raises(OtherFamily, match=f"use {READERS[written]}Model, or another class"):
            kind.from_pretrained(path)


@pytest.mark.parametrize(("written", "read"), PAIRS)
def test_a_configuration_alone_is_refused_too(folder, written, read):
    path, config_class = folder(written, named=False), FAMILIES[read].config_class
    if {written, read} == {"gpt", "gpt2"}:  # told apart by their weights
        config_class.from_pretrained(path)
        return
    with pytest.raises(OtherFamily, match="is the configuration of another architecture"):
        config_class.from_pretrained(path)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_own_family_is_read(folder, family):
    for named in (True, False):
        FAMILIES[family].published.from_pretrained(folder(family, named=named))


def test_later_names_in_a_file_without_an_architecture_are_the_own_ones(folder):
    values = {"vocab_size": 9, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    assert GPT2Model.from_pretrained(folder("gpt2", named=False, config=values)).config.n_embd == 8


def test_weights_that_are_given_are_looked_at_too(folder):
    weights = BertModel.from_pretrained(folder("bert", named=True)).state_dict()
    config = GPT2Config(9, n_embd=8, n_layer=1, n_head=2)
    with pytest.raises(OtherFamily, match=r"they have 'embeddings.word_embeddings.weight' and no"):
        GPT2Model.from_pretrained("", state_dict=weights, config=config)


def test_weights_of_two_families_are_those_of_a_program(small):
    model = GPT2Model(GPT2Config.from_dict(small[GPT2Config]))
    both = {"encoder.embeddings.word_embeddings.weight": torch.zeros(9, 8), **model.state_dict()}
    assert model.plan_loading(both).report.missing == ()


def test_the_error_is_what_callers_catch_already():
    assert issubclass(OtherFamily, (NothingLoaded, CheckpointError))
    assert issubclass(OtherFamily, ValueError)


def test_where_tensors_have_no_numbers_weights_are_not_read(folder):
    path = folder("bert", named=True)
    with FakeTensorMode():
        with pytest.raises(RuntimeError, match="build the model of its configuration there, as in"):
            BertModel.from_pretrained(path)
        assert BertModel(BertConfig.from_pretrained(path)).config.vocab_size == 9
