"""Files of ids: what was written is read, and nothing else is taken for it."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptbert_tokenizers.batches.flat import FlatIds
from ptbert_tokenizers.token_files.formats import id_writer, read_ids
from ptbert_tokenizers.token_files.npy import npy_paths


def write(name: str, *texts: list[int]) -> None:
    with id_writer(name) as file:
        bounds = np.cumsum([0, *map(len, texts)])
        file(FlatIds(np.array([i for text in texts for i in text], np.int32), bounds))


def test_numpy_reads_the_arrays() -> None:
    write("ids.npy", [1, 2], [], [3])
    for mmap_mode in (None, "r"):
        assert np.load("ids.npy", mmap_mode=mmap_mode).tolist() == [1, 2, 3]
        assert np.load("ids.bounds.npy", mmap_mode=mmap_mode).tolist() == [0, 2, 2, 3]


def test_arrays_that_numpy_wrote_are_read() -> None:
    for kind in (np.uint8, np.int32, np.int64, np.dtype(">i4")):
        np.save("ids.npy", np.array([5, 6, 7], kind))
        np.save("ids.bounds.npy", np.array([0, 1, 3]))
        assert list(read_ids("ids.npy")) == [[5], [6, 7]]


@pytest.mark.parametrize("replaced", ["ids.npy", "ids.bounds.npy"])
def test_files_of_two_runs_are_refused_even_if_they_would_fit(replaced: str) -> None:
    """As after a kill between the two moments when they appear."""
    write("ids.npy", [1, 2, 3], [4, 5])
    old = Path(replaced).read_bytes()
    write("ids.npy", [1, 2], [3, 4, 5])
    Path(replaced).write_bytes(old)

    with pytest.raises(ValueError, match=r"'ids\.bounds\.npy' does not say where the docume"):
        list(read_ids("ids.npy"))


BOUNDS: dict[str, Any] = {
    "past the end": [0, 3, 50],
    "before the end": [0, 3, 4],
    "not from the start": [1, 5],
    "descending": [0, 4, 2, 5],
    "negative": [-3, -1, 5],
    "none": [],
}


@pytest.mark.parametrize("how", BOUNDS)
def test_bounds_that_do_not_fit_are_refused(how: str) -> None:
    np.save("ids.npy", np.arange(5, dtype=np.int32))
    np.save("ids.bounds.npy", np.array(BOUNDS[how], np.int64))
    with pytest.raises(ValueError, match="one of the two is older or damaged; write both again"):
        list(read_ids("ids.npy"))


@pytest.mark.parametrize(
    "array",
    [
        np.array([1.7, np.nan]),
        np.zeros((2, 2), np.int32),
        np.int32(3),
        np.zeros(3, "i4,i4"),
        np.array([{}], object),
        np.array([True]),
    ],
    ids=["floats", "a table", "a number", "records", "objects", "flags"],
)
@pytest.mark.parametrize("name", ["ids.npy", "ids.bounds.npy"])
def test_arrays_that_are_no_ids_are_refused(name: str, array: Any) -> None:
    write("ids.npy", [1, 2])
    np.save(name, array)
    with pytest.raises(ValueError, match=rf"'{name}' is not an \.npy file of ids; write it again"):
        list(read_ids("ids.npy"))


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"PK\x03\x04", b"old"])
def test_a_file_that_is_no_array_is_refused(content: bytes) -> None:
    write("ids.npy", [1, 2])
    Path("ids.npy").write_bytes(content)
    with pytest.raises(ValueError, match=r"'ids\.npy' is not an \.npy file of ids; write it again"):
        list(read_ids("ids.npy"))


def test_a_file_that_is_cut_off_is_refused() -> None:
    write("ids.npy", [1, 2], [3])
    for name in ("ids.npy", "ids.bounds.npy"):
        whole = Path(name).read_bytes()
        for length in range(len(whole)):
            Path(name).write_bytes(whole[:length])
            with pytest.raises(ValueError, match=r"npy' .* write (it|both) again"):
                list(read_ids("ids.npy"))
        Path(name).write_bytes(whole)


def test_a_changed_byte_of_bounds_or_headers_is_refused_or_harmless() -> None:
    write("ids.npy", [1, 2], [3])
    random.seed(0)
    for name in npy_paths("ids.npy"):
        whole = Path(name).read_bytes()
        for at in range(len(whole)):
            changed = whole[at] ^ random.randrange(1, 256)
            Path(name).write_bytes(whole[:at] + bytes([changed]) + whole[at + 1 :])
            try:
                texts = list(read_ids("ids.npy"))
            except ValueError:
                continue
            assert sum(map(len, texts)) == 3
        Path(name).write_bytes(whole)


@pytest.mark.parametrize(
    "line",
    [b"[" * 100_000, b"[" + b"9" * 5000 + b"]", b"", b"{}", b"[1.5]", b"[true]", b"[1"],
    ids=["deep", "a long number", "blank", "an object", "float", "flag", "cut off"],
)
def test_a_line_that_is_no_list_of_ids_is_named(line: bytes) -> None:
    Path("ids.jsonl").write_bytes(b"[1, 2]\n" + line + b"\n")
    found = read_ids("ids.jsonl")
    assert next(found) == [1, 2]
    with pytest.raises(ValueError, match=r"'ids\.jsonl' line 2 is not a JSON list of ids"):
        next(found)
