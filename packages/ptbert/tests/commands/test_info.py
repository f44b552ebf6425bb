import json
import tarfile

import pytest
import torch

from ptbert import BertForSequenceClassification
from ptbert.__main__ import main
from ptbert.commands import model_tokenizer
from ptbert_hub import archive_map
from ptbert_tokenizers.errors import MissingVocabulary


def facts_of(capsys, *words):
    assert main(["info", *map(str, words), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_folder_is_described(model_folder, capsys):
    facts = facts_of(capsys, model_folder)

    assert facts["family"] == "bert"
    assert facts["architecture"]["hidden_size"] == 16
    assert facts["architecture"]["vocab_size"] == 19
    assert facts["weights"] == str(model_folder / "pytorch_model.bin")
    state = torch.load(model_folder / "pytorch_model.bin")
    parameters = sum(tensor.numel() for tensor in state.values())
    assert facts["parameters"] == f"{parameters:,} in {len(state)} tensors of float32"
    assert facts["memory"].startswith(f"{parameters * 4 / 2**20:.1f} MiB as float32")
    assert facts["fills"] == ["BertModel"]
    assert (
        facts["tokenizer"] == "BertTokenizer, max_len = no limit, tokens = 19, do_lower_case = True"
    )


def test_lines_stand_in_two_columns(model_folder, capsys):
    assert main(["info", str(model_folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["family        bert", "architecture  hidden_size = 16"]
    assert lines[2] == "              num_hidden_layers = 1"


def test_names_in_a_file_cannot_change_the_terminal(model_folder, capsys):
    path = model_folder / "pytorch_model.bin"
    torch.save(torch.load(path) | {"\x1b[2J\N{RIGHT-TO-LEFT OVERRIDE}x": torch.ones(1)}, path)

    assert main(["info", str(model_folder)]) == 0
    assert "BertModel; leaves out ?[2J?x\n" in capsys.readouterr().out
    assert main(["info", str(model_folder), "--json"]) == 0
    printed = capsys.readouterr().out
    assert printed.isascii()
    assert r"BertModel; leaves out \u001b[2J\u202ex" in printed
    path.rename(model_folder / "a\x7fb.bin")  # the last character of ASCII is a control character
    words = ["info", str(model_folder / "a\x7fb.bin"), "--json"]
    assert main([*words, "--config", str(model_folder / "config.json")]) == 0
    assert "a\\u007fb.bin" in capsys.readouterr().out


def test_what_a_head_adds_and_what_others_leave_out(model_folder, capsys):
    model = BertForSequenceClassification.from_pretrained(model_folder, num_labels=3)
    model.save_pretrained(model_folder)

    assert facts_of(capsys, model_folder)["fills"] == [
        "BertForSequenceClassification",
        "BertForTokenClassification",
        "BertModel; leaves out classifier.weight, classifier.bias",
    ]


def test_what_is_incomplete_says_what_it_lacks(model_folder, capsys):
    path = model_folder / "pytorch_model.bin"
    state = torch.load(path)
    for name in [name for name in state if name.startswith("pooler")]:
        del state[name]
    torch.save(state, path)

    (best,) = facts_of(capsys, model_folder)["fills"]
    assert best == "BertModel; lacks pooler.dense.weight, pooler.dense.bias"


def test_one_file_with_its_configuration_elsewhere(model_folder, tmp_path, capsys):
    path = tmp_path / "w.bin"
    (model_folder / "pytorch_model.bin").rename(path)
    facts = facts_of(capsys, path, "--config", model_folder / "config.json")
    assert (facts["weights"], facts["tokenizer"]) == (str(path), "none beside it")


@pytest.mark.parametrize("family", ["gpt", "gpt2", "transfo_xl"])
def test_every_family_is_described(family, request, capsys):
    facts = facts_of(capsys, request.getfixturevalue(f"{family}_folder"))
    assert facts["family"] == family
    assert facts["fills"]
    assert "Tokenizer, " in facts["tokenizer"]


def test_an_unknown_name_takes_one_line(capsys):
    assert main(["info", "gpt2-medum"]) == 1
    error = capsys.readouterr().err
    assert "did you mean 'gpt2-medium'" in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("inside", [True, False])
def test_the_tokenizer_of_an_archive_is_inside_it_or_beside(model_folder, tmp_path, capsys, inside):
    path = tmp_path / "model.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name in ("config.json", "pytorch_model.bin", *(["vocab.txt"] if inside else [])):
            archive.add(model_folder / name, f"folder/{name}")
    if not inside:
        (model_folder / "vocab.txt").rename(tmp_path / "vocab.txt")

    facts = facts_of(capsys, path, "--cache-dir", tmp_path / "cache")

    assert facts["tokenizer"].startswith("BertTokenizer, ")


def test_the_address_of_published_weights_has_the_tokenizer_of_their_name(monkeypatch):
    loaded = []
    monkeypatch.setattr(
        model_tokenizer, "load_tokenizer", lambda name, **options: loaded.append(name)
    )
    model_tokenizer.load_tokenizer_of_model(archive_map("gpt2", "weights")["gpt2"], None)
    assert loaded == ["gpt2"]


def test_a_model_without_a_vocabulary_is_named(tmp_path):
    with pytest.raises(
        MissingVocabulary, match=r"no vocabulary beside '.*'; give a folder with one"
    ):
        model_tokenizer.load_tokenizer_of_model(str(tmp_path), None)
