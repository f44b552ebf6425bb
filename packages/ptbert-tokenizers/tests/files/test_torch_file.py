"""The reader of torch-saved containers: both formats, and nothing that could run."""

import collections
import io
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest

from ptbert_tokenizers import BadVocabulary
from ptbert_tokenizers.files.torch_file import is_torch_file, read_plain_objects

DATA = Path(__file__).parents[1] / "data"
MAGIC = 0x1950A86A20F9469CFC6C


def legacy(*objects: Any) -> bytes:
    return b"".join(pickle.dumps(item, protocol=2) for item in objects)


def zipped(payload: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", payload)
        archive.writestr("archive/version", "3\n")
    return buffer.getvalue()


class Runs:
    """Pickles as a call of os.system."""

    def __reduce__(self) -> Any:
        return os.system, ("touch ran",)


@pytest.mark.parametrize("form", ["zip", "legacy"])
def test_files_that_torch_wrote_are_read(form: str) -> None:
    found = read_plain_objects(DATA / f"transfo-xl.{form}.bin")

    assert type(found["counter"]) is collections.Counter
    assert found["counter"] == {"the": 3, "cat": 2, "é": 1, "@-@": 1}
    assert type(found["sym2idx"]) is collections.OrderedDict
    assert found["idx2sym"] == ["<eos>", "<unk>", "the", "cat", "é", "@-@"]
    assert found["never_split"] == ("<unk>", "<eos>", "<formula>")
    assert found["lower_case"] is True
    assert is_torch_file(DATA / f"transfo-xl.{form}.bin")


@pytest.mark.parametrize("form", ["zip", "legacy"])
def test_tensors_are_refused(form: str) -> None:
    with pytest.raises(BadVocabulary, match=r"torch\._utils\._rebuild_tensor|holds a tensor"):
        read_plain_objects(DATA / f"tensor.{form}.bin")


@pytest.mark.parametrize(
    "harmful",
    [Runs(), {"idx2sym": [Runs()]}, Path("x"), print, object, collections.deque(), {1: eval}],
    ids=str,
)
def test_nothing_but_containers_is_made(harmful: Any) -> None:
    payload = pickle.dumps(harmful, protocol=2)
    for data in (zipped(payload), legacy(MAGIC, 1001, {}) + payload, legacy(harmful)):
        Path("v.bin").write_bytes(data)

        with pytest.raises(BadVocabulary, match=r"'v\.bin' as plain objects .*it asks for"):
            read_plain_objects("v.bin")
    assert not Path("ran").exists()


def test_opcodes_that_call_by_name_are_refused() -> None:
    for payload in (b"(S'touch ran'\nios\nsystem\n.", b"cos\nsystem\n(S'touch ran'\ntR."):
        Path("v.bin").write_bytes(zipped(payload))

        with pytest.raises(BadVocabulary, match=r"it asks for os\.system"):
            read_plain_objects("v.bin")
    assert not Path("ran").exists()


def test_a_container_with_attributes_stays_a_container() -> None:
    odd = collections.OrderedDict(a=1)
    odd.note = "kept"  # type: ignore[attr-defined]
    Path("v.bin").write_bytes(legacy(MAGIC, 1001, {}, odd))

    assert read_plain_objects("v.bin") == {"a": 1}


@pytest.mark.parametrize("form", ["zip", "legacy"])
def test_a_file_cut_anywhere_is_refused(form: str) -> None:
    whole = (DATA / f"transfo-xl.{form}.bin").read_bytes()
    end = whole.rfind(b"]") if form == "legacy" else len(whole)  # a list of storages comes last
    for length in range(0, end - 1, 7):
        Path("v.bin").write_bytes(whole[:length])

        with pytest.raises(BadVocabulary, match=r"open it with torch\.load and save"):
            read_plain_objects("v.bin")


def test_damaged_bytes_never_crash() -> None:
    whole = (DATA / "transfo-xl.legacy.bin").read_bytes()
    for position in range(0, len(whole), 3):
        Path("v.bin").write_bytes(whole[:position] + b"\xff" + whole[position + 1 :])
        try:
            read_plain_objects("v.bin")
        except BadVocabulary as error:
            assert "plain objects" in str(error)  # noqa: PT017 - some damage goes unnoticed


def test_text_is_no_torch_file() -> None:
    Path("vocab.txt").write_text("PK\n")

    assert not is_torch_file("vocab.txt")
