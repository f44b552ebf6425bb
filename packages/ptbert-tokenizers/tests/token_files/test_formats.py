"""The formats of other programs: the bytes that their writers make, and nothing else is read."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptbert_tokenizers.batches.flat import FlatIds
from ptbert_tokenizers.token_files import megatron
from ptbert_tokenizers.token_files.formats import (
    FORMATS,
    format_of,
    id_writer,
    open_tokens,
    read_ids,
)

DOCUMENTS = [[1, 2, 3], [], [7, 8], [9]]
ENDS = [3, 3, 5, 6]


def write(name: str, *documents: list[int], format: str | None = None, bits: int = 16) -> None:
    """Write documents in two blocks."""
    with id_writer(name, format, bits) as add:
        for block in (documents[:1], documents[1:]):
            ids = np.array([i for document in block for i in document], np.int32)
            add(FlatIds(ids, np.cumsum([0, *map(len, block)])))


def words(*numbers: int, kind: str = "<u2") -> bytes:
    return np.array(numbers, kind).tobytes()


NAMES = {"npy": "a.npy", "nanogpt": "a.bin", "llm.c": "a.bin", "megatron": "a.bin"}
CASES = [(format, bits) for format, form in FORMATS.items() for bits in form.writer.kinds]


def name_of(format: str) -> str:
    return NAMES.get(format, "a.ds")


@pytest.mark.parametrize(("format", "bits"), CASES)
@pytest.mark.parametrize("documents", [DOCUMENTS, [[]], [[5]], []], ids=str)
def test_what_is_written_is_read(format: str, bits: int, documents: list[list[int]]) -> None:
    largest = 2**bits - 1 if bits == 16 else 2**31 - 1
    documents = [*documents, [largest]] if documents != [] else []
    write(name_of(format), *documents, format=format, bits=bits)

    tokens = open_tokens(name_of(format))

    assert [document.tolist() for document in tokens] == documents
    assert tokens.has_bounds
    assert tokens.format == format
    assert list(read_ids(name_of(format))) == documents
    if documents:
        assert tokens.bits == bits
        assert isinstance(tokens.ids, np.memmap)
        assert not tokens.ids.flags.writeable


def test_nanogpt_has_the_ids_alone() -> None:
    write("a.bin", *DOCUMENTS, format="nanogpt")
    assert Path("a.bin").read_bytes() == words(1, 2, 3, 7, 8, 9)
    assert np.load("a.bin.bounds.npy").tolist() == [0, *ENDS]


@pytest.mark.parametrize(
    ("bits", "number", "version", "kind"), [(16, 20240520, 1, "<u2"), (32, 20240801, 7, "<u4")]
)
def test_llm_c_has_a_header_of_256_numbers(bits: int, number: int, version: int, kind: str) -> None:
    write("a.bin", *DOCUMENTS, format="llm.c", bits=bits)
    header = words(number, version, 6, *[0] * 253, kind="<i4")
    assert Path("a.bin").read_bytes() == header + words(1, 2, 3, 7, 8, 9, kind=kind)


@pytest.mark.parametrize(("bits", "code", "kind"), [(16, 8, "<u2"), (32, 4, "<i4")])
@pytest.mark.parametrize("block", [2**20, 1])
def test_megatron_has_the_index_that_its_own_builder_makes(
    bits: int, code: int, kind: str, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The layout of ``IndexedDatasetBuilder`` of megatron-core 0.16.1."""
    monkeypatch.setattr(megatron, "_BLOCK", block)
    write("a.bin", *DOCUMENTS, format="megatron", bits=bits)

    assert Path("a.bin").read_bytes() == words(1, 2, 3, 7, 8, 9, kind=kind)
    size = bits // 8
    assert Path("a.idx").read_bytes() == (
        b"MMIDIDX\x00\x00"
        + struct.pack("<QBQQ", 1, code, 4, 5)
        + words(3, 0, 2, 1, kind="<i4")
        + words(0, 3 * size, 3 * size, 5 * size, kind="<i8")
        + words(0, 1, 2, 3, 4, kind="<i8")
    )


def test_documents_of_megatron_may_have_several_sequences() -> None:
    """The bytes are those that megatron-core 0.16.1 wrote for [[1, 2, 3]], [[]], [[7, 8], [9]]."""
    Path("a.bin").write_bytes(words(1, 2, 3, 7, 8, 9))
    Path("a.idx").write_bytes(
        b"MMIDIDX\x00\x00"
        + struct.pack("<QBQQ", 1, 8, 4, 4)
        + words(3, 0, 2, 1, kind="<i4")
        + words(0, 6, 6, 10, kind="<i8")
        + words(0, 1, 2, 4, kind="<i8")
    )

    assert list(read_ids("a.idx")) == [[1, 2, 3], [], [7, 8, 9]]


@pytest.mark.parametrize(("bits", "kind"), [(16, "<u2"), (32, "<u4")])
def test_datatrove_has_ends_in_its_index(bits: int, kind: str) -> None:
    """As datatrove 0.10.1 writes them."""
    write("a.ds", *DOCUMENTS, bits=bits)
    assert Path("a.ds").read_bytes() == words(1, 2, 3, 7, 8, 9, kind=kind)
    assert Path("a.ds.index").read_bytes() == words(*ENDS, kind="<u8")


def test_the_same_documents_make_the_same_files_however_they_come_in_blocks() -> None:
    for name, parts in (("one", [DOCUMENTS]), ("two", [DOCUMENTS[:2], [], DOCUMENTS[2:]])):
        with id_writer(f"{name}.npy", bits=16) as add:
            for part in parts:
                ids = np.array([i for document in part for i in document], np.int32)
                add(FlatIds(ids, np.cumsum([0, *map(len, part)])))
    assert Path("one.npy").read_bytes() == Path("two.npy").read_bytes()
    assert Path("one.bounds.npy").read_bytes() == Path("two.bounds.npy").read_bytes()


def test_files_without_bounds_are_one_document_or_end_at_separators() -> None:
    Path("a.bin").write_bytes(words(5, 0, 6, 7, 0, 0, 8))
    assert list(read_ids("a.bin")) == [[5, 0, 6, 7, 0, 0, 8]]
    assert not open_tokens("a.bin").has_bounds

    cut = open_tokens("a.bin", separator=0)

    assert [document.tolist() for document in cut] == [[5, 0], [6, 7, 0], [0], [8]]
    assert cut[-1].tolist() == [8]
    assert [document.tolist() for document in cut[1:3]] == [[6, 7, 0], [0]]
    with pytest.raises(IndexError):
        cut[4]


def test_blocks_have_whole_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ptbert_tokenizers.token_files.tokens._BLOCK", 3)
    documents = [[1], [2, 3], [], [4, 5, 6, 7], [8]]
    write("a.npy", *documents)

    found = [(flat.ids.tolist(), flat.bounds.tolist()) for flat in open_tokens("a.npy").blocks()]

    assert found == [([1, 2, 3], [0, 1, 3, 3]), ([4, 5, 6, 7], [0, 4]), ([8], [0, 1])]
    part = [flat.ids.tolist() for flat in open_tokens("a.npy").blocks(1, 3)]
    assert part == [[2, 3]]


def bad(name: str, damage: Callable[[bytearray], None]) -> None:
    data = bytearray(Path(name).read_bytes())
    damage(data)
    Path(name).write_bytes(data)


def put(at: int, data: bytes) -> Callable[[bytearray], None]:
    def damage(whole: bytearray) -> None:
        whole[at : at + len(data)] = data

    return damage


def drop(number: int) -> Callable[[bytearray], None]:
    def damage(whole: bytearray) -> None:
        del whole[len(whole) - number :]

    return damage


def swapped(width: int, start: int = 0) -> Callable[[bytearray], None]:
    def damage(whole: bytearray) -> None:
        whole[start:] = np.frombuffer(bytes(whole[start:]), f"<u{width}").byteswap().tobytes()

    return damage


@pytest.mark.parametrize(
    ("format", "file", "damage", "message"),
    [
        ("nanogpt", "a.bin", drop(1), "'a.bin' has 11 bytes, which are not whole ids of 16 bits"),
        ("nanogpt", "a.bin", drop(2), "'a.bin.bounds.npy' does not say where the documents of 'a"),
        (
            "nanogpt",
            "a.bin",
            lambda data: data.extend(data),
            "'a.bin' has ids of 32 bits, as 'a.bin.bounds.npy' shows, and nanoGPT's have 16",
        ),
        ("llm.c", "a.bin", drop(2), "'a.bin' is cut off; write it again"),
        ("llm.c", "a.bin", drop(12), "'a.bin' is cut off; write it again"),
        ("llm.c", "a.bin", drop(13), "'a.bin' is too short for a file of llm.c"),
        ("llm.c", "a.bin", lambda data: data.extend(b"1"), "says that it has 6 ids, and has 6.5"),
        ("llm.c", "a.bin", put(8, b"\xff" * 4), "says that it has -1 ids, and has 6"),
        ("llm.c", "a.bin", put(4, b"\x02"), "has version 2 of the format 20240520 of llm.c, and"),
        ("llm.c", "a.bin", swapped(4), "was written with the byte order of another machine, big-"),
        ("megatron", "a.bin", drop(2), "'a.idx' does not say where the documents of 'a.bin' begin"),
        ("megatron", "a.bin", drop(1), "'a.idx' does not say where the documents of 'a.bin' begin"),
        ("megatron", "a.idx", drop(1), "'a.idx' is cut off; write it again"),
        ("megatron", "a.idx", drop(105), "'a.idx' is not an index of Megatron; write it again"),
        ("megatron", "a.idx", put(0, b"P"), "'a.idx' is not an index of Megatron; write it again"),
        ("megatron", "a.idx", put(9, b"\x02"), "'a.idx' has version 2 of Megatron's format, and"),
        ("megatron", "a.idx", put(9, b"\0" * 7 + b"\1"), "byte order of another machine, big-"),
        ("megatron", "a.idx", put(17, b"\x06"), "says that its ids have the type 6, which no ids"),
        ("megatron", "a.idx", put(17, b"\x04"), "'a.idx' does not say where the documents of 'a"),
        ("megatron", "a.idx", put(34, b"\x04"), "'a.idx' does not say where the documents of 'a"),
        ("megatron", "a.idx", put(50, b"\x01"), "'a.idx' does not say where the documents of 'a"),
        ("megatron", "a.idx", put(90, b"\x04"), "'a.idx' does not say where the documents of 'a"),
        ("datatrove", "a.ds", drop(2), "'a.ds' has 10 bytes, which are not 6 ids of 16 or 32 bits"),
        ("datatrove", "a.ds.index", drop(1), "'a.ds.index' is cut off; write it again"),
        ("datatrove", "a.ds.index", drop(8), "'a.ds' has 12 bytes, which are not 5 ids of 16 or"),
        ("datatrove", "a.ds.index", swapped(8), "'a.ds.index' was written with the byte order of"),
        ("datatrove", "a.ds.index", put(0, b"\x07"), "'a.ds.index' has ends that do not rise"),
    ],
)
def test_what_is_damaged_is_refused_by_name(
    format: str, file: str, damage: Callable[[bytearray], None], message: str
) -> None:
    write(name_of(format), *DOCUMENTS, format=format)
    bad(file, damage)

    with pytest.raises(ValueError, match=message.replace("(", r"\(")) as caught:
        open_tokens(name_of(format), format)
    assert (
        "write it again" in str(caught.value)
        or "both again" in str(caught.value)
        or ("another format" in str(caught.value))
    )


def test_a_missing_companion_is_named() -> None:
    write("a.ds", *DOCUMENTS)
    Path("a.ds.index").unlink()
    with pytest.raises(FileNotFoundError, match=r"there is no file 'a\.ds\.index', which the ids"):
        open_tokens("a.ds")
    with pytest.raises(FileNotFoundError, match=r"there is no file 'b\.idx'"):
        open_tokens("b.idx")
    with pytest.raises(FileNotFoundError, match=r"there is no file 'b\.bin'"):
        open_tokens("b.bin")


def test_other_files_are_refused() -> None:
    Path("a.txt").write_text("text")
    with pytest.raises(ValueError, match=r"'a\.txt' is no token file that is known; name its form"):
        open_tokens("a.txt")
    with pytest.raises(ValueError, match="format='npz' is not known; choose from npy, nanogpt, ll"):
        open_tokens("a.txt", "npz")
    Path("a.bin").write_bytes(bytes(2000))
    with pytest.raises(ValueError, match=r"'a\.bin' is not a file of llm\.c; give another format"):
        open_tokens("a.bin", "llm.c")


def test_vocabularies_that_torch_saved_are_no_token_files() -> None:
    """The bytes are the beginning of every file of ``torch.save`` before and since release 1.6."""
    magic = 0x1950A86A20F9469CFC6C.to_bytes(10, "little")
    Path("vocab.bin").write_bytes(b"\x80\x02\x8a\x0a" + magic + b"....")
    assert format_of("vocab.bin") is None
    Path("vocab.bin").write_bytes(b"PK\x03\x04....")
    assert format_of("vocab.bin") is None
    Path("train.bin").write_bytes(words(640, 2698, 1))  # they begin with the same four bytes
    assert format_of("train.bin") == "nanogpt"


@pytest.mark.parametrize(
    ("name", "format", "bits", "documents", "message"),
    [
        (
            "a.bin",
            None,
            16,
            [],
            r"'a\.bin' may have several formats; say which: nanogpt, llm\.c or",
        ),
        (
            "a.bin",
            "nanogpt",
            32,
            [],
            "files of the format nanogpt have ids of 16 bits, not 32; cho",
        ),
        ("a.npy", None, 64, [], "files of the format npy have ids of 16 or 32 bits, not 64"),
        ("a.npy", None, 16, [[65536]], "the id 65536 does not fit into 16 bits of the format npy"),
        ("a.npy", None, 16, [[-1]], "the id -1 does not fit into 16 bits of the format npy; write"),
        (
            "a.xyz",
            None,
            16,
            [],
            r"ids are written to \.npy or \.jsonl files, not to 'a\.xyz'; or n",
        ),
        ("a.npy", "npz", 16, [], "format='npz' is not known; choose from npy, nanogpt, llm.c, meg"),
        ("-", "npy", 16, [], "the format npy is not for a pipe, because its beginning is written"),
    ],
)
def test_what_cannot_be_written_leaves_nothing(
    name: str, format: str | None, bits: int, documents: list[list[int]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        write(name, [1], *documents, format=format, bits=bits)
    assert list(Path().iterdir()) == []


def test_a_file_of_llm_c_has_no_more_ids_than_its_header_can_say() -> None:
    with (
        pytest.raises(ValueError, match=r"a file of the format llm\.c has at most 2147483647 ids"),
        id_writer("a.bin", "llm.c", 16) as add,
    ):
        _write_after_many(add)


def _write_after_many(add: Any) -> None:
    add.__self__.tokens = 2**31 - 1
    add(FlatIds(np.array([1], np.int32), np.array([0, 1])))


def test_a_document_of_megatron_has_no_more_ids_than_its_index_can_say() -> None:
    with (
        pytest.raises(ValueError, match="a document has 2147483648 ids, and one of the format meg"),
        id_writer("a.bin", "megatron", 16) as add,
    ):
        add.__self__.write_ends(np.array([2**31]))  # type: ignore[attr-defined]


@pytest.mark.parametrize("format", ["npy", "nanogpt", "megatron", "datatrove"])
def test_the_named_file_appears_last(format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """So a program that is killed in between leaves no file that looks whole."""
    name, companion = FORMATS[format].paths(name_of(format))
    write(name, *DOCUMENTS, format=format)
    old = Path(companion).read_bytes()
    seen = []

    def replace(source: Path, target: Path) -> None:
        seen.append((target.name, Path(name).exists(), Path(companion).read_bytes() == old))
        source.replace(target)

    monkeypatch.setattr("ptbert_hub.files.replace", replace)
    write(name, [4], format=format)

    assert seen == [(companion, False, True), (name, False, False)]


def test_after_an_error_the_old_files_are_there() -> None:
    write("a.ds", *DOCUMENTS)
    with pytest.raises(RuntimeError, match="stop"), id_writer("a.ds", bits=16):
        raise RuntimeError("stop")
    assert list(read_ids("a.ds")) == DOCUMENTS
    assert sorted(path.name for path in Path().iterdir()) == ["a.ds", "a.ds.index"]


@pytest.mark.parametrize(
    ("name", "format"), [("a.npy", "npy"), ("a.bin", "nanogpt"), ("a.bin", "llm.c")]
)
def test_the_name_of_the_bounds_means_the_ids_beside_them(name: str, format: str) -> None:
    with id_writer(name, format, 16) as add:
        add(FlatIds(np.array([5, 6, 7], np.int32), np.array([0, 1, 3])))
    bounds = name.removesuffix(".npy") + ".bounds.npy"

    assert [*read_ids(bounds)] == [[5], [6, 7]]
    assert open_tokens(bounds).format == format
