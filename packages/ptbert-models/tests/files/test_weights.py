import os

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from ptbert_models import CheckpointNotFound, CorruptCheckpoint, UnsafeCheckpoint
from ptbert_models.files.weights import read_weights


@pytest.fixture
def tensors():
    torch.manual_seed(0)
    return {"a.weight": torch.randn(300, 40), "b": torch.arange(5), "half": torch.ones(2).half()}


def same(left, right):
    return left.keys() == right.keys() and all(torch.equal(left[k], right[k]) for k in left)


@pytest.mark.parametrize("memory_map", [False, True])
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_both_formats_of_torch(tensors, tmp_path, zipped, memory_map):
    path = tmp_path / "pytorch_model.bin"
    torch.save(tensors, path, _use_new_zipfile_serialization=zipped)
    assert same(read_weights(path, memory_map=memory_map), tensors)


@pytest.mark.parametrize("memory_map", [False, True])
def test_safetensors(tensors, tmp_path, memory_map):
    path = tmp_path / "model.safetensors"
    save_file(tensors, path)
    assert same(read_weights(path, memory_map=memory_map), tensors)


def test_several_files_with_an_index(tensors, tmp_path):
    save_file({"b": tensors["b"]}, tmp_path / "one.safetensors")
    save_file({k: tensors[k] for k in ("a.weight", "half")}, tmp_path / "two.safetensors")
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(
        '{"weight_map": {"b": "one.safetensors", "a.weight": "two.safetensors", '
        '"half": "two.safetensors"}}'
    )
    assert same(read_weights(index, memory_map=False), tensors)

    (tmp_path / "one.safetensors").unlink()
    with pytest.raises(CheckpointNotFound, match=r"names 'one\.safetensors', which is not beside"):
        read_weights(index, memory_map=False)


@pytest.mark.parametrize("suffix", [".bin", ".safetensors"])
def test_overwriting_the_file_leaves_loaded_weights_alone(tensors, tmp_path, suffix):
    """A training script that loads from a folder and saves to the same one must not crash."""
    path = tmp_path / f"model{suffix}"
    save = torch.save if suffix == ".bin" else save_file
    save(tensors, path)

    loaded = read_weights(path, memory_map=False)
    path.write_bytes(b"")

    assert same(loaded, tensors)


def test_training_does_not_change_a_mapped_file(tensors, tmp_path):
    path = tmp_path / "pytorch_model.bin"
    torch.save(tensors, path)
    before = path.read_bytes()

    read_weights(path, memory_map=True)["a.weight"].fill_(1)

    assert path.read_bytes() == before


class RunsCode:
    def __reduce__(self):
        return os.system, ("touch harmed",)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_a_pickle_that_wants_to_run_code_is_refused(tmp_path, monkeypatch, zipped):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "pytorch_model.bin"
    torch.save({"a": RunsCode()}, path, _use_new_zipfile_serialization=zipped)

    with pytest.raises(UnsafeCheckpoint, match=r"would run 'posix\.system'.* save its state_di"):
        read_weights(path, memory_map=False)

    assert not (tmp_path / "harmed").exists()


@pytest.mark.parametrize("keep", [0.0, 0.001, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors"])
def test_a_file_that_is_cut_off_is_refused(tensors, tmp_path, kind, keep):
    path = tmp_path / ("model.safetensors" if kind == "safetensors" else "pytorch_model.bin")
    if kind == "safetensors":
        save_file(tensors, path)
    else:
        torch.save(tensors, path, _use_new_zipfile_serialization=kind == "zip")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep * len(whole))])

    with pytest.raises(CorruptCheckpoint, match="is not a weights file, or it is cut off"):
        read_weights(path, memory_map=False)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_the_older_format_is_refused_wherever_it_is_cut_off_or_damaged(tensors, tmp_path):
    """It has no checksums, so damage within numbers is not noticed."""
    path = tmp_path / "pytorch_model.bin"
    torch.save({"b": tensors["b"]}, path, _use_new_zipfile_serialization=False)
    whole = path.read_bytes()
    damaged = []
    for at in range(0, len(whole), 3):
        damaged += [whole[:at], whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :]]
    for content in damaged:
        path.write_bytes(content)
        try:
            read_weights(path, memory_map=False)
        except (CorruptCheckpoint, UnsafeCheckpoint):
            continue
        assert len(content) == len(whole)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\x80\x02.", "pop from empty list"),
        (b"\x80\x02h\x05.", "5"),  # the memory has no entry 5
        (b"\x80\x02}]Ns.", "unhashable type: 'list'"),
        (b"\x80\x02X\x01\x00\x00\x00\xff.", "'utf-8' codec can't decode byte 0xff"),
        (b"\x80\x02X\xff\xff\xff\xff.", "EOFError"),
        (b"\x80\x02J\x01", "unpack requires a buffer of 4 bytes"),
        (b"\x80\x02N.", "Invalid magic number"),
    ],
)
def test_a_pickle_that_makes_no_sense_is_refused_with_the_reason(tmp_path, content, reason):
    path = tmp_path / "pytorch_model.bin"
    path.write_bytes(content)
    with pytest.raises(CorruptCheckpoint, match=rf"cut off \({reason}.*\); download"):
        read_weights(path, memory_map=False)


@pytest.mark.parametrize("content", [b"<html>not found</html>", b"version https://git-lfs", b"\n"])
def test_something_else_is_refused(tmp_path, content):
    path = tmp_path / "pytorch_model.bin"
    path.write_bytes(content)
    with pytest.raises(CorruptCheckpoint) as caught:
        read_weights(path, memory_map=False)
    assert f"{str(path)!r} is not a weights file, or it is cut off (torch.save did" in str(
        caught.value
    )
    assert "weights_only" not in str(caught.value)  # PyTorch's advice would run what is inside


def test_a_list_is_refused(tmp_path):
    path = tmp_path / "pytorch_model.bin"
    torch.save([1, 2], path)
    with pytest.raises(CorruptCheckpoint, match="holds a list, not a dictionary of tensors"):
        read_weights(path, memory_map=False)


def test_safetensors_is_asked_for_where_it_is_needed(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "safetensors", None)
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(ImportError, match="needs the package safetensors; install it with"):
        read_weights(tmp_path / "model.safetensors", memory_map=False)


@pytest.fixture
def restored_options():
    before = torch.serialization.get_crc32_options()
    yield
    torch.serialization.set_crc32_options(before)


def test_a_flipped_bit_is_refused_and_its_tensor_named(tensors, tmp_path):
    path = tmp_path / "pytorch_model.bin"
    tensors["again"] = tensors["b"]  # shares memory, so it has no record of its own
    tensors["last"] = torch.full((7,), 3.25)
    torch.save(tensors, path)
    content = path.read_bytes()
    for name in ("a.weight", "b", "last"):
        position = content.index(tensors[name].numpy().tobytes()) + 5
        path.write_bytes(
            content[:position] + bytes([content[position] ^ 16]) + content[position + 1 :]
        )
        with pytest.raises(CorruptCheckpoint, match=rf"\('{name}' has a wrong checksum\); down"):
            read_weights(path, memory_map=False)


def test_a_damaged_file_runs_no_code_either(tmp_path, monkeypatch):
    """The name of the damaged tensor is looked for without trust."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "pytorch_model.bin"
    values = torch.full((7,), 3.25)
    torch.save({"a": values, "b": RunsCode()}, path)
    content = path.read_bytes()
    at = content.index(values.numpy().tobytes())
    path.write_bytes(content[:at] + b"\x07" + content[at + 1 :])

    with pytest.raises(CorruptCheckpoint, match=r"\(record '.*/data/0' has a wrong checksum\)"):
        read_weights(path, memory_map=False)

    assert not (tmp_path / "harmed").exists()


def test_any_flipped_bit_is_refused_or_changes_nothing(tensors, tmp_path):
    path = tmp_path / "pytorch_model.bin"
    torch.save(tensors, path)
    content = path.read_bytes()
    random = np.random.default_rng(0)
    for position in random.integers(len(content), size=150):
        flipped = content[position] ^ 1 << int(random.integers(8))
        path.write_bytes(content[:position] + bytes([flipped]) + content[position + 1 :])
        try:
            assert same(read_weights(path, memory_map=False), tensors)
        except (CorruptCheckpoint, UnsafeCheckpoint):
            continue


def test_files_without_checksums_are_read(tensors, tmp_path, restored_options):
    path = tmp_path / "pytorch_model.bin"
    torch.serialization.set_crc32_options(False)
    torch.save(tensors, path)
    assert same(read_weights(path, memory_map=False), tensors)


@pytest.mark.parametrize(
    ("version", "warnings"), [("2.6.0", 1), ("2.9.1+cu128", 1), ("2.10.0a0+git", 0), ("2.13.0", 0)]
)
def test_an_older_pytorch_is_warned_of_once(
    tensors, tmp_path, monkeypatch, caplog, version, warnings
):
    torch.save(tensors, tmp_path / "pytorch_model.bin")
    monkeypatch.setattr(torch, "__version__", version)
    for _ in range(2):
        read_weights(tmp_path / "pytorch_model.bin", memory_map=False)
    assert len(caplog.records) == warnings
    assert all("update to PyTorch 2.10" in record.getMessage() for record in caplog.records)
