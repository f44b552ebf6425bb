"""Corpora and token files on the command line."""

import gzip
import json
from pathlib import Path

import pytest

from ptbert_tokenizers.__main__ import main
from ptbert_tokenizers.token_files.formats import read_ids


@pytest.mark.parametrize("format", ["nanogpt", "llm.c", "megatron"])
def test_formats_of_other_programs_are_written_and_read(
    bert: str, format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["encode", bert, "text.txt", "-o", "a.bin", "--format", format]) == 0
    assert main(["decode", bert, "a.bin"]) == 0
    assert capsys.readouterr().out == "a b a\n< x > a\n\n< [UNK] > b\n"

    assert main(["info", "a.bin"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["format"], facts["tokens"], facts["documents"]) == (format, 11, 4)
    assert main(["verify", "a.bin", "--model", bert]) == 0
    assert json.loads(capsys.readouterr().out)["largest_id"] == 10
    assert main(["merge", "a.bin", "a.bin", "-o", "b.ds"]) == 0
    assert main(["split", "b.ds", "-o", "c.npy", "d.npy", "--shares", "3", "1"]) == 0
    assert capsys.readouterr().out == "8 documents\nc.npy: 6 documents\nd.npy: 2 documents\n"
    assert [*read_ids("c.npy"), *read_ids("d.npy")] == [*read_ids("a.bin")] * 2


def test_a_corpus_may_have_records_in_folders(bert: str) -> None:
    Path("corpus").mkdir()
    Path("corpus/a.jsonl.gz").write_bytes(gzip.compress(b'{"t": "a"}\n{"t": "b a"}\n'))
    Path("corpus/b.csv").write_text("t\nx\n")
    assert main(["encode", bert, "corpus", "--field", "t", "-o", "ids.jsonl", "--quiet"]) == 0
    assert list(read_ids("ids.jsonl")) == [[4], [5, 4], [9]]


def test_a_corpus_without_text_is_told(bert: str, caplog: pytest.LogCaptureFixture) -> None:
    Path("empty.txt").touch()
    assert main(["encode", bert, "empty.txt", "-o", "ids.npy"]) == 0
    assert list(read_ids("ids.npy")) == []
    assert caplog.messages[-1:] == ["there is no text in empty.txt"]


def test_a_vocabulary_that_torch_saved_is_no_token_file(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("vocab.bin").write_bytes(b"PK\x03\x04")
    assert main(["info", "vocab.bin", "--type", "transfo_xl"]) == 1
    assert "vocab.bin' as plain objects saved by torch" in capsys.readouterr().err
