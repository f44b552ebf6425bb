"""Weights in several files: read completely or refused, and replaced in one step."""

import errno
import json
from contextlib import contextmanager

import pytest
import torch
from safetensors.torch import save_file

import ptbert_models
from ptbert_models import BertConfig, BertForMaskedLM, CheckpointNotFound, CorruptCheckpoint
from ptbert_models.convert import convert_checkpoint
from ptbert_models.files import weights
from ptbert_models.files.shards import bytes_of
from ptbert_models.files.weights import read_weights, write_weights

KINDS = [(safe, size) for safe in (False, True) for size in ("1GB", 300)]
kinds = pytest.mark.parametrize(
    ("safe", "size"), KINDS, ids=["bin", "bin, several", "safetensors", "safetensors, several"]
)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return BertForMaskedLM(
        BertConfig(30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2)
    ).eval()


def state_of(number, count=6):
    """Weights that all have the same number; 300 bytes hold three of them."""
    return {f"{name}.weight": torch.full((5, 5), number) for name in "abcdef"[:count]}


def numbers(folder):
    """The number of each weight that is read from a folder."""
    path = next(folder / name for name in weights.WEIGHTS_NAMES if (folder / name).is_file())
    return {tensor[0, 0].item() for tensor in read_weights(path, memory_map=False).values()}


def names(folder):
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("safe", [False, True])
def test_a_model_in_several_files_comes_back(model, tmp_path, safe):
    model.save_pretrained(tmp_path, safe_serialization=safe, max_shard_size="2KB")

    again = BertForMaskedLM.from_pretrained(tmp_path)

    assert all(torch.equal(v, again.state_dict()[k]) for k, v in model.state_dict().items())
    assert again.cls.predictions.decoder.weight is again.bert.embeddings.word_embeddings.weight
    found = sorted(names(tmp_path))
    count = len(found) - 2
    stem, suffix = ("model", "safetensors") if safe else ("pytorch_model", "bin")
    assert count > 2
    assert found == sorted(
        [
            "config.json",
            f"{stem}.{suffix}.index.json",
            *(f"{stem}-{n:05}-of-{count:05}.{suffix}" for n in range(1, count + 1)),
        ]
    )


def test_the_index_has_the_layout_that_other_libraries_read(tmp_path):
    path = write_weights(state_of(1.0), tmp_path, safe_serialization=True, max_shard_size=300)

    assert path == tmp_path / "model.safetensors.index.json"
    first, second = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
    assert json.loads(path.read_text()) == {
        "metadata": {"total_size": 600},
        "weight_map": {f"{name}.weight": first if name in "abc" else second for name in "abcdef"},
    }


def test_weights_that_are_the_same_stay_together_and_count_once(tmp_path):
    state = state_of(1.0)
    state["again.weight"] = state["a.weight"]
    state["part.weight"] = torch.zeros(100, 25)[:1]  # of a larger tensor, which is not written
    path = write_weights(state, tmp_path, safe_serialization=False, max_shard_size=300)

    where = json.loads(path.read_text())["weight_map"]
    assert where["again.weight"] == where["a.weight"] != where["d.weight"]
    assert all(each.stat().st_size < 4000 for each in tmp_path.iterdir())
    read = read_weights(path, memory_map=False)
    assert read["again.weight"].data_ptr() == read["a.weight"].data_ptr()


def test_weights_that_fit_into_one_file_are_in_one(tmp_path):
    path = write_weights(state_of(1.0), tmp_path, safe_serialization=True, max_shard_size=600)
    assert names(tmp_path) == {path.name} == {"model.safetensors"}


@kinds
@pytest.mark.parametrize(("before", "size_before"), KINDS)
def test_all_other_weights_of_the_folder_go(tmp_path, before, size_before, safe, size):
    (tmp_path / "model-notes.txt").touch()
    write_weights(state_of(1.0), tmp_path, safe_serialization=before, max_shard_size=size_before)
    path = write_weights(state_of(2.0), tmp_path, safe_serialization=safe, max_shard_size=size)

    assert numbers(tmp_path) == {2.0}
    parts = {path.name}
    if path.suffix == ".json":
        parts |= set(json.loads(path.read_text())["weight_map"].values())
    assert names(tmp_path) == {*parts, "model-notes.txt"}


class Watch:
    """Reads a folder before and after each step of a program that writes to it."""

    def __init__(self, monkeypatch, folder):
        self.folder, self.seen = folder, []
        write, remove = weights.atomic_write, weights.remove

        @contextmanager
        def watched_write(path):
            self.look()
            with write(path) as file:
                yield file
                self.look()
            self.look()

        def watched_remove(path):
            self.look()
            remove(path)
            self.look()

        monkeypatch.setattr(weights, "atomic_write", watched_write)
        monkeypatch.setattr(weights, "remove", watched_remove)

    def look(self):
        try:
            self.seen.append(numbers(self.folder))
        except FileNotFoundError:
            self.seen.append({"an error"})


@kinds
@pytest.mark.parametrize(("before", "size_before"), KINDS)
def test_readers_see_old_weights_or_new_ones_and_never_both(
    tmp_path, monkeypatch, before, size_before, safe, size
):
    write_weights(state_of(1.0), tmp_path, safe_serialization=before, max_shard_size=size_before)
    watch = Watch(monkeypatch, tmp_path)
    write_weights(state_of(2.0), tmp_path, safe_serialization=safe, max_shard_size=size)

    switched = watch.seen.index({2.0})
    assert set(map(frozenset, watch.seen[:switched])) == {frozenset({1.0})}
    assert set(map(frozenset, watch.seen[switched:])) == {frozenset({2.0})}


@kinds
def test_a_model_that_is_saved_while_another_is_read_is_read_instead(
    tmp_path, monkeypatch, safe, size
):
    """Names of files are the same again after two models, so the index tells nothing new."""
    write_weights(state_of(1.0), tmp_path, safe_serialization=True, max_shard_size=300)
    check, saved = weights.check_shard, []

    def save_meanwhile(*args):
        check(*args)
        if not saved:
            saved.append(True)
            write_weights(state_of(2.0), tmp_path, safe_serialization=True, max_shard_size=300)
            write_weights(state_of(3.0), tmp_path, safe_serialization=safe, max_shard_size=size)

    monkeypatch.setattr(weights, "check_shard", save_meanwhile)
    if (safe, size) == (True, 300):
        assert numbers(tmp_path) == {3.0}
    else:  # another index, or none
        with pytest.raises(FileNotFoundError):
            numbers(tmp_path)


def test_an_error_leaves_the_old_weights_and_nothing_else(tmp_path, monkeypatch):
    write_weights(state_of(1.0), tmp_path, safe_serialization=False, max_shard_size=300)
    before, write, done = names(tmp_path), weights.atomic_write, []

    def full(path):
        if done:
            raise OSError(errno.ENOSPC, "No space left on device")
        done.append(path)
        return write(path)

    monkeypatch.setattr(weights, "atomic_write", full)
    with pytest.raises(OSError, match="No space left"):
        write_weights(state_of(2.0), tmp_path, safe_serialization=False, max_shard_size=300)

    assert done
    assert not done[0].exists()
    assert names(tmp_path) == before
    assert numbers(tmp_path) == {1.0}


def test_an_index_cannot_have_other_files_removed(tmp_path):
    kept = {"config.json", "model.safetensors", "vocab.txt", "other.bin"}
    for name in kept:
        (tmp_path / name).write_text("{}")
    index = {"weight_map": {name: name for name in kept}}
    (tmp_path / "pytorch_model.bin.index.json").write_text(json.dumps(index))

    write_weights(state_of(1.0), tmp_path, safe_serialization=True)

    assert names(tmp_path) == kept
    assert numbers(tmp_path) == {1.0}


@pytest.fixture
def folder(tmp_path):
    """The parts of a model, and a function that writes an index and reads by it."""
    for name in "ab":
        save_file({name: torch.ones(2)}, tmp_path / f"{name}.safetensors")
    save_file({"a": torch.ones(2), "b": torch.ones(2)}, tmp_path / "both.safetensors")

    def read(weight_map):
        index = tmp_path / "model.safetensors.index.json"
        index.write_text(json.dumps({"weight_map": weight_map}))
        return read_weights(index, memory_map=False)

    return read


def test_every_entry_of_an_index_is_compared_with_the_files(folder):
    assert folder({"a": "a.safetensors", "b": "b.safetensors"}).keys() == {"a", "b"}
    with pytest.raises(CheckpointNotFound, match=r"names 'c\.safetensors', which is not beside it"):
        folder({"a": "a.safetensors", "b": "c.safetensors"})
    for weight_map, problem in (
        (
            {"a": "a.safetensors", "b": "both.safetensors"},
            r"'a' is in 'a\.safetensors', and it is in 'both\.safetensors' too",
        ),
        ({"a": "both.safetensors"}, r"nothing of 'b', which is in 'both\.safetensors'"),
        ({"a": "a.safetensors", "c": "b.safetensors"}, "nothing of 'b'"),
        ({"a": "a.safetensors", "b": "a.safetensors"}, r"'b' is in 'a\.safetensors', and it is no"),
    ):
        with pytest.raises(CorruptCheckpoint, match=f"says {problem}.*; index and files do not"):
            folder(weight_map)


@pytest.mark.parametrize(
    "name",
    [
        "../a",
        "/etc/passwd",
        "x/a",
        "x\\a",
        "..\\a",
        "C:a",
        "..",
        ".",
        "",
        " ",
        "a\0",
        "a\n",
        3,
        None,
    ],
)
def test_names_in_an_index_cannot_leave_the_folder(folder, name):
    with pytest.raises(CorruptCheckpoint, match="has no 'weight_map' from weights to names"):
        folder({"a": name})


def test_an_index_of_nothing_is_refused(folder):
    with pytest.raises(CorruptCheckpoint, match="has no 'weight_map'"):
        folder({})


@pytest.mark.parametrize(
    ("size", "expected"),
    [("5GB", 5 * 10**9), ("20 kb", 20_000), ("0.5Mb", 500_000), ("1TB", 10**12), (7, 7)],
)
def test_sizes_mean_what_transformers_means(size, expected):
    assert bytes_of(size) == expected


@pytest.mark.parametrize("size", ["", "5", "5G", "GB", "5GiB", "-1GB", "0GB", "1e3MB", 0, -1])
def test_what_is_no_size_is_refused_before_anything_is_written(model, tmp_path, size):
    with pytest.raises(ValueError, match=r"is no size of a file; give a number of bytes above 0, "):
        model.save_pretrained(tmp_path / "new", max_shard_size=size)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("size", [None, 1.5, True, [1]])
def test_sizes_of_another_type_are_refused(model, tmp_path, size):
    with pytest.raises(TypeError, match=r'max_shard_size=.* give a number .* such as "5GB"'):
        model.save_pretrained(tmp_path / "new", max_shard_size=size)
    assert not (tmp_path / "new").exists()


def test_a_checkpoint_is_converted_into_several_files_and_back(model, tmp_path):
    model.save_pretrained(tmp_path / "one")
    index = convert_checkpoint(
        tmp_path / "one", tmp_path / "several", safe_serialization=True, max_shard_size="2KB"
    )
    assert index.name == "model.safetensors.index.json"
    convert_checkpoint(tmp_path / "several", tmp_path / "back")

    again = BertForMaskedLM.from_pretrained(tmp_path / "back")

    assert all(torch.equal(v, again.state_dict()[k]) for k, v in model.state_dict().items())


def test_the_default_size_leaves_every_model_of_2019_in_one_file():
    largest = 1_600_000_000 * 4  # GPT-2 with 48 layers
    assert largest < bytes_of(ptbert_models.files.weights.MAX_SHARD_SIZE)
