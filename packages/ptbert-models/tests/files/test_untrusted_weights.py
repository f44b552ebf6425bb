"""Files of weights that want to run code, or make no sense, are refused."""

import io
import os
import pickle
import re
import zipfile

import pytest
import torch

from ptbert_models import CorruptCheckpoint, UnsafeCheckpoint
from ptbert_models.files.weights import read_weights


class RunsCode:
    def __reduce__(self):
        return os.system, ("touch harmed",)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("content", [torch.nn.Linear(2, 2), {"model": torch.nn.Tanh()}])
def test_a_whole_model_is_refused_as_such(tmp_path, zipped, content):
    path = tmp_path / "pytorch_model.bin"
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    needed = r"holds a whole model \(it needs 'torch\.nn\.modules\.\w+\.(Linear|Tanh)'\)"
    with pytest.raises(UnsafeCheckpoint, match=needed + r", not only .* save its state_dict\(\)"):
        read_weights(path, memory_map=False)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_a_pickle_that_wants_to_run_code_is_refused(tmp_path, monkeypatch, zipped):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "pytorch_model.bin"
    torch.save({"a": RunsCode()}, path, _use_new_zipfile_serialization=zipped)

    with pytest.raises(UnsafeCheckpoint, match=r"would run 'posix\.system'.* save its state_di"):
        read_weights(path, memory_map=False)

    assert not (tmp_path / "harmed").exists()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\x80\x02.", "it ends early, or takes a value that is not there"),
        (b"\x80\x02h\x05.", "it ends early, or takes a value that is not there"),
        (b"\x80\x02}]Ns.", "it has a list as a key; keys are texts and numbers"),
        (b"\x80\x02X\x01\x00\x00\x00\xff.", "it has a text in another encoding"),
        (b"\x80\x02X\xff\xff\xff\xff.", "it ends early"),
        (b"\x80\x02J\x01", "it ends early"),
        (b"\x80\x02N.", "it does not begin with torch's number"),
    ],
)
def test_a_pickle_that_makes_no_sense_is_refused_with_the_reason(tmp_path, content, reason):
    path = tmp_path / "pytorch_model.bin"
    path.write_bytes(content)
    with pytest.raises(CorruptCheckpoint, match=rf"cut off \({reason}.*\); download"):
        read_weights(path, memory_map=False)


def test_a_damaged_file_runs_no_code_either(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "pytorch_model.bin"
    values = torch.full((7,), 3.25)
    torch.save({"a": values, "b": RunsCode()}, path)
    content = path.read_bytes()
    at = content.index(values.numpy().tobytes())
    path.write_bytes(content[:at] + b"\x07" + content[at + 1 :])

    with pytest.raises(CorruptCheckpoint, match=r"\('a' has a wrong checksum\)"):
        read_weights(path, memory_map=False)

    assert not (tmp_path / "harmed").exists()


def tensor_file(path, *, count=72, first=0, size=(9, 8), stride=(8, 1), function="tensor_v2"):
    """Write a file of one tensor, which is described in any way; it has 72 numbers."""
    rebuild = getattr(torch._utils, f"_rebuild_{function}")  # noqa: SLF001 - named by such files

    class Storage:
        pass

    class Pickler(pickle.Pickler):
        def persistent_id(self, thing):
            if isinstance(thing, Storage):
                return ("storage", torch.FloatStorage, "0", "cpu", count)
            return None

    class Described:
        def __reduce__(self):
            return rebuild, (Storage(), first, size, stride)

    with zipfile.ZipFile(path, "w") as file:
        buffer = io.BytesIO()
        Pickler(buffer, 2).dump({"x": Described()})
        file.writestr("a/data.pkl", buffer.getvalue())
        file.writestr("a/data/0", bytes(4 * 72))
    return path


IMPOSSIBLE = [
    ({"count": 71}, "record 'a/data/0' has 288 bytes instead of 284"),
    ({"count": 2**62}, "record 'a/data/0' has 288 bytes instead of"),
    ({"size": (9, 9)}, "it has a tensor of 81 numbers, and only 72 for it"),
    ({"stride": (8, 2)}, "it has a tensor of 72 numbers, and only 72 for it"),
    ({"first": 1}, "it has a tensor of 72 numbers, and only 72 for it"),
    ({"first": 2**61}, "it has a tensor of 72 numbers, and only 72 for it"),
    ({"first": -4}, "it has a tensor of an impossible shape"),
    ({"stride": (8, -1)}, "it has a tensor of an impossible shape"),
    ({"size": (2**63, 8)}, "it has a tensor of an impossible shape"),
    ({"size": (72,)}, "it has a tensor of an impossible shape"),
    ({"size": (1,) * 20, "stride": (1,) * 20}, "it has a tensor of an impossible shape"),
    ({"size": (1.5, 8)}, "it has a tensor of an impossible shape"),
    ({"size": (2**31, 2**31), "stride": (0, 0)}, "it has a tensor of 4611686018427387904 numbers"),
    ({"size": [9, 8]}, "it describes a tensor in an unknown way"),
    ({"function": "parameter"}, "it describes a parameter in an unknown way"),
]


@pytest.mark.parametrize(("how", "reason"), IMPOSSIBLE)
@pytest.mark.parametrize("memory_map", [False, True])
def test_an_impossible_tensor_is_refused(tmp_path, how, reason, memory_map):
    path = tensor_file(tmp_path / "pytorch_model.bin", **how)
    with pytest.raises(CorruptCheckpoint, match=re.escape(f"cut off ({reason}")):
        read_weights(path, memory_map=memory_map)


def test_a_possible_tensor_is_read_from_the_same_kind_of_file(tmp_path):
    path = tensor_file(tmp_path / "pytorch_model.bin")
    assert torch.equal(read_weights(path, memory_map=False)["x"], torch.zeros(9, 8))


@pytest.mark.parametrize("key", [5, None])
def test_a_tensor_without_a_name_is_refused(tensors, tmp_path, key):
    path = tmp_path / "pytorch_model.bin"
    torch.save(tensors | {key: torch.ones(2)}, path)
    with pytest.raises(
        CorruptCheckpoint, match=rf"has a tensor of the name {key}; names of weights are texts: s"
    ):
        read_weights(path, memory_map=False)


class Schedule:
    """What a training program keeps beside weights."""


@pytest.mark.parametrize("named", [False, True])
def test_what_pytorch_was_told_to_be_safe_may_be_beside_weights(tensors, tmp_path, named):
    path = tmp_path / "pytorch_model.bin"
    beside = {"device": torch.device("cpu"), "dtype": torch.float32, "schedule": Schedule()}
    torch.save({"model": tensors, "training": beside}, path)
    with pytest.raises(UnsafeCheckpoint, match=r"would run '.*test_untrusted_weights\.Schedule'"):
        read_weights(path, memory_map=False)

    name = f"{Schedule.__module__}.{Schedule.__qualname__}"
    with torch.serialization.safe_globals([(Schedule, name) if named else Schedule]):
        torch.testing.assert_close(read_weights(path, memory_map=False), tensors, atol=0, rtol=0)


SPECIAL = {
    "sparse": lambda: torch.eye(2).to_sparse(),
    "without memory": lambda: torch.ones(2, device="meta"),
    "of eight bits": lambda: torch.ones(2).to(torch.float8_e4m3fn),
}


@pytest.mark.parametrize("kind", SPECIAL)
def test_tensors_that_are_no_plain_numbers_are_refused(tmp_path, kind):
    path = tmp_path / "pytorch_model.bin"
    torch.save({"a": SPECIAL[kind]()}, path)
    with pytest.raises(
        CorruptCheckpoint,
        match=r"holds more than plain tensors \(it needs 'torch\.\S+'\), which m",
    ):
        read_weights(path, memory_map=False)


def test_a_deeply_nested_file_does_not_crash(tmp_path):
    """Hashing a tuple in three million others overflows the stack of C."""
    path = tmp_path / "pytorch_model.bin"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a/data.pkl", b"\x80\x02})" + b"\x85" * 300_000 + b"Ns.")
    with pytest.raises(CorruptCheckpoint, match="it has a tuple as a key"):
        read_weights(path, memory_map=False)


def test_neither_unpickler_sees_the_file(tensors, tmp_path, monkeypatch):
    for zipped in (True, False):
        torch.save(tensors, tmp_path / f"{zipped}.bin", _use_new_zipfile_serialization=zipped)
    monkeypatch.setattr(pickle, "Unpickler", None)
    monkeypatch.setattr(pickle, "load", None)
    monkeypatch.setattr(pickle, "loads", None)
    monkeypatch.setattr(torch, "load", None)
    for zipped in (True, False):
        for memory_map in (True, False):
            torch.testing.assert_close(
                read_weights(tmp_path / f"{zipped}.bin", memory_map=memory_map),
                tensors,
                atol=0,
                rtol=0,
            )
