"""Weights are read from every format, and damage is noticed."""

import sys
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from ptbert_models import CheckpointNotFound, CorruptCheckpoint, UnsafeCheckpoint
from ptbert_models.files.weights import read_weights, write_weights


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


def test_a_header_that_would_fill_the_memory_is_not_parsed(tmp_path):
    header = b'{"a":[' + b"[]," * (3 << 20) + b"[]]}"
    path = tmp_path / "model.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(CorruptCheckpoint, match=r"its header has more than 8388608 bytes"):
        read_weights(path, memory_map=False)


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


def test_the_package_safetensors_is_needed_to_write_and_not_to_read(tensors, tmp_path, monkeypatch):
    path = tmp_path / "model.safetensors"
    save_file(tensors, path)
    monkeypatch.setitem(sys.modules, "safetensors", None)
    assert same(read_weights(path, memory_map=False), tensors)

    with pytest.raises(ImportError, match=r"to write .* needs the package safetensors; install it"):
        write_weights(tensors, tmp_path, safe_serialization=True)


@pytest.fixture
def restored_options():
    before = torch.serialization.get_crc32_options()
    yield
    torch.serialization.set_crc32_options(before)


def test_a_flipped_bit_is_refused_and_its_tensor_named(tensors, tmp_path):
    path = tmp_path / "pytorch_model.bin"
    tensors["again"] = tensors["b"]  # shares memory, so it has no record of its own
    tensors["large"] = torch.randn(300_000)  # its checksum is compared in a thread
    tensors["last"] = torch.full((7,), 3.25)
    torch.save(tensors, path)
    assert same(read_weights(path, memory_map=False), tensors)
    content = path.read_bytes()
    for name in ("a.weight", "b", "large", "last"):
        position = content.index(tensors[name].numpy().tobytes()) + 5
        path.write_bytes(
            content[:position] + bytes([content[position] ^ 16]) + content[position + 1 :]
        )
        with pytest.raises(CorruptCheckpoint, match=rf"\('{name}' has a wrong checksum\); down"):
            read_weights(path, memory_map=False)


def test_checksums_of_a_mapped_file_are_compared_on_request(tensors, tmp_path):
    path = tmp_path / "pytorch_model.bin"
    tensors["large"] = torch.randn(300_000)
    torch.save(tensors, path)
    assert same(read_weights(path, memory_map=True, compare=True), tensors)
    content = path.read_bytes()
    for name in ("a.weight", "large"):
        at = content.index(tensors[name].numpy().tobytes()) + 5
        path.write_bytes(content[:at] + bytes([content[at] ^ 16]) + content[at + 1 :])
        with pytest.raises(CorruptCheckpoint, match=rf"\('{name}' has a wrong checksum\)"):
            read_weights(path, memory_map=True, compare=True)
        read_weights(path, memory_map=True)


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


def test_numbers_in_the_other_order_of_bytes_are_turned(tensors, tmp_path):
    path = tmp_path / "pytorch_model.bin"
    other = {"little": "big", "big": "little"}[sys.byteorder]
    swapped = {"a": tensors["a.weight"].clone(), "b": tensors["b"].clone()}
    for tensor in swapped.values():
        tensor.numpy().byteswap(inplace=True)
    torch.save(swapped, path)
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(tmp_path / "new", "w") as target:
        for name in source.namelist():
            content = other if name.endswith("byteorder") else source.read(name)
            target.writestr(name, content)
    (tmp_path / "new").rename(path)

    for memory_map in (False, True):
        found = read_weights(path, memory_map=memory_map)
        assert same(found, {"a": tensors["a.weight"], "b": tensors["b"]})


@pytest.mark.parametrize("memory_map", [False, True])
def test_numbers_that_do_not_begin_at_a_multiple_of_their_size_are_read(tmp_path, memory_map):
    path = tmp_path / "pytorch_model.bin"
    torch.save({"a": torch.arange(3)}, path)
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(tmp_path / "new", "w") as target:
        for shift, name in enumerate(source.namelist()):
            target.writestr(zipfile.ZipInfo(name), source.read(name))
            target.writestr(f"{name}x", bytes(shift % 2))

    assert read_weights(tmp_path / "new", memory_map=memory_map)["a"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_tensors_share_what_they_shared_but_not_with_themselves(tmp_path, zipped):
    path = tmp_path / "pytorch_model.bin"
    table = torch.arange(12.0).reshape(3, 4)
    saved = {
        "table": table,
        "again": table,
        "turned": table.t(),
        "row": table[1],
        "expanded": torch.tensor([[7.0]]).expand(2, 3),
        "overlapping": torch.arange(4.0).as_strided((2, 3), (1, 1)),
        "empty": torch.empty(0, 5),
        "scalar": torch.tensor(2.5),
        "parameter": torch.nn.Parameter(torch.ones(2)),
        "halves": torch.ones(2, dtype=torch.bfloat16),
        "flags": torch.tensor([True, False]),
        "size": torch.Size([1, 2]),
    }
    torch.save(saved, path, _use_new_zipfile_serialization=zipped)

    found = read_weights(path, memory_map=False)

    saved.pop("size")  # no tensor
    assert same(found, saved)
    for name in ("again", "turned", "row"):
        assert found[name].untyped_storage().data_ptr() == found["table"].data_ptr()
    for name in ("expanded", "overlapping"):
        found[name][0, 0] = 100
        assert found[name].flatten().tolist().count(100) == 1
    assert {
        name: tensor.requires_grad for name, tensor in found.items() if tensor.requires_grad
    } == {}


@pytest.mark.parametrize("memory_map", [False, True])
@pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors"])
def test_the_usual_device_of_a_program_is_not_that_of_a_file(tensors, tmp_path, kind, memory_map):
    path = tmp_path / "weights"
    if kind == "safetensors":
        save_file(tensors, path)
    else:
        torch.save(tensors, path, _use_new_zipfile_serialization=kind == "zip")

    with torch.device("meta"):
        found = read_weights(path, memory_map=memory_map)

    assert same(found, tensors)
