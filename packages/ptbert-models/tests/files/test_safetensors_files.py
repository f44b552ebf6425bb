import json
import struct

import pytest
import torch
from safetensors.torch import load_file, save_file

from ptbert_hub.errors import BadContent
from ptbert_models.files import safetensors_files
from ptbert_models.files.safetensors_files import NUMBERS, read_safetensors


def written(path, header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def described(kind="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": kind, "shape": list(shape), "data_offsets": list(offsets)}


def numbers(tensor):
    return bytes(tensor.clone().untyped_storage())


@pytest.mark.parametrize("memory_map", [False, True])
def test_every_type_and_shape_is_read_as_by_the_package_of_the_format(tmp_path, memory_map):
    path = tmp_path / "model.safetensors"
    tensors = {
        f"{dtype} {count}": (torch.arange(count) % 2).to(dtype).reshape(shape)
        for dtype in NUMBERS.values()
        for shape, count in (((3,), 3), ((), 1), ((2, 0, 5), 0), ((2, 3), 6))
    }
    save_file(tensors, path, metadata={"format": "pt"})
    expected = load_file(path)
    found = read_safetensors(path, memory_map=memory_map)

    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert (found[name].dtype, found[name].shape) == (tensor.dtype, tensor.shape)
        assert numbers(found[name]) == numbers(tensor)


def test_tensors_that_do_not_begin_at_a_multiple_of_their_size_can_be_mapped(tmp_path):
    header = {"a": described("U8", (1,), (0, 1)), "b": described("F32", (1,), (1, 5))}
    path = written(tmp_path / "x", header, b"\x07" + struct.pack("<f", 2.5))
    found = read_safetensors(path, memory_map=True)
    assert (found["a"].tolist(), found["b"].tolist()) == ([7], [2.5])


def test_numbers_of_the_file_are_turned_where_the_machine_has_the_other_order(
    tmp_path, monkeypatch
):
    path = written(tmp_path / "x", {"a": described("I32", (1,), (0, 4))}, struct.pack("<i", 1))
    monkeypatch.setattr(safetensors_files.sys, "byteorder", "big")
    assert read_safetensors(path, memory_map=True)["a"].tolist() == [1 << 24]


@pytest.mark.parametrize("memory_map", [False, True])
def test_tensors_can_be_changed_alone(tmp_path, memory_map):
    path = tmp_path / "x"
    save_file({"a": torch.ones(2), "b": torch.ones(2)}, path)
    found = read_safetensors(path, memory_map=memory_map)
    found["a"].zero_()
    assert found["b"].tolist() == [1, 1]
    assert load_file(path)["a"].tolist() == [1, 1]


TOO_FAR = 2**63


@pytest.mark.parametrize(
    ("header", "data", "reason"),
    [
        (b"[]", b"", "its header is no JSON object"),
        (b'{"a":', b"", "Expecting value"),
        (b"\xff\xff", b"", "its header is not UTF-8"),
        (b'{"a":{},"a":{}}', b"", "its header names something twice"),
        ({"a": 1}, b"", "does not say type, shape and place of 'a'"),
        ({"a": {"dtype": "F32"}}, b"", "does not say type, shape and place of 'a'"),
        ({"a": described(offsets=(0, 4, 8))}, b"", "does not say type, shape and place"),
        ({"a": described(kind="F9")}, b"", "'a' has numbers of the unknown type 'F9'"),
        ({"a": described(kind=["F32"])}, b"", "of the unknown type"),
        ({"a": described(shape=(-2,))}, b"", "with other than natural numbers"),
        ({"a": described(shape=(2.0,))}, b"", "with other than natural numbers"),
        ({"a": described(shape=(True, 2))}, b"", "with other than natural numbers"),
        ({"a": described(shape=(0, TOO_FAR), offsets=(0, 0))}, b"", "other than natural numbers"),
        ({"a": described(shape=(0, 2**62, 2), offsets=(0, 0))}, b"", "a shape that is too large"),
        ({"a": described(shape=(1,) * 17, offsets=(0, 4))}, b"1234", "a shape that is too large"),
        ({"a": described(shape=(3,))}, b"12345678", "'a' has 8 bytes, which its type and shape"),
        ({"a": described(offsets=(8, 0))}, b"12345678", "'a' has -8 bytes"),
        ({"a": described()}, b"1234567", "its tensors end at"),
        ({"a": described()}, b"123456789", "its tensors end at"),
        ({"a": described(), "b": described(offsets=(4, 12))}, b"1" * 12, "'b' begins at 4, and"),
        ({"a": described(), "b": described(offsets=(9, 17))}, b"1" * 17, "'b' begins at 9, and"),
    ],
)
def test_a_header_that_is_wrong_is_refused_with_the_reason(tmp_path, header, data, reason):
    path = written(tmp_path / "x", header, data)
    with pytest.raises(BadContent, match=reason):
        read_safetensors(path, memory_map=False)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it ends within its header"),
        (struct.pack("<Q", 3) + b"{}", "it ends within its header"),
        (struct.pack("<Q", 2**62) + b"{}", "its header has more than 8388608 bytes"),
    ],
)
def test_a_file_that_ends_early_is_refused(tmp_path, content, reason):
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(BadContent, match=reason):
        read_safetensors(path, memory_map=False)


def test_what_the_package_of_the_format_refuses_is_refused(tmp_path):
    """Every byte of a small header is changed, in three ways."""
    path = tmp_path / "x"
    save_file({"a": torch.ones(2), "b": torch.zeros(1, dtype=torch.int8)}, path)
    whole = path.read_bytes()
    header = 8 + struct.unpack_from("<Q", whole)[0]
    refused = 0
    for at in range(header):
        for other in (whole[at] ^ 1, whole[at] ^ 16, ord("1")):
            path.write_bytes(whole[:at] + bytes([other]) + whole[at + 1 :])
            try:
                load_file(path)
            except Exception:  # of several kinds
                refused += 1
                with pytest.raises(BadContent):
                    read_safetensors(path, memory_map=False)
    assert refused > header
