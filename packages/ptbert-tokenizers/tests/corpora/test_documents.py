"""The documents of a corpus, whatever files it comes in; what is wrong is named with its place."""

import bz2
import gzip
import importlib
import io
import json
import lzma
import os
import random
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from ptbert_tokenizers import count_words
from ptbert_tokenizers.corpora.documents import read_documents
from ptbert_tokenizers.files import lines as lines_module

TEXTS = ["one", 'two, with "quotes" and a\ttab', "three\nlines\nlong", "", "Ünïcode 京都"]
LINES = [text for text in TEXTS if "\n" not in text]


def zstd() -> Any:
    name = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    return importlib.import_module(name)


def zstd_with_checksum(data: bytes) -> bytes:
    """As the program zstd writes it."""
    flag = zstd().CompressionParameter.checksum_flag
    packed: bytes = zstd().compress(data, options={flag: 1})
    return packed


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstd_with_checksum,
}


def documents(*sources: str, **options: Any) -> list[str]:
    return list(read_documents(sources, **options))


@pytest.mark.parametrize("packed", PACKERS)
@pytest.mark.parametrize("parts", [1, 3])
def test_compressed_text_is_unpacked_also_of_several_parts(packed: str, parts: int) -> None:
    text = "".join(f"line {number} ü\n" for number in range(30_000)).encode()
    size = len(text) // parts + 1
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    Path("text").write_bytes(b"".join(PACKERS[packed](piece) for piece in pieces))

    assert documents("text") == text.decode().splitlines()


@pytest.mark.parametrize("packed", PACKERS)
def test_a_compressed_file_without_text_has_no_documents(packed: str) -> None:
    Path("text").write_bytes(PACKERS[packed](b""))
    assert documents("text") == []


@pytest.mark.parametrize("packed", PACKERS)
@pytest.mark.parametrize("damage", ["cut short", "last byte", "changed"])
def test_a_damaged_file_is_named_and_nothing_of_it_is_lost_in_silence(
    packed: str, damage: str
) -> None:
    data = bytearray(PACKERS[packed](random.Random(1).randbytes(1000).hex().encode()))
    if damage == "changed":
        data[len(data) // 2] ^= 255
    else:
        del data[len(data) // 2 if damage == "cut short" else -1 :]
    Path("text.p").write_bytes(data)
    kind = {"gz": "gzip", "bz2": "bzip2", "xz": "xz", "zst": "zstd"}[packed]

    with pytest.raises(ValueError, match=rf"'text\.p' is a damaged {kind} file \(.*was it cut sho"):
        documents("text.p")


@pytest.mark.parametrize("start", ["BZh", "BZh9 and", "B", "BZ", "(", "\x1f", "BZh91AY&S."])
def test_a_text_that_begins_like_a_compressed_file_is_text(start: str) -> None:
    Path("text").write_text(start)
    assert documents("text") == [start]


def test_zstd_without_a_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("text.zst").write_bytes(b"\x28\xb5\x2f\xfd....")

    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(ImportError, match=r"install ptbert-tokenizers\[zstd\], or unpack it first"):
        documents("text.zst")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no named pipes")
def test_a_pipe_may_give_its_first_bytes_one_by_one() -> None:
    os.mkfifo("pipe")
    data = gzip.compress(b"one\ntwo\n")

    def write() -> None:
        with open("pipe", "wb", buffering=0) as pipe:
            for byte in data:
                pipe.write(bytes([byte]))

    writer = threading.Thread(target=write)
    writer.start()
    assert documents("pipe") == ["one", "two"]
    writer.join()


def test_a_line_that_does_not_end_is_refused_before_memory_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lines_module, "_LONGEST_LINE", 2**20)
    Path("bomb").write_bytes(gzip.compress(bytes(2**24)))
    with pytest.raises(ValueError, match="'bomb' has a line of more than 1048576 bytes; break it"):
        documents("bomb")
    Path("text").write_bytes(b"one\ntwo\n" + b"x" * 2**21)
    with pytest.raises(ValueError, match=r"check that it is a text \(it is line 3\)$"):
        documents("text")
    Path("lines").write_bytes((b"x" * 2**19 + b"\n") * 8)
    assert len(documents("lines")) == 8


def test_documents_are_lines_or_end_at_blank_lines_or_are_files() -> None:
    Path("a.txt").write_text("one\ntwo\n\n \t\nthree\r\n\n")
    Path("b.txt").write_text("four\n")

    assert documents("a.txt", "b.txt") == ["one", "two", "", " \t", "three", "", "four"]
    by_blank_lines = documents("a.txt", "b.txt", documents="blank-lines")
    assert by_blank_lines == ["one\ntwo", "three", "four"]
    whole = documents("a.txt", "b.txt", documents="files")
    assert whole == ["one\ntwo\n\n \t\nthree\n\n", "four\n"]


def test_lines_that_are_not_utf8_may_be_left_out_of_whole_files_and_records() -> None:
    Path("a.txt").write_bytes(b"one\n\xff\ntwo\n")
    Path("a.jsonl").write_bytes(b'{"t": "one"}\n{"t": "\xff"}\n{"u": 2}\n')

    assert documents("a.txt", documents="files", errors="skip") == ["one\ntwo\n"]
    assert documents("a.txt", documents="files", errors="replace") == ["one\n\ufffd\ntwo\n"]
    with pytest.raises(ValueError, match=r"'a\.txt' is not UTF-8: line 2 has the byte 0xff"):
        documents("a.txt", documents="files")
    with pytest.raises(ValueError, match=r"'a\.jsonl' line 3 has no field 't'; it has 'u'"):
        documents("a.jsonl", field="t", errors="skip")


@pytest.mark.parametrize("packed", ["", *PACKERS])
def test_json_lines_have_their_texts_in_a_field(packed: str) -> None:
    lines = [json.dumps({"id": number, "text": text}) for number, text in enumerate(TEXTS)]
    data = ("\n".join([*lines[:2], "", *lines[2:]]) + "\n").encode()
    name = f"a.jsonl.{packed}".rstrip(".")
    Path(name).write_bytes(PACKERS[packed](data) if packed else data)

    assert documents(name, field="text") == TEXTS


@pytest.mark.parametrize("documents_are", ["lines", "blank-lines", "files"])
def test_counts_of_words_are_no_text(documents_are: str) -> None:
    count_words(["to be"], "words").save("counts")
    with pytest.raises(ValueError, match=r"a file of count-words is among the texts; .*'counts'\)"):
        documents("counts", documents=documents_are)
    Path("text.txt").write_text("one\n" + Path("counts").read_text())
    assert len(documents("text.txt")) == 4  # it is text that shows one


def test_tables_have_their_texts_in_a_column() -> None:
    rows = [f'{number},"{text.replace(chr(34), chr(34) * 2)}"' for number, text in enumerate(TEXTS)]
    Path("a.csv").write_text("id,text\n" + "\n".join(rows) + "\n\n", encoding="utf-8-sig")
    Path("a.tsv").write_text("text\tid\none\t1\ntwo\t2\n")

    assert documents("a.csv", "a.tsv", field="text") == [*TEXTS, "one", "two"]


def test_a_long_value_of_a_table_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("a.csv").write_text("text\n" + "x" * 200_000 + "\n")
    assert documents("a.csv", field="text") == ["x" * 200_000]


def test_columns_of_parquet_and_arrow_are_read() -> None:
    table = pyarrow.table({"id": range(len(TEXTS)), "text": TEXTS})
    pyarrow.parquet.write_table(table, "a.parquet", row_group_size=2)
    with pyarrow.ipc.new_file("a.arrow", table.schema) as file:
        file.write_table(table, max_chunksize=2)
    with pyarrow.ipc.new_stream("b.arrow", table.schema) as stream:
        stream.write_table(table)

    for name in ("a.parquet", "a.arrow", "b.arrow"):
        assert documents(name, field="text") == TEXTS
        with pytest.raises(ValueError, match=f"'{name}' has no field 'body'; it has 'id', 'text'."):
            documents(name, field="body")
        with pytest.raises(ValueError, match=f"'{name}' row 1 has 0 in the field 'id', and not a"):
            documents(name, field="id")
        whole = Path(name).read_bytes()
        Path(name).write_bytes(whole[: len(whole) // 3])
        with pytest.raises(ValueError, match=f"'{name}' is a damaged .* file .* write it again"):
            documents(name, field="text")
        Path(name).unlink()
        Path(name).mkdir()
    Path("empty.parquet").touch()
    with pytest.raises(ValueError, match=r"'empty\.parquet' is a damaged Parquet file"):
        documents("empty.parquet", field="text")


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow"])
def test_without_pyarrow_it_is_said_what_to_install(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(name).touch()
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"pyarrow; install ptbert-tokenizers\[parquet\]"):
        documents(name, field="text")


def test_standard_input_may_have_any_format_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    raw: Any = io.BytesIO(gzip.compress(b'{"text": "one"}\n'))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(raw)))
    assert documents("-", field="text", input_format="jsonl") == ["one"]


def test_folders_and_patterns_are_read_in_the_order_of_paths() -> None:
    for name in ("c/b.txt", "c/a/z.txt", "c/B.txt", "c/.hidden", "c/.git/config", "c/a.md"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(name)

    assert documents("c") == ["c/B.txt", "c/a.md", "c/a/z.txt", "c/b.txt"]
    assert documents("c/*.txt") == ["c/B.txt", "c/b.txt"]
    assert documents("c/**/*.txt") == ["c/B.txt", "c/a/z.txt", "c/b.txt"]
    Path("c/[1].txt").write_text("a name that looks like a pattern")
    assert documents("c/[1].txt") == ["a name that looks like a pattern"]


BAD: dict[str, tuple[dict[str, str], dict[str, Any], str]] = {
    "a missing field": (
        {"a.jsonl": '{"text": "x"}\n\n{"title": "y"}\n'},
        {"field": "text"},
        "'a.jsonl' line 3 has no field 'text'; it has 'title'. Name one of them",
    ),
    "many fields": (
        {"a.jsonl": json.dumps(dict.fromkeys("abcdefghijkl"))},
        {"field": "text"},
        "it has 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 2 more. Name one of them",
    ),
    "an empty object": ({"a.jsonl": "{}"}, {"field": "text"}, "it has none. Name one of them"),
    "null": (
        {"a.jsonl": '{"text": null}'},
        {"field": "text"},
        "'a.jsonl' line 1 has None in the field 'text', and not a string; correct or remove it",
    ),
    "no JSON": ({"a.jsonl": "{'text'}"}, {"field": "text"}, "'a.jsonl' line 1 is not JSON ("),
    "deep JSON": ({"a.jsonl": "[" * 100_000}, {"field": "t"}, "'a.jsonl' line 1 is not JSON ("),
    "no object": (
        {"a.jsonl": '"x"'},
        {"field": "text"},
        "'a.jsonl' line 1 is 'x', and not a JSON object with the field 'text'",
    ),
    "a missing column": (
        {"a.csv": "id,body\n1,x\n"},
        {"field": "text"},
        "'a.csv' has no field 'text'; it has 'id', 'body'. Name one of them",
    ),
    "a short row": (
        {"a.csv": 'id,text\n1,"two\nlines"\n3\n'},
        {"field": "text"},
        "'a.csv' line 4 has 1 columns, and the first row has 2; correct the line",
    ),
    "an open quote": (
        {"a.csv": 'text\none\n"two'},
        {"field": "text"},
        "'a.csv' line 3 is no row of a table (unexpected end of data); correct it",
    ),
    "no field for records": (
        {"a.jsonl": "{}"},
        {},
        "'a.jsonl' has records of the format jsonl; name the field that has the text, or the input "
        "format text",
    ),
    "a field of text": (
        {"a.txt": ""},
        {"field": "text"},
        "'a.txt' is text, which has no field 'text'; leave the field out, or name the input",
    ),
    "documents of records": (
        {"a.csv": ""},
        {"field": "text", "documents": "files"},
        "documents='files' is for text, and 'a.csv' has a document in each record of the format",
    ),
    "errors of tables": (
        {"a.csv": ""},
        {"field": "text", "errors": "skip"},
        "errors='skip' is for lines, and 'a.csv' has the format csv; leave it out",
    ),
    "another choice of documents": (
        {"a.txt": ""},
        {"documents": "pages"},
        "documents='pages' is not known; choose from lines, blank-lines, files",
    ),
    "another format": (
        {"a.txt": ""},
        {"input_format": "xml"},
        "input_format='xml' is not known; choose from text, jsonl, csv, tsv, parquet, arrow",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_named_with_its_place(case: str) -> None:
    files, options, message = BAD[case]
    for name, content in files.items():
        Path(name).write_text(content)
    with pytest.raises(ValueError) as caught:
        documents(*files, **options)
    assert message in str(caught.value)


def test_what_is_not_there_is_named() -> None:
    Path("empty").mkdir()
    with pytest.raises(FileNotFoundError, match="the folder 'empty' has no files; name a folder"):
        documents("empty")
    with pytest.raises(FileNotFoundError, match=r"no file fits the pattern 'empty/\*\.txt'; check"):
        documents("empty/*.txt")
    with pytest.raises(FileNotFoundError, match="no text file at 'absent'; check the path"):
        documents("absent")
    with pytest.raises(ValueError, match="'-' is a pipe, and parquet is read from files; write it"):
        documents("-", field="text", input_format="parquet")


@pytest.mark.parametrize("ending", ["csv", "parquet", "arrow"])
def test_two_columns_of_the_name_are_refused(ending: str) -> None:
    if ending == "csv":
        Path("a.csv").write_text("text,text\none,two\n")
    else:
        table = pyarrow.table([["one"], ["two"]], names=["text", "text"])
        if ending == "parquet":
            pyarrow.parquet.write_table(table, "a.parquet")
        else:
            with pyarrow.ipc.new_file("a.arrow", table.schema) as file:
                file.write_table(table)

    with pytest.raises(ValueError, match=f"'a.{ending}' has 2 columns 'text'; rename all but the"):
        list(read_documents([f"a.{ending}"], field="text"))


@pytest.mark.parametrize("path", ["corpus.txt", Path("corpus.txt")])
def test_one_path_is_no_list_of_paths(path: Any) -> None:
    with pytest.raises(TypeError, match=r"'corpus.txt' is one path; give a list of paths"):
        read_documents(path)
