"""Messages of ptbert on the page of troubleshooting are those that it gives."""

import re
from pathlib import Path

import pytest

from ptbert import BertForSequenceClassification, BertModel, BertTokenizer, GPT2Model

PAGE = Path(__file__).parents[1] / "errors.md"


@pytest.fixture
def own_messages():
    """Patterns of the messages in the page's second part; ``...`` stands for anything."""
    terms = re.findall(r"^(`.*)\n: ", PAGE.read_text().split("## Messages of ptbert")[1], re.M)
    parts = [part for term in terms for part in re.findall(r"`([^`]+)`", term)]
    return [".*".join(map(re.escape, part.split("..."))) for part in parts if " " in part]


def found(own_messages, text):
    return any(re.search(each, text, re.DOTALL) for each in own_messages)


@pytest.mark.parametrize(
    ("load", "name"),
    [
        (BertModel, "bert-base-uncasd"),
        (BertTokenizer, "bert-base-uncasd"),
        (BertModel, "empty"),
        (BertTokenizer, "empty"),
        (BertModel, "ptbert-tiny-gpt2"),
        (GPT2Model, "bert"),
        (BertModel, "bert-base-uncased"),
    ],
)
def test_an_error_of_loading_is_on_the_page(load, name, tmp_path, monkeypatch, own_messages):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("PYTORCH_PRETRAINED_BERT_CACHE", str(tmp_path / "cache"))
    (tmp_path / "empty").mkdir()
    BertModel.from_pretrained("ptbert-tiny-bert").save_pretrained("bert")
    with pytest.raises((OSError, ValueError)) as caught:
        load.from_pretrained(name)
    assert found(own_messages, str(caught.value))


def test_the_warning_of_new_weights_is_on_the_page(tmp_path, caplog, own_messages):
    BertModel.from_pretrained("ptbert-tiny-bert").save_pretrained(tmp_path)
    BertForSequenceClassification.from_pretrained(tmp_path)
    assert found(own_messages, caplog.text)
