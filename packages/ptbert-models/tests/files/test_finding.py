"""What is in a file is found, or the error says what the file is and which call reads it."""

import os
import tarfile

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from ptbert_models import (
    BertForSequenceClassification,
    BertModel,
    CheckpointNotFound,
    CorruptCheckpoint,
)
from ptbert_models.files.formats import weights_format
from ptbert_models.files.weights import read_weights


@pytest.fixture
def model(tiny_config):
    return BertForSequenceClassification(tiny_config)


def loads(model, folder, content):
    """Whether a folder with this content as weights gives the model's weights."""
    model.save_pretrained(folder)
    torch.save(content, folder / "pytorch_model.bin")
    again = type(model).from_pretrained(folder).state_dict()
    return all(torch.equal(again[key], tensor) for key, tensor in model.state_dict().items())


def prefixed(state, prefix):
    return {prefix + key: tensor for key, tensor in state.items()}


@pytest.mark.parametrize(
    "prefix",
    [
        "module.",
        "_orig_mod.",
        "model.",
        "module._orig_mod.",
        "_orig_mod.module.",
        "module.module.",
        "model._orig_mod.module.",
        "_forward_module.model.",
        "_fsdp_wrapped_module.",
    ],
)
def test_wrappers_in_any_order_are_removed(model, tmp_path, prefix, caplog):
    assert loads(model, tmp_path, prefixed(model.state_dict(), prefix))
    assert loads(model, tmp_path, prefixed(model.bert.state_dict(), prefix)) is False  # new head
    assert caplog.text.count("newly initialised") == 1


def test_wrappers_of_single_parts_are_removed(model, tmp_path):
    state = {
        key.replace("bert.", "bert._orig_mod.").replace(
            "layer.1.", "layer.1._checkpoint_wrapped_module."
        ): tensor
        for key, tensor in model.state_dict().items()
    }
    assert loads(model, tmp_path, state)


class Trainer(BertForSequenceClassification):
    """A class that has a part of the name of a wrapper."""

    def __init__(self, config):
        super().__init__(config)
        self.model = nn.Linear(2, 2)


def test_a_part_with_the_name_of_a_wrapper_stays(tiny_config, tmp_path):
    model = Trainer(tiny_config)
    assert loads(model, tmp_path, model.state_dict())


@pytest.mark.parametrize(
    "nest",
    [
        lambda state: {"epoch": 1, "state_dict": prefixed(state, "model.")},
        lambda state: {"model": state, "optimizer": {"state": {}}, "iteration": 9},
        lambda state: {"model_state_dict": state, "loss": torch.tensor(0.5)},
        lambda state: {"module": prefixed(state, "module."), "global_steps": 3},
        lambda state: {"model": {"state_dict": state}},
        lambda state: {"state_dict": state, "model": state},
    ],
)
def test_training_checkpoints_load(model, tmp_path, nest):
    assert loads(model, tmp_path, nest(model.state_dict()))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"state": {}, "param_groups": []},
            "holds the state of an optimizer, not of a model; give",
        ),
        (
            {"epoch": 3, "best": 0.5},
            "a dictionary of 'epoch', 'best', none of which is a tensor; if",
        ),
        ({5: torch.ones(2)}, "has a tensor of the name 5; names of weights are texts: save"),
        ({None: torch.ones(2), "a": torch.ones(1)}, "has a tensor of the name None"),
        (
            {"model": {"a": torch.ones(1)}, "state_dict": {"a": torch.ones(1)}},
            "weights under several keys: 'state_dict', 'model'; choose one with from_pretrained",
        ),
        ("text", "holds a str, not a dictionary of tensors"),
    ],
)
def test_what_holds_no_weights_is_named(tmp_path, content, message):
    torch.save(content, tmp_path / "pytorch_model.bin")
    with pytest.raises(CorruptCheckpoint, match=message):
        read_weights(tmp_path / "pytorch_model.bin", memory_map=False)


def test_a_state_far_inside_is_not_looked_for(tmp_path):
    content = {"a": torch.ones(1)}
    for _ in range(9):
        content = {"model": content}
    torch.save(content, tmp_path / "w.bin")
    with pytest.raises(CorruptCheckpoint, match="a dictionary of 'model', none of which is"):
        read_weights(tmp_path / "w.bin", memory_map=False)


@pytest.mark.parametrize("memory_map", [True, False])
@pytest.mark.parametrize("kind", ["torch zip", "torch legacy", "safetensors"])
def test_formats_are_told_without_the_names_of_files(tmp_path, kind, memory_map):
    path, state = tmp_path / "0a1b2c", {"a": torch.arange(6.0).view(2, 3)}
    if kind == "safetensors":
        save_file(state, path)
    else:
        torch.save(state, path, _use_new_zipfile_serialization=kind == "torch zip")
    assert weights_format(path) == kind.split()[0]  # which of torch's, its reader tells
    assert torch.equal(read_weights(path, memory_map=memory_map)["a"], state["a"])


LOOKS = [
    (b"", "it is empty"),
    (b"version https://git-lfs.github.com/spec/v1\n", "pointer of Git LFS .* run git lfs pull"),
    (b"\n<!DOCTYPE html><html>", "it is a web page: get the file itself"),
    (b"\x89HDF\r\n\x1a\n" + bytes(100), "it is an HDF5 file of Keras: save it for PyTorch"),
    (b"\x93NUMPY\x01\x00" + bytes(100), "it is an array of NumPy: give OpenAI's folder of them"),
    (bytes(40) + bytes.fromhex("57fb808b247547db"), "TensorFlow checkpoint: read it with from_tf"),
]


@pytest.mark.parametrize(("content", "message"), LOOKS)
def test_files_of_other_kinds_are_named(tmp_path, content, message):
    path = tmp_path / "pytorch_model.bin"
    path.write_bytes(content)
    with pytest.raises(CorruptCheckpoint, match=message):
        read_weights(path, memory_map=False)


def test_an_archive_in_place_of_weights_is_named(tmp_path):
    with tarfile.open(tmp_path / "pytorch_model.bin", "w") as archive:
        archive.add(__file__, "file.py")
    with pytest.raises(CorruptCheckpoint, match="it is an archive: give its own path instead"):
        read_weights(tmp_path / "pytorch_model.bin", memory_map=False)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ('{"weight_map": {"a": "../other.bin"}}', "has no 'weight_map' from weights to names of f"),
        (f'{{"weight_map": {{"a": "{"b" * 256}"}}}}', "has no 'weight_map' from weights to names"),
        ('{"weight_map": {"a": "\\ud800"}}', "has no 'weight_map' from weights to names of files"),
        ('{"weight_map": {"a": ["b"]}}', "has no 'weight_map' from weights to names of files"),
        ('{"weight_map": {"a": "w.index.json"}}', "names 'w.index.json', which is no weights file"),
        ("{}", "has no 'weight_map' from weights to names of files; download"),
        ('{"weight_map": ', "is not a JSON configuration .* or download it again"),
    ],
)
def test_an_index_names_weights_files_beside_it(tmp_path, index, message):
    (tmp_path / "w.index.json").write_text(index)
    with pytest.raises(CorruptCheckpoint, match=message):
        read_weights(tmp_path / "w.index.json", memory_map=False)


def test_safetensors_load_from_a_folder_s_address(model, server, tmp_path):
    model.save_pretrained(tmp_path / "folder", safe_serialization=True)

    again = type(model).from_pretrained(f"{server[0]}/folder", cache_dir=tmp_path / "cache")

    state = again.state_dict()
    assert all(torch.equal(state[key], tensor) for key, tensor in model.state_dict().items())


def in_archive(model, folder, path, prefix=""):
    model.save_pretrained(folder)
    with tarfile.open(path, "w:gz") as archive:
        for name in sorted(os.listdir(folder)):
            archive.add(folder / name, prefix + name)


def test_an_archive_in_an_archive_loads(model, tmp_path):
    """As SciBERT and AllenNLP packed models with their vocabulary."""
    (tmp_path / "packed").mkdir()
    in_archive(model, tmp_path / "model", tmp_path / "packed" / "weights.tar.gz", "./")
    (tmp_path / "packed" / "vocab.txt").write_text("[PAD]\n")
    (tmp_path / "packed" / "notes.tar.gz").write_bytes(b"")
    with tarfile.open(tmp_path / "scibert.tar", "w") as archive:
        archive.add(tmp_path / "packed", "scibert")

    for source in (tmp_path / "scibert.tar", tmp_path / "packed"):
        again = type(model).from_pretrained(source, cache_dir=tmp_path / "cache").state_dict()
        assert all(torch.equal(again[key], tensor) for key, tensor in model.state_dict().items())


def test_an_archive_made_on_a_mac_loads(model, tmp_path):
    model.save_pretrained(tmp_path / "model")
    (tmp_path / "._model").write_bytes(b"\x00\x05\x16\x07")
    with tarfile.open(tmp_path / "mac.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "._model", "._model")
        archive.add(tmp_path / "._model", "__MACOSX/._model")
        archive.add(tmp_path / "model", "model")

    again = type(model).from_pretrained(tmp_path / "mac.tar.gz", cache_dir=tmp_path / "cache")

    assert again.config.hidden_size == model.config.hidden_size


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["model.ckpt-1000.index", "model.ckpt-1000.data-00000-of-00001"], "with from_tf=True$"),
        (["bert_model.ckpt"], "with from_tf=True$"),
        (["params_shapes.json"], "with from_tf=True$"),
        (["tf_model.h5"], "it has 'tf_model.h5': save it for PyTorch with the library"),
        (["flax_model.msgpack"], "it has 'flax_model.msgpack': save it for PyTorch"),
        (
            ["best.safetensors"],
            r"may be in 'best.safetensors': give that path, '.*best.safetensors'",
        ),
        (
            ["a.safetensors", "b.safetensors"],
            "in one of a.safetensors, b.safetensors: give its path",
        ),
        (["notes.txt"], "give a folder, archive or address that holds a model's configuration"),
    ],
)
def test_a_folder_with_other_weights_says_how_to_read_them(model, tmp_path, files, message):
    model.save_pretrained(tmp_path)
    (tmp_path / "pytorch_model.bin").unlink()
    for name in files:
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(CheckpointNotFound, match=message):
        BertModel.from_pretrained(tmp_path)


def test_weights_alone_say_how_to_give_their_configuration(model, tmp_path):
    model.save_pretrained(tmp_path)
    config = (tmp_path / "config.json").rename(tmp_path / "other.json")
    with pytest.raises(CheckpointNotFound, match=r"config=…, which is --config of commands"):
        BertModel.from_pretrained(tmp_path)
    BertModel.from_pretrained(tmp_path, config=config)


def test_a_folder_with_another_name_of_weights_gives_the_path(model, tmp_path):
    model.save_pretrained(tmp_path)
    (tmp_path / "pytorch_model.bin").rename(tmp_path / "epoch=3.ckpt")
    with pytest.raises(CheckpointNotFound, match=r"may be in 'epoch=3\.ckpt': give that path"):
        BertModel.from_pretrained(tmp_path)
    BertModel.from_pretrained(tmp_path / "epoch=3.ckpt")


def test_only_the_bias_of_the_decoder_is_enough(tiny_config, save):
    from ptbert_models import BertForMaskedLM

    model = BertForMaskedLM(tiny_config)
    nn.init.normal_(model.cls.predictions.bias)
    folder = save(model)
    state = model.state_dict()
    state["cls.predictions.decoder.bias"] = state.pop("cls.predictions.bias")
    torch.save(state, folder / "pytorch_model.bin")

    again = BertForMaskedLM.from_pretrained(folder)

    assert torch.equal(again.cls.predictions.bias, model.cls.predictions.bias)
    again.load_state_dict(state)  # strict
