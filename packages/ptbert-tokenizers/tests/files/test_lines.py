"""Reading text files line by line."""

import os
from pathlib import Path

import pytest

from ptbert_tokenizers.files.lines import read_lines


@pytest.mark.parametrize("before", [0, 1, 5000])
def test_the_first_line_that_is_not_utf8_is_named(before: int) -> None:
    Path("text.txt").write_bytes("grün\n".encode() * before + b"gr\xfcn\ngr\xfcn\n")

    with pytest.raises(ValueError, match=f"line {before + 1} has the byte 0xfc; convert the file"):
        list(read_lines("text.txt"))


def test_a_character_that_is_cut_off_at_the_end_is_found_too() -> None:
    Path("text.txt").write_bytes(b"one\n" + "ü".encode()[:1])

    with pytest.raises(ValueError, match="line 2 has the byte 0xc3"):
        list(read_lines("text.txt"))


def test_a_file_that_changes_meanwhile_is_told() -> None:
    Path("text.txt").write_bytes(b"good\n" * 100_000 + b"\xff\n")
    Path("other.txt").write_bytes(b"good\n")
    lines = read_lines("text.txt")
    next(lines)
    os.replace("other.txt", "text.txt")

    with pytest.raises(ValueError, match="changed while it was read; read it again"):
        list(lines)
