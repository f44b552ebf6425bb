"""The examples of the README run, on tiny models."""

import re
from pathlib import Path

import pytest

from ptbert import (
    BertForMaskedLM,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
)

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
SECTION = README.partition("\n## Tasks in one line\n")[2].partition("\n## ")[0]
SNIPPETS = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)
MODELS = {
    "my-classifier": BertForSequenceClassification,
    "my-tagger": BertForTokenClassification,
    "my-answerer": BertForQuestionAnswering,
    "my-bert": BertForMaskedLM,  # in place of a published model
}


@pytest.mark.parametrize("snippet", SNIPPETS, ids=range(len(SNIPPETS)))
def test_an_example_of_the_readme_runs(snippet, config, tokenizer, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    config.max_position_embeddings = 64
    for name, model_class in MODELS.items():
        model_class(config).save_pretrained(name)
        tokenizer.save_vocabulary(f"{name}/")
    found = {}

    exec(snippet.replace("bert-base-uncased", "my-bert"), found)

    printed = capsys.readouterr().out.splitlines()
    if "fill_mask" in found:
        assert len(printed) == 2
    elif "classifier" in found:
        assert len(found["labels"]) == len(found["every_label"]) == 2
    elif "answerer" in found:
        assert found["text"]
        assert len(found["best"]) == 3
    elif "tagger" in found:
        assert all(type(span.start) is int for span in found["spans"])
    else:
        assert found["vectors"].shape == (2, config.hidden_size)


def test_there_is_an_example_for_each_task():
    assert len(SNIPPETS) == 5
