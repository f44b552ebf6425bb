"""Messages on the page of troubleshooting are those that ptbert, Python and PyTorch give."""

import re
from pathlib import Path

import pytest
import torch

from ptbert import (
    BertForMaskedLM,
    BertForSequenceClassification,
    BertModel,
    BertTokenizer,
    GPT2LMHeadModel,
    GPT2Model,
)

PAGE = Path(__file__).parents[1] / "errors.md"


def messages_below(heading):
    """Patterns of the messages in a part of the page; ``...`` stands for anything."""
    part = re.split(r"^## ", PAGE.read_text().split(heading)[1], flags=re.M)[0]
    terms = re.findall(r"^(`.*)\n: ", part, re.M)
    quoted = [each for term in terms for _, each in re.findall(r"(`+)(.+?)\1(?!`)", term)]
    messages = [re.sub(r"^[\w.]*Error: ", "", each) for each in quoted if " " in each]
    return [".*".join(map(re.escape, each.split("..."))) for each in messages]


@pytest.fixture
def own_messages():
    return messages_below("## Messages of ptbert")


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


@pytest.mark.parametrize("ids", [[2, 5, 3], [[5] * 129]], ids=["one text", "a long text"])
def test_an_error_of_a_text_is_on_the_page(ids, own_messages):
    with pytest.raises(ValueError, match=r"input_ids|tokens") as caught:
        BertModel.from_pretrained("ptbert-tiny-bert")(torch.tensor(ids))
    assert found(own_messages, str(caught.value))


def test_an_error_of_labels_is_on_the_page(own_messages):
    model = BertForSequenceClassification.from_pretrained("ptbert-tiny-bert")
    with pytest.raises(ValueError, match="labels") as caught:
        model(torch.tensor([[2, 5, 3]]), labels=torch.tensor([2]))
    assert found(own_messages, str(caught.value))


# Lines that are right in transformers; here they fail.
HABITS = [
    "tokenizer('He rose.')",
    "tokenizer.encode('He rose.', return_tensors='pt')",
    "tokenizer.encode_plus('He rose.')",
    "tokenizer.save_pretrained('folder')",
    "bert(ids).last_hidden_state",
    "classifier(ids).logits",
    "bert(ids, return_dict=True)",
    "bert(ids, output_attentions=True)",
    "masked(ids, labels=ids)",
    "gpt2(ids, labels=ids)",
    "gpt2.generate(ids)",
    "from ptbert import AutoModel",
]


@pytest.mark.parametrize("line", HABITS)
def test_an_error_of_those_who_know_transformers_is_on_the_page(line):
    names = {
        "tokenizer": BertTokenizer.from_pretrained("ptbert-tiny-bert"),
        "ids": torch.tensor([[2, 5, 3]]),
        "bert": BertModel.from_pretrained("ptbert-tiny-bert"),
        "masked": BertForMaskedLM.from_pretrained("ptbert-tiny-bert"),
        "classifier": BertForSequenceClassification.from_pretrained("ptbert-tiny-bert"),
        "gpt2": GPT2LMHeadModel.from_pretrained("ptbert-tiny-gpt2"),
    }
    with pytest.raises((TypeError, AttributeError, ImportError)) as caught:
        exec(line, names)
    assert found(messages_below("## Messages that users of transformers meet"), str(caught.value))


# Lines of programs of 2019 that fail on the Python and PyTorch of today.
OLD_LINES = [
    "import time; time.clock()",
    "from collections import Mapping",
    "import torch._six",
    "compile('x.cuda(async=True)', 'program.py', 'exec')",
    "compile('print 1', 'program.py', 'exec')",
    "torch.arange(4)[torch.tensor([3]) / 2]",
    "torch.tensor([4]).div_(2)",
    "torch.tensor(1.0)[0]",
    "1 - torch.tensor([True])",
    "import numpy; numpy.int",
]


@pytest.mark.parametrize("line", OLD_LINES)
def test_an_error_of_an_old_line_is_on_the_page(line):
    with pytest.raises(
        (SyntaxError, LookupError, RuntimeError, AttributeError, ImportError)
    ) as caught:
        exec(line, {"torch": torch})
    assert found(messages_below("## Messages of 2019, and what became of them"), str(caught.value))
