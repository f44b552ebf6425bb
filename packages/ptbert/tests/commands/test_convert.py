import json

import pytest
import torch

from ptbert import BertModel, BertTokenizer, GPT2LMHeadModel, GPT2Tokenizer
from ptbert.__main__ import main


def test_a_model_is_converted_there_and_back(model_folder, tmp_path, capsys):
    there, back = tmp_path / "there", tmp_path / "back"

    assert main(["convert", str(model_folder), str(there), "--to", "safetensors"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        str(there / name)
        for name in ("model.safetensors", "config.json", "vocab.txt", "tokenizer_config.json")
    ]
    assert main(["convert", str(there), str(back)]) == 0

    original = torch.load(model_folder / "pytorch_model.bin")
    found = torch.load(back / "pytorch_model.bin")
    assert found.keys() == original.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in original.items())
    assert BertModel.from_pretrained(there)
    assert BertTokenizer.from_pretrained(back).tokenize("keys") == ["key", "##s"]


def test_large_weights_are_written_to_several_files(model_folder, tmp_path, capsys):
    folder = tmp_path / "out"

    assert main(["convert", str(model_folder), str(folder), "--max-shard-size", "1KB"]) == 0

    assert f"{folder / 'pytorch_model.bin.index.json'}\n" in capsys.readouterr().out
    assert len(list(folder.glob("pytorch_model-*.bin"))) > 1
    assert BertModel.from_pretrained(folder)


def test_a_size_that_is_none_is_named(model_folder, tmp_path, capsys):
    assert main(["convert", str(model_folder), str(tmp_path / "a"), "--max-shard-size", "big"]) == 1
    assert "--max-shard-size 'big' is no size of a file; give" in capsys.readouterr().err
    assert not (tmp_path / "a").exists()


def test_merges_are_copied_too(gpt2_folder, tmp_path):
    main(["convert", str(gpt2_folder), str(tmp_path / "out")])
    assert GPT2LMHeadModel.from_pretrained(tmp_path / "out")
    assert GPT2Tokenizer.from_pretrained(tmp_path / "out").tokenize("ab") == ["a", "b"]


@pytest.mark.parametrize("recorded", [None, {"more": 1}, {"do_lower_case": False, "more": 1}])
def test_casing_that_is_known_goes_along(model_folder, tmp_path, recorded):
    if recorded is not None:
        (model_folder / "tokenizer_config.json").write_text(json.dumps(recorded))

    main(["convert", str(model_folder), str(tmp_path / "out")])

    copied = tmp_path / "out" / "tokenizer_config.json"
    if recorded and "do_lower_case" in recorded:
        assert json.loads(copied.read_text())["do_lower_case"] is False
    else:
        assert "do_lower_case" not in json.loads(copied.read_text())


def test_weights_alone_are_converted_with_a_note(model_folder, tmp_path, capsys):
    path = tmp_path / "alone" / "w.bin"
    path.parent.mkdir()
    (model_folder / "pytorch_model.bin").rename(path)
    words = [str(path), str(tmp_path / "out"), "--config", str(model_folder / "config.json")]

    assert main(["convert", *words]) == 0

    assert f"there is no vocabulary beside {path}" in capsys.readouterr().out
    assert BertModel.from_pretrained(tmp_path / "out")


def test_the_source_is_not_overwritten(model_folder, capsys):
    assert main(["convert", str(model_folder), str(model_folder)]) == 1
    assert "is where the source is, which would be overwritten" in capsys.readouterr().err


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path, capsys):
    (tmp_path / "a.txt").touch()
    assert main(["convert", "ptbert-tiny-bert", str(tmp_path / "a.txt")]) == 1
    told = f"'{tmp_path / 'a.txt'}' is a file; give a folder to write to"
    assert capsys.readouterr().err == f"ptbert convert: {told}\n"
