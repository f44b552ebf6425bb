"""Checkpoints that TensorFlow wrote are read to the last bit.

``data/tensorflow`` holds checkpoints and, as ``.npz``, the values that were saved.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from ptbert_models import CheckpointNotFound, CorruptCheckpoint
from ptbert_models.tensorflow import open_checkpoint

DATA = Path(__file__).parents[1] / "data" / "tensorflow"
FORMAT = DATA / "format"


def saved(name):
    with np.load(FORMAT / f"{name}.npz", allow_pickle=True) as arrays:
        return dict(arrays)


@pytest.mark.parametrize("name", sorted(saved("dtypes")))
def test_every_number_type(name):
    expected = saved("dtypes")[name]
    got = open_checkpoint(FORMAT / "dtypes")[name.replace("|", "/")]

    assert got.shape == expected.shape
    assert got.dtype == expected.dtype
    np.testing.assert_array_equal(got, expected)


def test_strings_of_every_length():
    checkpoint = open_checkpoint(FORMAT / "dtypes")

    assert checkpoint["strings"].shape == (2, 2)
    assert all(isinstance(string, bytes) for string in checkpoint["strings"].flat)
    assert sorted(len(string) for string in checkpoint["strings"].flat)[-1] == 300
    assert isinstance(checkpoint["scalar_str"].item(), bytes)


def test_an_index_of_several_blocks():
    checkpoint = open_checkpoint(FORMAT / "many")

    assert len(checkpoint) == 30_000
    for name in list(checkpoint)[::97]:
        assert checkpoint[name] == int(name.rpartition("_")[2])


@pytest.mark.parametrize(
    ("checkpoint", "variable", "array"),
    [
        ("partitioned", "part/emb", "emb"),
        ("partitioned", "part2/kernel", "kernel"),
        ("partitioned", "plain", "plain"),
        ("partitioned_sharded", "part/emb", "emb"),
        ("slices_full_extent", "whole", "x"),
        ("slices_full_extent", "xé/y", "x"),
        ("v1_slices", "part/emb", "emb"),
    ],
)
def test_variables_saved_in_pieces(checkpoint, variable, array):
    got = open_checkpoint(FORMAT / checkpoint)[variable]
    np.testing.assert_array_equal(got, saved(checkpoint)[array])


def test_the_older_format_has_every_number_type():
    checkpoint, expected = open_checkpoint(FORMAT / "v1_slices"), saved("v1_slices")
    for name in set(expected) & set(checkpoint):
        assert checkpoint[name].dtype == expected[name].dtype
        np.testing.assert_array_equal(checkpoint[name], expected[name])
    assert len(set(expected) & set(checkpoint)) == 7


def test_object_based_checkpoints():
    checkpoint = open_checkpoint(FORMAT / "object_based")
    assert checkpoint["model/w/.ATTRIBUTES/VARIABLE_VALUE"].shape == (4, 3)
    assert b"model" in checkpoint["_CHECKPOINTABLE_OBJECT_GRAPH"].item()


VARIANTS = sorted(
    folder.relative_to(DATA)
    for folder in DATA.glob("*/*/*")
    if folder.name in {"v1", "v1_sharded", "v2_sharded"}
)


@pytest.mark.parametrize("folder", VARIANTS, ids=str)
def test_all_formats_hold_the_same(folder):
    plain = open_checkpoint(DATA / folder.parent)
    other = open_checkpoint(DATA / folder)

    listed = json.loads((DATA / folder.parent / "variables.json").read_text())
    assert sorted(plain) == sorted(other)
    assert len(plain) == len(listed)
    for name in plain:
        np.testing.assert_array_equal(other[name], plain[name])


def test_there_are_variants():
    assert len(VARIANTS) == 11


V2 = DATA / "gpt2" / "open"


@pytest.mark.parametrize(
    "name", ["model.ckpt", "model.ckpt.index", "model.ckpt.data-00000-of-00001", "model.ckpt.meta"]
)
def test_any_file_names_the_checkpoint(name):
    assert len(open_checkpoint(V2 / name)) == 40


def test_any_shard_names_the_older_checkpoint():
    folder = DATA / "bert" / "open" / "v1_sharded"
    for name in ("bert_model.ckpt", "bert_model.ckpt-00001-of-00003"):
        assert len(open_checkpoint(folder / name)) == 187


def test_a_folder_s_record_names_the_newest(tmp_path):
    for prefix in ("model.ckpt-1", "model.ckpt-2"):
        for file in V2.glob("model.ckpt.*"):
            shutil.copy(file, tmp_path / file.name.replace("model.ckpt", prefix))
    with pytest.raises(CheckpointNotFound, match=r"found several: model\.ckpt-1, model\.ckpt-2"):
        open_checkpoint(tmp_path)

    record = 'model_checkpoint_path: "/gone/model.ckpt-1"\nall_model_checkpoint_paths: "x"\n'
    (tmp_path / "checkpoint").write_text(record)

    assert open_checkpoint(tmp_path).prefix.name == "model.ckpt-1"


def test_nothing_there_is_an_error(tmp_path):
    with pytest.raises(CheckpointNotFound, match=r"neither nothing\.ckpt\.index nor a file of the"):
        open_checkpoint(tmp_path / "nothing.ckpt")
    with pytest.raises(CheckpointNotFound, match="and found none; give the prefix"):
        open_checkpoint(tmp_path)


def test_another_file_is_refused(tmp_path):
    path = tmp_path / "model.ckpt"
    path.write_text("version https://git-lfs.github.com/spec/v1")
    with pytest.raises(CorruptCheckpoint, match=r"model\.ckpt' is not a TensorFlow checkpoint"):
        open_checkpoint(path)


def test_a_missing_data_file_is_named(tmp_path):
    shutil.copy(V2 / "model.ckpt.index", tmp_path)
    checkpoint = open_checkpoint(tmp_path / "model.ckpt")
    with pytest.raises(
        CheckpointNotFound, match=r"needs 'model\.ckpt\.data-00000-of-00001' beside"
    ):
        checkpoint["model/wte"]


def read_all(path):
    checkpoint = open_checkpoint(path)
    return {name: checkpoint[name] for name in checkpoint}


def damaged_copies(source, tmp_path, change):
    """Yield a checkpoint with one file changed, for each of its files."""
    files = sorted(source.parent.glob(f"{source.name}.*[0-9x]")) or [source]
    for target in files:
        for file in files:
            data = file.read_bytes()
            (tmp_path / file.name).write_bytes(change(data) if file is target else data)
        yield target, tmp_path / source.name


CHECKPOINTS = [V2 / "model.ckpt", V2 / "v1" / "model.ckpt", FORMAT / "partitioned"]


@pytest.mark.parametrize("source", CHECKPOINTS, ids=lambda path: path.parent.name + "-" + path.name)
@pytest.mark.parametrize("keep", [0.0, 0.3, 0.99])
def test_a_file_that_is_cut_off_is_refused(source, keep, tmp_path):
    for _, path in damaged_copies(source, tmp_path, lambda data: data[: int(len(data) * keep)]):
        with pytest.raises(CorruptCheckpoint, match=r"cut off|cannot be read|damaged"):
            read_all(path)


@pytest.mark.parametrize("source", CHECKPOINTS, ids=lambda path: path.parent.name + "-" + path.name)
def test_a_flipped_bit_is_refused_or_changes_nothing(source, tmp_path):
    """Wherever a bit flips, there is an error or every number is right."""
    expected = read_all(source)
    random = np.random.default_rng(0)
    refused = tried = 0
    for _ in range(25):

        def flip(data):
            changed = bytearray(data)
            changed[random.integers(len(data))] ^= 1 << int(random.integers(8))
            return bytes(changed)

        for _, path in damaged_copies(source, tmp_path, flip):
            tried += 1
            try:
                got = read_all(path)
            except CorruptCheckpoint:
                refused += 1
                continue
            assert got.keys() == expected.keys()
            for name, array in got.items():
                np.testing.assert_array_equal(array, expected[name])
    assert refused > 0.9 * tried


def test_a_damaged_variable_is_named(tmp_path):
    def flip(data):
        return bytes([data[0] ^ 1]) + data[1:]

    copies = damaged_copies(V2 / "model.ckpt", tmp_path, flip)
    path = next(path for target, path in copies if ".data-" in target.name)
    with pytest.raises(CorruptCheckpoint, match=r"'model/\S+' cannot be read .*wrong checksum"):
        read_all(path)
