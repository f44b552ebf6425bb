"""Tasks, commands and trainings with the models that come with the packages."""

import os
import socket
from pathlib import Path

import pytest
import torch

from ptbert import BertForPreTraining, BertTokenizer, GPT2LMHeadModel, GPT2Tokenizer
from ptbert.__main__ import main
from ptbert.tasks.fill_mask import FillMask
from ptbert.tasks.writer import Writer
from ptbert.training import Settings, train

BERT, GPT2 = "ptbert-tiny-bert", "ptbert-tiny-gpt2"
MASKED = {
    "And the [MASK] said unto Moses.": "lord",
    "And it came to [MASK] in those days.": "pass",
    "I am the LORD [MASK] God.": "your thy thine",
    "The children [MASK] Israel.": "of",
}


@pytest.fixture(autouse=True)
def _no_network(monkeypatch, tmp_path):
    def refuse(*_, **__):
        raise AssertionError("the network was used")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setenv("PYTORCH_PRETRAINED_BERT_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def writer():
    return Writer.from_pretrained(GPT2)


def test_a_mask_is_filled_with_a_sensible_word():
    fill = FillMask.from_pretrained(BERT)
    found = {text: fill(text, top_k=3)[0] for text in MASKED}
    right = sum(
        bool({each.token for each in found[text]} & set(words.split()))
        for text, words in MASKED.items()
    )
    assert right >= 3, found


def test_of_two_verses_the_one_that_follows_is_the_more_probable_one():
    """As in the paper: 0 stands for a part that follows. Genesis and Emma begin."""
    model = BertForPreTraining.from_pretrained(BERT).eval()
    tokenizer = BertTokenizer.from_pretrained(BERT)
    first = "In the beginning God created the heaven and the earth."
    second = "And the earth was without form, and void; and darkness was upon the face of the deep."
    other = "Emma Woodhouse, handsome, clever, and rich, with a comfortable home and happy."
    scores = []
    for text in (second, other):
        batch = tokenizer.encode_batch([first], [text]).inputs(torch.from_numpy)
        with torch.no_grad():
            scores.append(model(**batch)[1].softmax(-1)[0, 0])
    assert scores[0] > scores[1]


def test_the_writer_goes_on_as_the_books_do_and_twice_the_same(writer):
    def written():
        generator = torch.Generator().manual_seed(0)
        return writer("And it came to pass", 40, temperature=0.8, generator=generator)

    text = written()
    assert text == written()
    assert text.startswith("And it came to pass")
    words = text.lower().split()
    assert len({"the", "and", "of", "unto", "to"} & set(words)) >= 3


def test_the_writer_finds_its_text_less_surprising_than_the_words_in_another_order(writer):
    model = GPT2LMHeadModel.from_pretrained(GPT2).eval()
    tokenizer = GPT2Tokenizer.from_pretrained(GPT2)
    text = "And God said, Let there be light: and there was light."
    mixed = " ".join(sorted(text.split()))
    losses = []
    for each in (text, mixed):
        ids = torch.tensor([tokenizer.encode(each)])
        with torch.no_grad():
            losses.append(model(ids, lm_labels=ids) * (ids.size(1) - 1))
    assert losses[0] < losses[1] - 10


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["fill-mask", BERT, "the [MASK] of god.", "--top", "1"], "  "),
        (["generate", GPT2, "And", "--length", "5", "--seed", "0"], "And"),
        (["info", BERT], "BertForPreTraining"),
        (["info", GPT2], "max_len = 256"),
        (["tokenize", BERT, "--text", "The earth"], "the earth"),
    ],
)
def test_every_command_takes_their_names(arguments, shown, capsys):
    assert main(arguments) == 0
    assert shown in capsys.readouterr().out


def test_a_converted_copy_has_all_files_and_gives_the_same(capsys):
    assert main(["convert", BERT, "copy"]) == 0
    capsys.readouterr()
    assert sorted(os.listdir("copy")) == [
        *("config.json", "pytorch_model.bin", "tokenizer_config.json", "vocab.txt")
    ]
    text = "the [MASK] of god."
    copied, ours = (FillMask.from_pretrained(name)(text) for name in (Path("copy"), BERT))
    assert copied == ours
    assert BertTokenizer.from_pretrained("copy").max_len == 128


@pytest.mark.parametrize("command", ["fill-mask", "generate", "info"])
def test_a_revision_is_refused(command, capsys):
    more = [] if command == "info" else ["a [MASK]"]
    assert main([command, BERT, *more, "--revision", "v1"]) == 1
    assert "comes with the installed packages and has no revision 'v1'" in capsys.readouterr().err


def test_they_can_be_trained_further():
    Path("data.csv").write_text("text,label\n" + "the king spake,1\nshe smiled,0\n" * 8)
    found = train(Settings(task="classify", model=BERT, data="data.csv", output="out", epochs=1))
    assert found["step"] == 1
    assert (Path("out") / "config.json").is_file()
