"""Reading texts line by line, from wherever they come."""

import gzip
import io
import logging
import os
import pickle
import random
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from ptbert_tokenizers.files import lines as module
from ptbert_tokenizers.files.lines import read_line_blocks, read_lines, read_texts

MARK = b"\xef\xbb\xbf"


@pytest.mark.parametrize("before", [0, 1, 5000, 100_000])
def test_the_first_line_that_is_not_utf8_is_named(before: int) -> None:
    Path("text.txt").write_bytes("grün\n".encode() * before + b"gr\xfcn\ngr\xfcn\n")

    with pytest.raises(
        ValueError,
        match=f"^'text.txt' is not UTF-8: line {before + 1} has the byte 0xfc; convert it first$",
    ):
        list(read_lines("text.txt"))


@pytest.mark.parametrize("end", [b"\r\n", b"\r", b"\n"])
def test_the_number_counts_lines_as_they_are_given(end: bytes) -> None:
    Path("text.txt").write_bytes(end.join([b"good"] * 70_000 + [b"\xff"]))

    with pytest.raises(ValueError, match="line 70001 has the byte 0xff"):
        list(read_texts("text.txt"))


def test_a_character_that_is_cut_off_at_the_end_is_found_too() -> None:
    Path("text.txt").write_bytes(b"one\n" + "ü".encode()[:1])

    with pytest.raises(ValueError, match="line 2 has the byte 0xc3"):
        list(read_lines("text.txt"))


def test_a_file_that_changes_meanwhile_is_read_as_it_was() -> None:
    Path("text.txt").write_bytes(b"good\n" * 100_000 + b"\xff\n")
    Path("other.txt").write_bytes(b"good\n")
    lines = read_lines("text.txt")
    next(lines)
    os.replace("other.txt", "text.txt")

    with pytest.raises(ValueError, match="line 100001 has the byte 0xff"):
        list(lines)


def test_wrong_bytes_are_replaced_if_asked() -> None:
    Path("text.txt").write_bytes(b"one\ngr\xfcn \xe4\xb8\nthree\n")

    assert list(read_texts("text.txt", errors="replace")) == ["one", "gr\ufffdn \ufffd", "three"]


def test_lines_with_wrong_bytes_are_left_out_if_asked(caplog: pytest.LogCaptureFixture) -> None:
    Path("text.txt").write_bytes(b"one\n\xff\nthree\n" + b"x\n" * 200_000 + b"\xe4\nlast")

    with caplog.at_level(logging.WARNING):
        found = list(read_texts("text.txt", errors="skip"))

    assert found == ["one", "three", *["x"] * 200_000, "last"]
    assert caplog.messages == [
        "lines of 'text.txt' left out because they are not UTF-8: 2; the first is line 2"
    ]


def test_other_ways_to_treat_errors_are_refused() -> None:
    Path("text.txt").touch()
    with pytest.raises(ValueError, match=r"errors='ignore' is not known; choose from .*'skip'"):
        list(read_texts("text.txt", errors="ignore"))  # type: ignore[arg-type]


@pytest.mark.parametrize("mark", [b"", MARK])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 2**18])
def test_texts_are_the_lines_that_python_reads(
    mark: bytes, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CHUNK", size)
    draw = random.Random(size)
    for _ in range(200):
        data = "".join(draw.choices("a\n\rü\u2028\x0b京\ufeff", k=draw.randint(0, 12))).encode()
        data = data.removeprefix(MARK)
        Path("text.txt").write_bytes(mark + data)
        with open("text.txt", encoding="utf-8-sig") as file:
            expected = file.readlines()

        assert list(read_lines("text.txt")) == expected
        assert list(read_texts("text.txt")) == [line.removesuffix("\n") for line in expected]


def test_a_file_without_text_has_no_lines() -> None:
    for data in (b"", MARK):
        Path("text.txt").write_bytes(data)
        assert list(read_texts("text.txt")) == []
    Path("text.txt").write_bytes(b"\n")
    assert list(read_texts("text.txt")) == [""]


def test_gzip_is_unpacked_whatever_the_file_is_called() -> None:
    text = "".join(f"line {number} ü\n" for number in range(50_000))
    Path("text").write_bytes(gzip.compress(MARK + text.encode()))

    assert list(read_texts("text")) == text.splitlines()


@pytest.mark.parametrize("damage", ["cut short", "changed", "garbage"])
def test_a_damaged_gzip_file_is_told(damage: str) -> None:
    data = bytearray(gzip.compress(random.Random(1).randbytes(1000).hex().encode()))
    if damage == "cut short":
        del data[len(data) // 2 :]
    elif damage == "changed":
        data[len(data) // 2] ^= 255
    else:
        data[2:] = b"nonsense"
    Path("text.gz").write_bytes(data)

    with pytest.raises(ValueError, match=r"'text.gz' is a damaged gzip file \(.*was it cut short?"):
        list(read_texts("text.gz"))


def standard_input(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    raw: Any = io.BytesIO(data)
    stream = io.TextIOWrapper(io.BufferedReader(raw), encoding="cp1252")
    monkeypatch.setattr(sys, "stdin", stream)


def test_standard_input_is_utf8_whatever_the_locale_says(monkeypatch: pytest.MonkeyPatch) -> None:
    standard_input(MARK + "naïve\n京".encode(), monkeypatch)

    assert list(read_texts("-")) == ["naïve", "京"]


def test_standard_input_may_be_wrong_too(monkeypatch: pytest.MonkeyPatch) -> None:
    standard_input(b"a\n\xff\n", monkeypatch)
    with pytest.raises(ValueError, match=r"^standard input is not UTF-8: line 2 has the byte 0xff"):
        list(read_texts("-"))

    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(ValueError, match="there is no standard input to read; give a file"):
        list(read_texts("-"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no named pipes")
def test_a_pipe_gives_its_lines_as_they_come() -> None:
    os.mkfifo("pipe")
    first_was_read = threading.Event()

    def write() -> None:
        with open("pipe", "wb", buffering=0) as pipe:
            pipe.write(b"one\ntw")
            first_was_read.wait(30)
            pipe.write(b"o\n")

    writer = threading.Thread(target=write)
    writer.start()
    lines = read_texts("pipe", verbose=True)
    assert next(lines) == "one"
    first_was_read.set()
    assert list(lines) == ["two"]
    writer.join()


@pytest.mark.parametrize("path", ["absent.txt", "."])
def test_a_file_that_is_not_there_is_told(path: str) -> None:
    with pytest.raises(FileNotFoundError, match=f"^no text file at '{path}'; check the path$"):
        list(read_texts(path))


@pytest.mark.parametrize("packed", [False, True])
def test_a_bar_counts_the_bytes_of_the_file(
    packed: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PTBERT_HUB_PROGRESS", "1")  # there is no terminal
    monkeypatch.setattr("ptbert_hub.progress.BAR_SECONDS", 0)
    monkeypatch.setattr("ptbert_hub.progress.BAR_BYTES", 0)
    data = b"some words\n" * 100_000
    Path("text.txt").write_bytes(gzip.compress(data) if packed else data)

    list(read_texts("text.txt"))
    assert capsys.readouterr().err == ""
    list(read_texts("text.txt", verbose=True))
    assert "text.txt:   0%" in capsys.readouterr().err


def test_nothing_is_drawn_into_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    Path("text.txt").write_bytes(b"some words\n" * 1_000_000)  # enough for a bar on a terminal

    list(read_texts("text.txt", verbose=True))

    assert capsys.readouterr().err == ""


TEXT = "Füße\nund 京都\n" * 3


@pytest.mark.parametrize("errors", ["strict", "skip", "replace"])
@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (TEXT.encode("utf-16"), "UTF-16"),
        (b"\xfe\xff" + TEXT.encode("utf-16-be"), "UTF-16"),
        (TEXT.encode("utf-32"), "UTF-32"),
        (b"Low\n".decode().encode("utf-16-le"), "UTF-16LE"),
        (("low" * 100).encode("utf-16-be"), "UTF-16BE"),
    ],
)
def test_texts_of_wider_characters_are_named(data: bytes, kind: str, errors: Any) -> None:
    Path("text.txt").write_bytes(data)
    with pytest.raises(ValueError) as caught:
        list(read_texts("text.txt", errors=errors))
    assert str(caught.value) == (
        f"'text.txt' is not UTF-8: it begins as {kind}; convert it first, as by "
        f"`iconv -f {kind} -t UTF-8`"
    )


@pytest.mark.parametrize("text", ["\0", "a\0", "a\0b\0c\0", "ab\0\0cd\0\0ef", "\0\0\0\0\0\0\0\0\0"])
def test_a_few_nuls_are_text(text: str) -> None:
    Path("text.txt").write_text(text)
    assert list(read_texts("text.txt")) == [text]


def test_bytes_are_decoded_where_their_lines_are_asked_for() -> None:
    """Such as in another process; what is not UTF-8 is named there as it is here."""
    Path("text.txt").write_bytes(b"one\r\n\xc3\xa9\n" + b"x" * 2**20 + b"\nbad \xff\n")
    first, *others = [pickle.loads(pickle.dumps(each)) for each in read_line_blocks("text.txt")]
    assert list(first)[:2] == ["one", "é"]
    message = r"^'text.txt' is not UTF-8: line 4 has the byte 0xff; convert it first$"
    with pytest.raises(ValueError, match=message):
        list(others[-1])
    with pytest.raises(ValueError, match=message):
        list(others[-1].numbered())
    with pytest.raises(ValueError, match=message):
        list(read_lines("text.txt"))
