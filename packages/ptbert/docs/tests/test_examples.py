"""The programs of plain PyTorch run, learn something, and are short."""

import re
import runpy
from pathlib import Path

import pytest
import torch
from given import MAKERS

from ptbert import (
    BertForMaskedLM,
    BertForMultipleChoice,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertTokenizer,
    GPT2LMHeadModel,
    GPT2Tokenizer,
)
from ptbert.training.settings import TASKS

EXAMPLES = Path(__file__).parents[1] / "examples"
BERT, GPT2 = "ptbert-tiny-bert", "ptbert-tiny-gpt2"
RUNS = {
    "classify": (BERT, "reviews", "train.csv", "dev.csv", BertForSequenceClassification),
    "tag": (BERT, "names", "train.conll", "dev.conll", BertForTokenClassification),
    "answer": (BERT, "questions", "train.json", "dev.json", BertForQuestionAnswering),
    "choose": (BERT, "endings", "train-endings.csv", "dev-endings.csv", BertForMultipleChoice),
    "masked_lm": (BERT, "texts", "text.txt", "held-out.txt", BertForMaskedLM),
    "language_model": (GPT2, "texts", "text.txt", "held-out.txt", GPT2LMHeadModel),
}


def test_each_task_has_a_page_and_a_program():
    assert [name.replace("_", "-") for name in RUNS] == list(TASKS)
    assert all((EXAMPLES / f"{name}.py").is_file() for name in RUNS)
    pages = [EXAMPLES.parent / "tasks" / f"{task}.md" for task in TASKS]
    missing = [
        page
        for page in pages
        if f"../examples/{page.stem.replace('-', '_')}.py" not in page.read_text()
    ]
    assert missing == []


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """A function that runs an example in an empty folder, and returns the last number of lines."""
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)

    def run_example(name, epochs):
        model, made, train, other, _ = RUNS[name]
        MAKERS[made](tmp_path)
        program = runpy.run_path(str(EXAMPLES / f"{name}.py"))
        program["main"](model, train, other, "output", epochs)
        lines = capsys.readouterr().out.splitlines()
        return [float(re.findall(r"[\d.]+", line)[-1]) for line in lines]

    return run_example


@pytest.mark.parametrize(("name", "least"), [("classify", 0.9), ("tag", 0.95), ("answer", 0.9)])
def test_a_task_is_learned(name, least, run):
    assert run(name, 6)[-1] >= least
    assert_opens(name)


@pytest.mark.parametrize("name", ["masked_lm", "language_model"])
def test_a_text_is_predicted_better_afterwards(name, run):
    before, *_, after = run(name, 3)
    assert after < before
    assert_opens(name)


def test_endings_are_scored(run):
    """A model of this size does not learn to choose from so few examples."""
    assert 0.0 <= run("choose", 1)[-1] <= 1.0
    assert_opens("choose")


def assert_opens(name):
    kind = RUNS[name][-1]
    assert isinstance(kind.from_pretrained("output"), kind)
    tokenizer = GPT2Tokenizer if RUNS[name][0] == GPT2 else BertTokenizer
    assert tokenizer.from_pretrained("output").encode("and")


def test_there_is_an_example_for_each_task():
    assert {path.stem for path in EXAMPLES.glob("*.py")} == RUNS.keys()


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_an_example_is_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 150
