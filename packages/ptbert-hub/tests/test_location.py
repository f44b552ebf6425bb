from pathlib import Path

import pytest

import ptbert_hub
from ptbert_hub import location


def test_without_any_variable_the_cache_is_torchs(own_home):
    assert location.default_cache() == own_home / ".cache/torch/pytorch_pretrained_bert"


@pytest.mark.parametrize(
    ("variable", "value", "folder"),
    [
        ("XDG_CACHE_HOME", "/xdg", "/xdg/torch/pytorch_pretrained_bert"),
        ("ENV_XDG_CACHE_HOME", "/xdg2", "/xdg2/torch/pytorch_pretrained_bert"),
        ("TORCH_HOME", "/torch", "/torch/pytorch_pretrained_bert"),
        ("ENV_TORCH_HOME", "/torch2", "/torch2/pytorch_pretrained_bert"),
        ("PYTORCH_PRETRAINED_BERT_CACHE", "/models", "/models"),
    ],
)
def test_each_variable_moves_the_cache_and_beats_the_ones_before(
    variable, value, folder, monkeypatch
):
    order = [
        "XDG_CACHE_HOME",
        "ENV_XDG_CACHE_HOME",
        "TORCH_HOME",
        "ENV_TORCH_HOME",
        "PYTORCH_PRETRAINED_BERT_CACHE",
    ]
    for weaker in order[: order.index(variable)]:
        monkeypatch.setenv(weaker, "/weaker")
    monkeypatch.setenv(variable, value)

    assert location.default_cache() == Path(folder)


def test_home_and_variables_are_filled_in(monkeypatch, own_home):
    monkeypatch.setenv("DATA", "models")
    monkeypatch.setenv("PYTORCH_PRETRAINED_BERT_CACHE", "~/$DATA")

    assert location.default_cache() == own_home / "models"


def test_the_constant_of_2019_is_the_folder_as_the_environment_says_now(monkeypatch):
    monkeypatch.setenv("PYTORCH_PRETRAINED_BERT_CACHE", "/one")
    assert Path("/one") == ptbert_hub.PYTORCH_PRETRAINED_BERT_CACHE
    monkeypatch.setenv("PYTORCH_PRETRAINED_BERT_CACHE", "/two")
    assert Path("/two") == ptbert_hub.PYTORCH_PRETRAINED_BERT_CACHE


def test_old_folders_and_listed_ones_are_searched_too(monkeypatch, own_home):
    monkeypatch.setenv("PTBERT_HUB_CACHE_RO", "/shared:~/more")
    torch = own_home / ".cache/torch"

    assert location.search_path() == [
        torch / "pytorch_pretrained_bert",
        own_home / ".pytorch_pretrained_bert",
        torch / "pytorch_transformers",
        torch / "transformers",
        Path("/shared"),
        own_home / "more",
    ]


@pytest.mark.parametrize("variable", location.OFFLINE_VARIABLES)
def test_each_offline_variable_counts(variable, monkeypatch):
    assert not location.is_offline()
    monkeypatch.setenv(variable, "0")
    assert not location.is_offline()
    monkeypatch.setenv(variable, "true")
    assert location.is_offline()
