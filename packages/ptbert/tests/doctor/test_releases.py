"""The table of the names of each release, and what it says that ptbert has."""

import importlib
import json
from pathlib import Path

import pytest

import ptbert
from ptbert import BertConfig, BertForSequenceClassification, BertTokenizer
from ptbert.doctor import releases
from ptbert.doctor.habits import GONE, LATER
from ptbert.doctor.installation import is_in_range

DATA = Path(__file__).parents[1] / "data"
API = json.loads((DATA / "api-2019.json").read_text(encoding="utf-8"))
MODULES = ["" if module.startswith("(") else module for module in API]


@pytest.mark.parametrize(
    ("module", "names"), list(zip(MODULES, API.values(), strict=True)), ids=list(API)
)
def test_june_is_the_documented_interface(module, names):
    assert {each for each in names if "june" not in releases.releases_with(module, each)} == set()
    of_june = {e for e in releases.names_of(module) if "june" in releases.releases_with(module, e)}
    assert of_june <= set(names)


@pytest.mark.parametrize("module", MODULES)
def test_what_is_missing_is_not_in_ptbert(module):
    ours = importlib.import_module(f"ptbert.{module}") if module else ptbert
    for name in releases.names_of(module):
        assert releases.is_missing_today(module, name) == (not hasattr(ours, name)), name


# Checked tag by tag: which releases had the names that programs most often miss.
KNOWN = {
    ("modeling", "PreTrainedBertModel"): "0.4.0",
    ("modeling", "BertPreTrainedModel"): "0.5.0 to June 2019",
    ("optimization", "warmup_linear"): "0.4.0 to 0.6.1",
    ("optimization", "WarmupLinearSchedule"): "0.6.2 and June 2019",
    ("modeling", "WEIGHTS_NAME"): "0.4.0 to June 2019",
    ("file_utils", "WEIGHTS_NAME"): "0.6.2 and June 2019",
    ("", "WEIGHTS_NAME"): "0.6.2 and June 2019",
    ("", "GPT2Model"): "0.6.0 to June 2019",
    ("", "modeling_openai"): "0.5.0 to June 2019",
}


@pytest.mark.parametrize("name", KNOWN, ids=[".".join(each) for each in KNOWN])
def test_names_came_and_went(name):
    assert releases.in_words(releases.releases_with(*name)) == KNOWN[name]


def test_the_two_spellings_of_betas_are_of_two_states():
    takes = releases.arguments_of("optimization", "BertAdam", "__init__")
    assert {each for found, words in takes.items() if "b1" in words for each in found} == (
        releases.ALL - releases.JUNE
    )
    assert releases.JUNE in [found for found, words in takes.items() if "betas" in words]


def test_methods_of_a_base_class_count():
    assert frozenset().union(
        *releases.arguments_of("modeling", "BertForMaskedLM", "from_pretrained")
    ) == frozenset(releases.RELEASES)


def test_the_methods_that_are_gone_are_known():
    table = Path(releases.__file__).with_name("names_2019.json").read_text(encoding="utf-8")
    gone = {
        method
        for module, rows in json.loads(table)["modules"].items()
        for name, row in rows.items()
        if "brought" not in row and "lacks" not in row
        for method in row.get("takes", {})
        if method
        and not hasattr(getattr(importlib.import_module(f"ptbert.{module}"), name), method)
    }
    assert gone == GONE.keys()


def test_names_of_later_libraries_are_not_in_ptbert(tmp_path):
    (tmp_path / "vocab.txt").write_text("[UNK]\n")
    sizes = {"hidden_size": 2, "num_attention_heads": 1, "intermediate_size": 2}
    model = BertForSequenceClassification(BertConfig(3, num_hidden_layers=1, **sizes))
    tokenizer = BertTokenizer(tmp_path / "vocab.txt")
    assert [each for each in LATER["tokenizer"] if hasattr(tokenizer, each)] == []
    assert [each for each in LATER["model"] if hasattr(model, each)] == []


@pytest.mark.parametrize(
    ("installed", "wanted", "fits"),
    [
        ("0.5.0", ">=0.5,<0.6", True),
        ("0.6.0", ">=0.5,<0.6", False),
        ("0.4.9", ">=0.5,<0.6", False),
        ("2.13.0+cpu", ">=2.6", True),
        ("2.13.0", ">=2.13", True),
        ("2026.11.19", ">=2024.1", True),
        ("1.25", "", True),
    ],
)
def test_a_version_is_in_a_range(installed, wanted, fits):
    assert is_in_range(installed, wanted) == fits
