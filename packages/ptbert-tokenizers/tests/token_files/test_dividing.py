"""One token file of several, and several of one: the same documents in the same order."""

from pathlib import Path

import numpy as np
import pytest

from ptbert_tokenizers.batches.flat import FlatIds
from ptbert_tokenizers.token_files import tokens as tokens_module
from ptbert_tokenizers.token_files.dividing import merge_token_files, split_token_file
from ptbert_tokenizers.token_files.formats import id_writer, open_tokens, read_ids


def write(name: str, *documents: list[int], format: str | None = None, bits: int = 16) -> None:
    with id_writer(name, format, bits) as add:
        ids = np.array([i for document in documents for i in document], np.int32)
        add(FlatIds(ids, np.cumsum([0, *map(len, documents)])))


@pytest.mark.parametrize("block", [1, 3, 2**20])
def test_files_of_all_formats_are_merged_in_order(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens_module, "_BLOCK", block)
    write("a.npy", [1, 2], [])
    write("b.bin", [3], [4, 5], format="nanogpt")
    write("c.bin", [6], format="llm.c", bits=32)
    write("d.bin", [], [7, 8], format="megatron")
    write("e.ds", [9])
    names = ["a.npy", "b.bin", "c.bin", "d.idx", "e.ds"]

    assert merge_token_files(names, "all.ds") == 8

    assert list(read_ids("all.ds")) == [[1, 2], [], [3], [4, 5], [6], [], [7, 8], [9]]
    assert open_tokens("all.ds").bits == 32  # that of the widest


def test_files_without_bounds_are_cut_at_separators() -> None:
    np.array([5, 0, 6, 0], np.uint16).tofile("a.bin")
    write("b.npy", [0, 7])  # this one says where documents are

    assert merge_token_files(["a.bin", "b.npy"], "all.npy", separator=0) == 3

    assert list(read_ids("all.npy")) == [[5, 0], [6, 0], [0, 7]]


def test_parts_together_are_the_whole() -> None:
    documents = [[i] * (i % 7) for i in range(200)]
    write("all.npy", *documents)
    parts = ["x.npy", "y.ds", "z.jsonl"]

    counts = split_token_file("all.npy", parts)

    found = [document for part in parts for document in read_ids(part)]
    assert found == documents
    assert sum(counts) == 200
    sizes = [sum(map(len, read_ids(part))) for part in parts]
    assert all(abs(size - sum(sizes) / 3) <= 6 for size in sizes)  # a document has at most 6 ids


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ([9, 1], [9, 1]),
        ([0.9, 0.1], [9, 1]),
        ([1, 1], [5, 5]),
        ([74, 26], [7, 3]),  # the end of document 7 is nearer to 7.4 than that of document 8
        ([76, 24], [8, 2]),
        ([1, 1, 8], [1, 1, 8]),
    ],
)
def test_a_part_ends_at_the_document_nearest_to_its_share(
    shares: list[float], expected: list[int]
) -> None:
    write("all.npy", *[[7] * 100] * 10)
    names = [f"part{number}.npy" for number in range(len(shares))]
    assert split_token_file("all.npy", names, shares) == expected


def test_what_cannot_be_divided_is_refused_and_leaves_nothing() -> None:
    write("a.npy", [1], [2])
    np.array([5, 0, 6, 0], np.uint16).tofile("b.bin")
    before = sorted(Path().iterdir())

    for shares in ([1.0], [1, 0], [1, -1], [1, float("nan")], [1, float("inf")]):
        with pytest.raises(ValueError, match=r"2 outputs and shares=.*; give a number above 0 for"):
            split_token_file("a.npy", ["x.npy", "y.npy"], shares)
    with pytest.raises(ValueError, match=r"'a\.npy' has 2 documents, too few for 3 parts of these"):
        split_token_file("a.npy", ["x.npy", "y.npy", "z.npy"])
    with pytest.raises(ValueError, match="ask for fewer parts, or the separator at which its docu"):
        split_token_file("b.bin", ["x.npy", "y.npy"])
    with pytest.raises(ValueError, match="two outputs are of the same files; give each part files"):
        split_token_file("a.npy", ["x.npy", "./x.npy"])
    for output in ("a.npy", "a.bounds.npy"):
        with pytest.raises(ValueError, match=r"'a\.npy' is both an input and an output; give"):
            split_token_file("a.npy", ["x.npy", output])
        with pytest.raises(ValueError, match=r"'a\.npy' is both an input and an output; give"):
            merge_token_files(["b.bin", "a.npy"], output)
    with pytest.raises(ValueError, match="there are no token files to merge; name one or more"):
        merge_token_files([], "x.npy")
    write("wide.npy", [70_000], bits=32)
    with pytest.raises(ValueError, match=r"'x\.ds': the id 70000 does not fit into 16 bits of"):
        merge_token_files(["a.npy", "wide.npy"], "x.ds", bits=16)

    assert [path for path in sorted(Path().iterdir()) if not path.match("wide*")] == before


def test_a_pattern_may_fit_indexes_and_bounds_too() -> None:
    write("a.npy", [1], [2])
    write("b.bin", [3], format="megatron")
    write("c.bin", [4], [5], format="nanogpt")
    write("d.ds", [6])
    names = sorted(str(path) for path in Path().iterdir())

    assert len(names) == 8
    assert merge_token_files(names, "all.npy") == 6
    assert [*read_ids("all.npy")] == [[1], [2], [3], [4], [5], [6]]
    assert merge_token_files(["a.npy", "a.npy"], "twice.npy") == 4  # this is what was asked for


@pytest.mark.parametrize(
    ("outputs", "format"),
    [
        (["x.bin", "x.idx"], "megatron"),
        (["x.npy", "x.bounds.npy"], None),
        (["x.ds", "x.ds.index"], None),
    ],
)
def test_two_parts_of_the_same_files_are_refused(outputs: list[str], format: str | None) -> None:
    write("a.npy", [1], [2])

    with pytest.raises(ValueError, match="two outputs are of the same files; give each part files"):
        split_token_file("a.npy", outputs, format=format)

    assert sorted(path.name for path in Path().iterdir()) == ["a.bounds.npy", "a.npy"]


def test_an_output_whose_other_file_is_the_input_is_refused() -> None:
    write("a.bin", [1], [2], format="nanogpt")
    before = Path("a.bin").read_bytes()

    with pytest.raises(ValueError, match=r"'a\.bin' is both an input and an output; give ano"):
        merge_token_files(["a.bin"], "a.idx", format="megatron")

    assert Path("a.bin").read_bytes() == before
