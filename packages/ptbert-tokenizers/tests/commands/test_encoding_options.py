"""The options of encode say how texts become ids, and what documents are."""

import json
from pathlib import Path
from typing import Any

import pytest

from ptbert_tokenizers.__main__ import main
from ptbert_tokenizers.files.vocabulary import write_lines
from ptbert_tokenizers.token_files.formats import read_ids


def encoded(*words: str) -> list[list[int]]:
    assert main(["encode", *words, "-o", "ids.jsonl", "--quiet"]) == 0
    return list(read_ids("ids.jsonl"))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], [[4, 5, 4], [8, 9, 10, 4], [], [8, 1, 10, 5]]),
        (["--uncased"], [[4, 5, 4], [8, 9, 10, 4], [], [8, 1, 10, 5]]),
        (["--cased"], [[6, 5, 6], [8, 9, 10, 4], [], [8, 1, 10, 5]]),
        (["--special-tokens", "<x>", "<new>"], [[4, 5, 4], [7, 4], [], [11, 5]]),
        (
            ["--special-tokens", "<x>", "--special-tokens", "<new>"],
            [[4, 5, 4], [7, 4], [], [11, 5]],
        ),
        (["--max-len", "2"], [[4, 5], [8, 9], [], [8, 1]]),
        (
            ["--add-special-tokens"],
            [[2, 4, 5, 4, 3], [2, 8, 9, 10, 4, 3], [2, 3], [2, 8, 1, 10, 5, 3]],
        ),
        (
            ["--add-special-tokens", "--max-len", "4", "--workers", "2"],
            [[2, 4, 5, 3], [2, 8, 9, 3], [2, 3], [2, 8, 1, 3]],
        ),
    ],
)
def test_options_say_how_texts_become_ids(
    bert: str, options: list[str], expected: list[list[int]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert encoded(bert, "text.txt", *options) == expected
    assert main(["count", bert, "text.txt", "--quiet", *options]) == 0
    assert f"{sum(map(len, expected))} tokens" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--separator", "x"], [[4, 5, 4, 9], [8, 9, 10, 4, 9], [9], [8, 1, 10, 5, 9]]),
        (["--separator", "x", "--max-len", "3"], [[4, 5, 9], [8, 9, 9], [9], [8, 1, 9]]),
        (["--add-special-tokens", "--separator", "x", "--max-len", "4"], "frames"),
        (["--max-len", "3", "--stride", "1"], [[4, 5, 4], [8, 9, 10], [10, 4], [], "end"]),
        (["--special-tokens", "<new>", "--separator", "<new>", "--max-len", "1"], [[11]] * 4),
        (["--documents", "blank-lines"], [[4, 5, 4, 8, 9, 10, 4], [8, 1, 10, 5]]),
        (["--documents", "files"], [[4, 5, 4, 8, 9, 10, 4, 8, 1, 10, 5]]),
    ],
)
def test_options_say_what_documents_are_and_how_they_are_cut(
    bert: str, options: list[str], expected: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    if expected == "frames":
        expected = [[2, 4, 3, 9], [2, 8, 3, 9], [2, 3, 9], [2, 8, 3, 9]]
    elif expected[-1] == "end":
        expected[-1:] = [[8, 1, 10], [10, 5]]
    for workers in ("1", "2"):
        assert encoded(bert, "text.txt", *options, "--workers", workers) == expected
    assert main(["count", bert, "text.txt", "--quiet", *options]) == 0
    unit = "documents" if "--documents" in options else "lines"
    counted = capsys.readouterr().out
    assert f" {unit}, " in counted
    assert f"{sum(map(len, expected))} tokens" in counted


def test_casing_may_be_said_for_any_family_that_has_it(
    gpt2: Path, bert: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_lines("xl.txt", ["<eos>", "<unk>", "a", "A"])
    Path("text.txt").write_text("A a\n")
    assert encoded("xl.txt", "text.txt") == [[3, 2]]
    assert encoded("xl.txt", "text.txt", "--uncased") == [[2, 2]]
    assert encoded("xl.txt", "text.txt", "--uncased", "--type", "transfo_xl") == [[2, 2]]

    assert main(["count", str(gpt2), "text.txt", "--cased"]) == 1
    message = "--cased is not for GPT2Tokenizer, whose casing is fixed; leave it out"
    assert capsys.readouterr().err == f"ptbert-tokenizers: {message}\n"
    assert main(["info", bert, "--cased"]) == 0
    assert json.loads(capsys.readouterr().out)["do_lower_case"] is False
    write_lines("vague.txt", ["a"])
    assert main(["info", "vague.txt", "--cased"]) == 1
    assert "cannot tell which tokenizer reads 'vague.txt'" in capsys.readouterr().err


def test_bad_bytes_are_treated_as_asked(
    bert: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    Path("text.txt").write_bytes(b"a\nb\xff\nb\n")

    assert encoded(bert, "text.txt", "--errors", "replace") == [[4], [5], [5]]
    assert encoded(bert, "text.txt", "--errors", "skip") == [[4], [5]]
    assert caplog.messages[-1:] == [
        "lines of 'text.txt' left out because they are not UTF-8: 1; the first is line 2"
    ]
    for options in ([], ["--errors", "strict"]):
        assert main(["count", bert, "text.txt", *options]) == 1
        assert capsys.readouterr().err == (
            "ptbert-tokenizers: 'text.txt' is not UTF-8: line 2 has the byte 0xff; "
            "convert it first\n"
        )
