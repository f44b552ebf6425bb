import functools
import tarfile
import zipfile
from pathlib import Path

import pytest
import torch

from ptbert_hub import CATALOG
from ptbert_models import BertModel, CheckpointNotFound
from ptbert_models.files.checkpoint import find_checkpoint

find = functools.partial(find_checkpoint, family="bert")


@pytest.fixture
def folder(tiny_config, save):
    return save(BertModel(tiny_config))


def test_a_folder_with_the_usual_names(folder):
    files = find(folder)

    assert (files.config, files.weights) == (folder / "config.json", folder / "pytorch_model.bin")
    assert not files.immutable


def test_pytorch_weights_come_before_safetensors(folder):
    (folder / "model.safetensors").touch()
    assert find(folder).weights.name == "pytorch_model.bin"

    (folder / "pytorch_model.bin").unlink()
    assert find(folder).weights.name == "model.safetensors"


@pytest.mark.parametrize(
    "name",
    ["bert_config.json", "openai_gpt_config.json", "gpt2_config.json", "transfo_xl_config.json"],
)
def test_old_names_of_the_configuration(folder, name):
    (folder / "config.json").rename(folder / name)
    assert find(folder).config.name == name


@pytest.mark.parametrize("address", ["weights", "archive"])
def test_an_address_of_the_catalog_is_its_name(address, monkeypatch):
    row = CATALOG["bert-base-cased"]
    monkeypatch.setattr("ptbert_hub.cached_path", lambda url, *_, **__: url)

    files = find(getattr(row, address))

    assert files == find("bert-base-cased")
    assert files.weights == Path(row.weights)
    assert files.immutable
    only_config = find("bert-base-cased", "none")
    assert only_config.config == only_config.weights == Path(row.config)


def test_a_weights_file_with_its_configuration_beside_it(folder):
    (folder / "pytorch_model.bin").rename(folder / "step_100.bin")
    files = find(folder / "step_100.bin")
    assert files.weights == folder / "step_100.bin"
    assert not files.immutable


@pytest.mark.parametrize("inside", ["", "model/"])
@pytest.mark.parametrize("suffix", [".tar.gz", ".tar", ".zip"])
def test_archives_are_unpacked(folder, tmp_path, suffix, inside):
    archive = tmp_path / f"weights{suffix}"
    if suffix == ".zip":
        with zipfile.ZipFile(archive, "w") as file:
            for path in folder.iterdir():
                file.write(path, inside + path.name)
    else:
        with tarfile.open(archive, "w:gz" if suffix == ".tar.gz" else "w") as file:
            for path in folder.iterdir():
                file.add(path, inside + path.name)

    files = find(archive, cache_dir=tmp_path / "cache")

    assert files.config.read_bytes() == (folder / "config.json").read_bytes()
    assert files.weights.read_bytes() == (folder / "pytorch_model.bin").read_bytes()
    assert files.immutable


def test_a_folder_at_an_address_loads(folder, server, tmp_path, tiny_config):
    address, _ = server
    (folder / "config.json").rename(folder / "bert_config.json")

    model = BertModel.from_pretrained(f"{address}/model", cache_dir=tmp_path / "cache")

    expected = torch.load(folder / "pytorch_model.bin")
    assert all(torch.equal(value, expected[key]) for key, value in model.state_dict().items())


def test_files_at_an_address_are_kept_as_they_are(folder, server, tmp_path):
    address = f"{server[0]}/model"
    (folder / "pytorch_model.bin").rename(folder / "model.safetensors")

    files = find(address, cache_dir=tmp_path / "cache")

    assert files.weights.read_bytes() == (folder / "model.safetensors").read_bytes()
    assert files.immutable
    assert find(address, "none", cache_dir=tmp_path / "cache").weights == files.config


def test_weights_in_parts_are_not_fetched_from_an_address(folder, server, tmp_path):
    (folder / "pytorch_model.bin").rename(folder / "pytorch_model.bin.index.json")
    with pytest.raises(
        CheckpointNotFound, match=r"has none of pytorch_model\.bin, model\.safetensors; give"
    ):
        find(f"{server[0]}/model", cache_dir=tmp_path / "cache")


def test_weights_are_not_fetched_where_the_caller_has_them(folder, server, tmp_path):
    address, asked = server

    BertModel.from_pretrained(
        f"{address}/model",
        cache_dir=tmp_path / "cache",
        state_dict=torch.load(folder / "pytorch_model.bin"),
    )

    assert not any("pytorch_model" in path for path in asked)


def test_an_archive_at_an_address_loads(folder, server, tmp_path):
    address, _ = server
    with tarfile.open(tmp_path / "weights.tar.gz", "w:gz") as file:
        file.add(folder, ".")

    model = BertModel.from_pretrained(f"{address}/weights.tar.gz", cache_dir=tmp_path / "cache")

    assert model.config.hidden_size == 16


def test_an_address_without_a_model_says_what_was_tried(server, tmp_path):
    with pytest.raises(CheckpointNotFound, match=r"/nothing' has none of config\.json"):
        find(f"{server[0]}/nothing", cache_dir=tmp_path / "cache")


def test_a_misspelt_name_suggests_the_nearest():
    with pytest.raises(CheckpointNotFound, match="did you mean 'bert-base-uncased'") as caught:
        find("bert-base-uncasd")

    assert isinstance(caught.value, FileNotFoundError)
    assert "neither a known checkpoint nor an existing file or folder" in str(caught.value)
    assert "bert-large-cased" in str(caught.value)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(OSError, match="no/such/folder' is neither a known checkpoint"):
        find(tmp_path / "no" / "such" / "folder")


def test_a_folder_without_weights_is_named(folder):
    (folder / "pytorch_model.bin").unlink()
    with pytest.raises(CheckpointNotFound, match=r"model' has none of pytorch_model\.bin, model\."):
        find(folder)


def test_a_folder_without_a_configuration_is_named(folder):
    (folder / "config.json").unlink()
    with pytest.raises(CheckpointNotFound, match=r"has none of config\.json, bert_config\.json"):
        find(folder)


def test_a_checkpoint_of_another_family_is_refused():
    with pytest.raises(ValueError, match="'gpt2' is a checkpoint of the gpt2 family, not of bert"):
        BertModel.from_pretrained("gpt2")


@pytest.fixture
def tensorflow_prefix(folder):
    """A folder with a configuration, and a checkpoint of TensorFlow as far as names tell."""
    (folder / "pytorch_model.bin").unlink()
    for name in ("run.index", "run.data-00000-of-00001"):
        (folder / name).touch()
    return folder / "run"


def test_a_prefix_of_tensorflow_is_found_with_its_configuration(tensorflow_prefix):
    for weights_format in ("authors", "any"):
        files = find(tensorflow_prefix, weights_format)
        assert files.config == tensorflow_prefix.with_name("config.json")
        assert files.weights == tensorflow_prefix
        assert files.has_authors_format()


def test_a_prefix_of_the_older_format_is_found_too(folder):
    (folder / "run-00000-of-00002").touch()
    assert find(folder / "run", "authors").weights == folder / "run"
    (folder / "walk-notes").touch()
    for prefix in (folder / "walk", folder / "nowhere" / "run"):
        with pytest.raises(CheckpointNotFound, match="is neither a known checkpoint nor"):
            find(prefix, "authors")


def test_a_prefix_is_no_weights_file_of_pytorch(tensorflow_prefix):
    with pytest.raises(
        CheckpointNotFound, match="is a TensorFlow checkpoint; read it with from_tf"
    ):
        find(tensorflow_prefix)


def test_a_folder_of_any_format_prefers_the_weights_of_pytorch(folder):
    assert find(folder, "any").weights == folder / "pytorch_model.bin"
    (folder / "pytorch_model.bin").unlink()
    assert find(folder, "any").weights == folder


def test_a_given_configuration_replaces_the_one_beside_the_weights(folder, tmp_path):
    other = tmp_path / "other.json"
    files = find(folder, config_file=other)
    assert (files.config, files.weights) == (other, folder / "pytorch_model.bin")
    (folder / "config.json").unlink()
    assert find(folder / "pytorch_model.bin", config_file=other).config == other


def test_only_openais_numpy_files_may_lack_a_configuration(folder):
    (folder / "params_shapes.json").touch()
    assert find(folder, "any").config == folder / "config.json"
    (folder / "config.json").unlink()
    assert find(folder, "any").config is None
    with pytest.raises(CheckpointNotFound, match=r"has none of config\.json"):
        find(folder, "authors")


def test_what_is_published_for_pytorch_is_not_looked_for_in_tensorflow():
    with pytest.raises(ValueError, match="is published as PyTorch weights; leave out from_tf=True"):
        find("bert-base-uncased", "authors")
