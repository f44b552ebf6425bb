"""Models that come with the package."""

import os
import socket
from pathlib import Path

import pytest
import torch

from ptbert_hub import EMBEDDED, embedded_folder
from ptbert_models import (
    BertConfig,
    BertForMaskedLM,
    BertForPreTraining,
    BertForSequenceClassification,
    BertModel,
    GPT2LMHeadModel,
    GPT2Model,
)
from ptbert_models.convert import convert_checkpoint
from ptbert_models.inspection import open_any_checkpoint

BERT, GPT2 = "ptbert-tiny-bert", "ptbert-tiny-gpt2"
CLASSES = {BERT: BertForPreTraining, GPT2: GPT2LMHeadModel}


@pytest.fixture(autouse=True)
def _no_network(monkeypatch, tmp_path):
    def refuse(*_, **__):
        raise AssertionError("the network was used")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setenv("PYTORCH_PRETRAINED_BERT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(__import__("sys").modules, "safetensors", None)  # nobody needs it
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", EMBEDDED)
def test_each_loads_completely_as_float32_and_writes_nothing(name, tmp_path, caplog):
    model = CLASSES[name].from_pretrained(name)
    assert {each.dtype for each in model.parameters()} == {torch.float32}
    assert all(each.isfinite().all() for each in model.parameters())
    assert caplog.records == []  # no weight is missing, and none is left over
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", EMBEDDED)
def test_the_files_are_small_and_16_bits_wide_with_a_card(name):
    folder = embedded_folder(name, "model")
    assert sorted(os.listdir(folder)) == ["README.md", "config.json", "model.safetensors"]
    assert sum(path.stat().st_size for path in folder.iterdir()) < 3_800_000
    weights = open_any_checkpoint(name).weights.values()
    assert {each.dtype for each in weights} == {torch.float16}
    card = (folder / "README.md").read_text(encoding="utf-8")
    for part in (name, "public domain", "ptbert train", "unigram", "## What it is not for"):
        assert part in card


@pytest.mark.parametrize("model_class", [BertModel, BertForMaskedLM])
def test_other_classes_of_the_family_take_their_part(model_class):
    whole = BertForPreTraining.from_pretrained(BERT).state_dict()
    model = model_class.from_pretrained(BERT)
    prefix = "" if model_class is BertForMaskedLM else "bert."
    for name, weight in model.state_dict().items():
        assert torch.equal(weight, whole[prefix + name])


def test_a_new_head_is_told_of(caplog):
    model = BertForSequenceClassification.from_pretrained(BERT, num_labels=3)
    assert model.classifier.out_features == 3
    assert "classifier.weight" in caplog.text


def test_every_option_of_loading_works():
    assert GPT2Model.from_pretrained(GPT2, dtype="auto").wte.weight.dtype == torch.float16
    given = BertConfig.from_pretrained(BERT)
    given.hidden_dropout_prob = 0.25
    model = BertModel.from_pretrained(BERT, config=given)
    assert model.embeddings.dropout.p == 0.25
    mapped = GPT2Model.from_pretrained(GPT2, memory_map=True)
    assert torch.equal(mapped.wte.weight, GPT2Model.from_pretrained(GPT2).wte.weight)
    state = {name: torch.zeros_like(each) for name, each in mapped.state_dict().items()}
    assert GPT2Model.from_pretrained(GPT2, state_dict=state).wte.weight.sum() == 0
    BertModel.from_pretrained(BERT, "cache", local_files_only=True, revision="main", token=False)
    assert not Path("cache").exists()


def test_what_it_cannot_be_is_refused():
    with pytest.raises(OSError, match="comes with the installed packages and has no revision 'v1'"):
        BertModel.from_pretrained(BERT, revision="v1")
    with pytest.raises(ValueError, match="'ptbert-tiny-gpt2' is a checkpoint of the gpt2 family"):
        BertModel.from_pretrained(GPT2)
    with pytest.raises(ValueError, match=r"'ptbert-tiny-bert' is published .* leave out from_tf"):
        BertModel.from_pretrained(BERT, from_tf=True)


def test_a_folder_of_that_name_is_read_if_it_is_given_as_a_path():
    config = BertConfig(9, hidden_size=8, num_hidden_layers=1, num_attention_heads=2)
    Path(BERT).mkdir()
    BertModel(config).save_pretrained(BERT)
    assert BertModel.from_pretrained(BERT).config.vocab_size == 8000
    for name in (Path(BERT), f"./{BERT}"):
        assert BertModel.from_pretrained(name).config.vocab_size == 9


def test_it_can_be_converted_and_the_copy_has_the_same_weights(tmp_path):
    convert_checkpoint(GPT2, tmp_path / "copy")
    ours, copy = (GPT2LMHeadModel.from_pretrained(each) for each in (GPT2, tmp_path / "copy"))
    assert all(map(torch.equal, ours.parameters(), copy.parameters()))


def test_a_model_in_use_may_be_changed_and_the_next_one_is_as_before():
    first = BertModel.from_pretrained(BERT)
    before = first.embeddings.word_embeddings.weight.clone()
    with torch.no_grad():
        first.embeddings.word_embeddings.weight.zero_()
    assert torch.equal(BertModel.from_pretrained(BERT).embeddings.word_embeddings.weight, before)
