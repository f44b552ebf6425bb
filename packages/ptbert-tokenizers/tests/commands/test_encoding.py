"""The command line, called as a function and as a program."""

import gzip
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_corpus import LINES

from ptbert_tokenizers import GPT2Tokenizer, TransfoXLTokenizer
from ptbert_tokenizers.__main__ import main
from ptbert_tokenizers.batches.text_blocks import BlockedTexts
from ptbert_tokenizers.files import lines
from ptbert_tokenizers.token_files.formats import id_writer, read_ids


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("output", ["ids.npy", "ids.jsonl"])
def test_encode_writes_what_decode_reads(
    gpt2: Path,
    output: str,
    workers: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lines, "_CHUNK", 12)  # several blocks
    monkeypatch.setattr(BlockedTexts.blocks, "__defaults__", (12,))
    model, files = str(gpt2), ["text.txt", "text.txt"]

    assert main(["encode", model, *files, "-o", output, "--workers", workers, "--quiet"]) == 0
    assert main(["decode", model, output, "--raw"]) == 0

    tokenizer = GPT2Tokenizer.from_pretrained(gpt2)
    assert list(read_ids(output)) == [tokenizer.encode(line) for line in LINES * 2]
    assert capsys.readouterr().out == "".join(f"{line}\n" for line in LINES * 2)


@pytest.mark.parametrize(
    ("options", "kind"),
    [([], np.uint16), (["--bits", "16"], np.uint16), (["--bits", "32"], np.int32)],
)
def test_arrays_are_ids_as_narrow_as_fits_and_int64_bounds(
    gpt2: Path, options: list[str], kind: type
) -> None:
    main(["encode", str(gpt2), "text.txt", "-o", "ids.npy", "--quiet", *options])

    ids, bounds = np.load("ids.npy"), np.load("ids.bounds.npy")

    assert (ids.dtype, bounds.dtype) == (kind, np.int64)
    assert ids[:3].tolist() == [256, 257, 78]  # he ll o
    assert bounds[:3].tolist() == [0, 9, 9]
    assert bounds[-1] == len(ids)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no named pipes")
@pytest.mark.parametrize("kind", ["file", "gz", "pipe", "stdin", "jsonl", "csv", "blank-lines"])
def test_several_processes_write_the_bytes_of_one_whatever_they_read(
    gpt2: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [f"héllo {number} " * (number % 12) + "京都\r" for number in range(6_000)]
    plain = "".join(f"{text}\n" for text in texts).encode()
    options: list[str] = []
    source, given = f"corpus.{kind}", b""
    if kind == "gz":
        plain = gzip.compress(plain)
    elif kind in {"jsonl", "csv"}:
        options = ["--field", "t"]
        lines = [json.dumps({"t": text}) if kind == "jsonl" else f'"{text}"' for text in texts]
        plain = "".join(f"{line}\n" for line in [*["t"] * (kind == "csv"), *lines]).encode()
    elif kind == "blank-lines":
        options, plain = ["--documents", kind], plain.replace(b"\r\n", b"\n\n", 1000)
    elif kind == "stdin":
        source, given = "-", plain
    found = []
    for workers in ("1", "2"):
        if kind == "pipe":
            os.mkfifo(source)
            writer = threading.Thread(target=Path(source).write_bytes, args=[plain])
            writer.start()
        elif kind != "stdin":
            Path(source).write_bytes(plain)
        command = ["encode", str(gpt2), source, "-o", "ids.npy", "--quiet", *options]
        raw: Any = io.BytesIO(given)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(raw)))
        assert main([*command, "--workers", workers]) == 0
        if kind == "pipe":
            writer.join()
            os.unlink(source)
        found.append([Path(name).read_bytes() for name in ("ids.npy", "ids.bounds.npy")])
    assert found[0] == found[1]
    assert len(found[0][0]) > 2**19  # several blocks


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_line_of_an_error_is_the_first_with_several_processes_too(
    gpt2: Path, workers: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [json.dumps({"t": "hello " * 10})] * 20_000
    lines[9_999] = lines[15_000] = '{"u": 1}'
    Path("corpus.jsonl").write_text("\n".join(lines))
    before = sorted(os.listdir())

    code = main(
        ["encode", str(gpt2), "corpus.jsonl", "--field", "t", "-o", "a.npy", "--workers", workers]
    )

    assert code == 1
    assert "'corpus.jsonl' line 10000 has no field 't'; it has 'u'" in capsys.readouterr().err
    assert sorted(os.listdir()) == before


def test_an_empty_file_makes_an_empty_array(gpt2: Path) -> None:
    Path("empty.txt").touch()

    assert main(["encode", str(gpt2), "empty.txt", "-o", "ids.npy", "--quiet"]) == 0

    assert np.load("ids.npy").shape == (0,)
    assert np.load("ids.bounds.npy").tolist() == [0]


def test_count_and_progress(
    gpt2: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = sum(len(GPT2Tokenizer.from_pretrained(gpt2).encode(line)) for line in LINES)
    counted = f"4 lines, {sum(map(len, LINES))} characters, {tokens} tokens\n"

    assert main(["count", str(gpt2), "text.txt"]) == 0
    assert capsys.readouterr() == (counted, "")  # a bar is for terminals

    monkeypatch.setenv("PTBERT_HUB_PROGRESS", "1")
    monkeypatch.setattr("ptbert_hub.progress.BAR_SECONDS", 0)
    monkeypatch.setattr("ptbert_hub.progress.BAR_BYTES", 0)
    for words in (["--quiet"], []):
        assert main(["count", str(gpt2), "text.txt", *words]) == 0
        shown = capsys.readouterr()
        assert shown.out == counted
        assert ("text.txt: " in shown.err) is (words == [])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gpt2", {"class": "GPT2Tokenizer", "tokens": 50257, "merges": 50000}),
        ("openai-gpt", {"class": "OpenAIGPTTokenizer", "tokens": 40478, "merges": 40000}),
        ("bert-base-uncased", {"class": "BertTokenizer", "tokens": 30522, "do_lower_case": True}),
    ],
)
def test_info_tells_the_family_by_the_files(
    name: str,
    expected: dict[str, object],
    published: Callable[[str], Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["info", str(published(name))]) == 0

    facts = json.loads(capsys.readouterr().out)
    assert expected.items() <= facts.items()


def test_transformer_xl_is_told_by_its_symbols(capsys: pytest.CaptureFixture[str]) -> None:
    built = TransfoXLTokenizer(special=["<eos>", "<unk>"])
    built.count_sents([["the", "cat"]])
    built.build_vocab()
    built.save_vocabulary(".")
    Path("text.txt").write_text("the cat\n")

    assert main(["encode", ".", "text.txt", "-o", "ids.jsonl", "--quiet"]) == 0
    assert main(["decode", "vocab.txt", "ids.jsonl"]) == 0

    assert Path("ids.jsonl").read_text() == "[2,3]\n"
    assert capsys.readouterr().out == "the cat\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["encode", "{}", "absent.txt", "-o", "ids.npy"], "no text file at 'absent.txt'"),
        (["encode", "{}", "latin.txt", "-o", "ids.npy"], "'latin.txt' is not UTF-8: line 3 has"),
        (["encode", "{}", "text.txt", "-o", "ids.csv"], "written to .npy or .jsonl files, not to"),
        (["encode", "{}", "text.txt", "-o", "no/ids.npy"], "there is no folder"),
        (["encode", "{}", "text.txt", "-o", "ids.npy/"], "not to 'ids.npy/'"),
        (["encode", "{}", "text.txt", "-o", "folder.npy"], "'folder.npy' is a folder; give the"),
        (
            ["encode", "{}", "text.txt", "./far.jsonl", "-o", "far.jsonl"],
            "'./far.jsonl' is both an input and an output; give another output",
        ),
        (
            ["encode", "{}", "text.txt", "-o", "ids.npy", "--max-len", "0"],
            "max_len=0 is not a length; choose a whole number from 1 on",
        ),
        (
            ["encode", "{}", "text.txt", "-o", "ids.npy", "--separator", "<eos>"],
            "the vocabulary has no token '<eos>' to put between documents; name one",
        ),
        (
            ["encode", "{}", "text.txt", "-o", "ids.npy", "--stride", "2"],
            "stride=2 is for windows, which need a length; give max_len too",
        ),
        (
            ["encode", "{}", "text.txt", "-o", "ids.npy", "--stride", "2", "--max-len", "2"],
            "stride=2 does not fit windows of 2 tokens; choose 0 to 1",
        ),
        (["encode", "{}", "text.txt", "-o", "ids.bin"], "'ids.bin' may have several formats; say"),
        (["encode", "{}", "a.jsonl", "-o", "ids.npy"], "'a.jsonl' has records of the format jso"),
        (["info", "far.npy"], "'far.npy' is not an .npy file of ids; write it again"),
        (["verify", "far.npy"], "'far.npy' is not an .npy file of ids; write it again"),
        (["decode", "{}", "absent.npy"], "there is no file 'absent.npy'"),
        (["decode", "{}", "text.txt"], "'text.txt' line 1 is not a JSON list of ids"),
        (["decode", "{}", "far.jsonl"], "id 99999 is outside the vocabulary"),
        (["info", "gpt3"], "'gpt3' is neither a known checkpoint"),
        (["info", "--type", "bert", "nowhere"], "'nowhere' is neither a known checkpoint"),
        (
            ["count", "{}", "text.txt", "--workers", "0"],
            "workers=0 is no whole number from 1 to 1024",
        ),
    ],
)
def test_errors_are_one_line_and_leave_nothing_behind(
    gpt2: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("latin.txt").write_bytes("\n\né".encode("latin-1"))
    Path("far.jsonl").write_text("[99999]\n")
    Path("far.npy").write_text("[99999]\n")
    Path("a.jsonl").write_text("{}\n")
    Path("folder.npy").mkdir()
    before = sorted(Path().iterdir())

    assert main([argument.format(gpt2) for argument in [*arguments]]) == 1

    shown = capsys.readouterr()
    assert shown.out == ""
    last = shown.err.splitlines()[-1]
    assert last.startswith("ptbert-tokenizers: ")
    assert message in last
    assert sorted(Path().iterdir()) == before


def test_ids_go_through_pipes(
    gpt2: Path, capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    for output in ("-", "/dev/stdout"):
        assert main(["encode", str(gpt2), "text.txt", "-o", output]) == 0
        printed = capsysbinary.readouterr().out
        ids = [json.loads(line) for line in printed.splitlines()]
        assert ids == [GPT2Tokenizer.from_pretrained(gpt2).encode(line) for line in LINES]

    stream = io.TextIOWrapper(io.BufferedReader(io.BytesIO(printed)), encoding="cp1252")
    monkeypatch.setattr(sys, "stdin", stream)
    assert main(["decode", str(gpt2), "-", "--raw"]) == 0
    assert capsysbinary.readouterr().out == "".join(f"{line}\n" for line in LINES).encode()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no named pipes")
def test_ids_are_written_into_a_pipe_that_is_there(gpt2: Path) -> None:
    os.mkfifo("pipe")
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(Path("pipe").read_bytes()))
    reader.start()

    assert main(["encode", str(gpt2), "text.txt", "-o", "pipe"]) == 0

    reader.join()
    assert len(received[0].splitlines()) == len(LINES)
    assert not Path("pipe").is_file()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="has no device that is full")
def test_a_full_device_is_named(gpt2: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["encode", str(gpt2), "text.txt", "-o", "/dev/full"]) == 1
    full = "ptbert-tokenizers: [Errno 28] No space left on device: "
    assert capsys.readouterr().err == f"{full}'/dev/full'\n"

    words = ["encode", str(gpt2), "text.txt", "-o", "-"]
    with open("/dev/full", "wb") as device:
        done = subprocess.run(
            [sys.executable, "-m", "ptbert_tokenizers", *words],
            stdout=device,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, f"{full}'standard output'\n")


def test_output_through_a_link_lands_where_it_points(gpt2: Path) -> None:
    Path("scratch").mkdir()
    Path("ids.npy").symlink_to("scratch/ids.npy")

    assert main(["encode", str(gpt2), "text.txt", "-o", "ids.npy"]) == 0

    assert Path("ids.npy").is_symlink()
    assert os.listdir("scratch") == ["ids.npy"]
    assert len(list(read_ids("ids.npy"))) == len(LINES)


def test_an_interrupted_writer_leaves_the_old_file() -> None:
    Path("ids.npy").write_text("old")

    with pytest.raises(RuntimeError, match="stop"), id_writer("ids.npy"):
        raise RuntimeError("stop")

    assert Path("ids.npy").read_text() == "old"
    assert [path.name for path in Path().iterdir()] == ["ids.npy"]


def test_it_runs_as_a_module(gpt2: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "ptbert_tokenizers", "count", str(gpt2), "text.txt", "--quiet"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert answer.stdout.startswith("4 lines")
    assert answer.stderr == ""
