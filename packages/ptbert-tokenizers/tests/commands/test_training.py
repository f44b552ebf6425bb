"""The commands that train vocabularies."""

import gzip
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ptbert_tokenizers import BertTokenizer, GPT2Tokenizer, TransfoXLTokenizer, train_byte_bpe
from ptbert_tokenizers.__main__ import main

LINES = ["Low lower lowest", "low [X] new newer newest", "Newer"]


@pytest.fixture(autouse=True)
def _text() -> None:
    Path("text").write_text("\n".join(LINES) + "\n", encoding="utf-8")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_train_makes_the_folder_that_the_function_makes(
    workers: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["train", "byte-bpe", "text", "--size", "265", "-o", "new", "--workers", workers])

    train_byte_bpe(LINES, 265).save("expected")
    assert code == 0
    # Low, lower, lowest; low, and the space before [X]; [, X, ]; new, newer, newest; Newer
    assert capsys.readouterr().out == "265 tokens in 'new', from 11 words, 11 of them different\n"
    for name in os.listdir("expected"):
        assert Path("new", name).read_bytes() == Path("expected", name).read_bytes()


def test_options_reach_the_vocabulary() -> None:
    options = ["--cased", "--special-tokens", "[X]", "[Y]", "--unused", "2", "--limit-alphabet"]

    main(["train", "wordpiece", "text", "--size", "99", "-o", "new", *options, "4", "--quiet"])

    tokenizer = BertTokenizer.from_pretrained("new")
    tokens = tokenizer.convert_ids_to_tokens(range(13))
    # e, w, and of n, r, o and l: N occurs once and L once, e 9 times, w 9, r 3, o 4, l 3, n 3
    assert tokens[5:] == ["[X]", "[Y]", "[unused0]", "[unused1]", "e", "l", "o", "w"]
    assert tokenizer.settings()["do_lower_case"] is False


def test_how_the_text_is_cut_is_kept_with_the_vocabulary() -> None:
    Path("accents").write_text("é 京都", encoding="utf-8")
    cut = ["--no-strip-accents", "--no-tokenize-chinese-chars", "--cased"]

    main(["train", "wordpiece", "accents", "--size", "99", "-o", "new", *cut])
    main(["count-words", "wordpiece", "accents", "-o", "counts", "--cased", "--strip-accents"])
    main(["train", "wordpiece", "counts", "--size", "99", "-o", "stripped"])

    tokenizer = BertTokenizer.from_pretrained("new")
    assert tokenizer.tokenize("é 京都") == ["é", "京", "##都"]
    settings = tokenizer.settings()
    assert (settings["strip_accents"], settings["tokenize_chinese_chars"]) == (False, False)
    assert BertTokenizer.from_pretrained("stripped").tokenize("é 京都") == ["e", "京", "都"]


def test_counts_of_parts_train_what_the_whole_trains(capsys: pytest.CaptureFixture[str]) -> None:
    for number, line in enumerate(LINES):
        Path(f"part{number}").write_text(line)
        assert main(["count-words", "byte-bpe", f"part{number}", "-o", f"counts{number}"]) == 0
    assert capsys.readouterr().out.startswith("3 words, 3 of them different\n")

    code = main(
        ["train", "byte-bpe", "counts2", "counts0", "counts1", "--size", "265", "-o", "new"]
    )

    assert code == 0
    expected = train_byte_bpe(LINES, 265).tokens
    assert tuple(GPT2Tokenizer.from_pretrained("new").encoder) == expected


def test_a_folder_of_counts_is_no_folder_of_texts() -> None:
    Path("counts").mkdir()
    main(["count-words", "words", "text", "-o", "counts/1"])
    main(["count-words", "words", "text", "-o", "counts/2"])

    assert main(["train", "words", "counts", "--size", "5", "-o", "new"]) == 0

    assert TransfoXLTokenizer.from_pretrained("new").idx2sym[2:] == ["Low", "Newer", "[X]"]


def test_a_corpus_of_records_is_read_by_the_field() -> None:
    Path("corpus.jsonl").write_text('{"text": "b a b", "id": "c"}\n')

    code = main(["train", "words", "corpus.jsonl", "--field", "text", "--size", "9", "-o", "new"])

    assert code == 0
    assert Path("new/vocab.txt").read_text().split() == ["<eos>", "<unk>", "b", "a"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("train wordpiece missing --size 99 -o new", "no text file at 'missing'; check the path"),
        ("train wordpiece empty --size 99 -o new", "there is no word to learn from"),
        (
            "train wordpiece bytes --size 99 -o new",
            "'bytes' is not UTF-8: line 2 has the byte 0xe9",
        ),
        ("train wordpiece text --size 9 -o new", "size=9 is too small"),
        ("train wordpiece text --size 99 -o .", "'.' is there already; choose another folder"),
        ("train bpe text --size 99 -o new --cased", "lower_case=False is not for bpe"),
        ("train bpe counts --size 99 -o new", "'counts' has the counts of words for words; train"),
        ("train words counts text --size 9 -o new", "'text' is a text; count its words first"),
        ("train words counts --size 9 -o new --uncased", "belong to count-words"),
        ("train words counts --size 9 -o new --strip-accents", "belong to count-words"),
        ("train words text --size 9 -o new --strip-accents", "are not for words; leave them out"),
        ("train words text --size 9 -o new --special-tokens <unk>", "'<unk>' is there twice"),
        (
            "train words text --size 9 -o new --max-words 0",
            "max_words=0 is no whole number from 1 on; correct it",
        ),
        ("train words packed --size 9 -o new", "a file of count-words is among the texts; give"),
        ("count-words words counts -o new", "a file of count-words is among the texts; give such"),
        ("count-words words text -o text", "'text' is both an input and an output; give"),
        ("count-words words text -o nowhere/counts", "nowhere"),
    ],
)
def test_errors_are_one_line_and_leave_nothing_behind(
    arguments: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("empty").write_text("")
    Path("bytes").write_bytes(b"good\ncaf\xe9\n")
    main(["count-words", "words", "text", "-o", "counts"])
    Path("packed").write_bytes(gzip.compress(Path("counts").read_bytes()))
    before = {name: Path(name).read_bytes() for name in os.listdir()}
    capsys.readouterr()

    assert main(arguments.split()) == 1

    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1
    assert {name: Path(name).read_bytes() for name in os.listdir()} == before


def test_standard_input_is_a_text() -> None:
    command = [sys.executable, "-m", "ptbert_tokenizers", "train", "words", "-", "--size", "9"]

    answer = subprocess.run(
        [*command, "-o", "new"], input=b"b a b", capture_output=True, check=True
    )

    assert answer.stdout == b"4 tokens in 'new', from 3 words, 2 of them different\n"
    assert Path("new/vocab.txt").read_text().split() == ["<eos>", "<unk>", "b", "a"]


# Python's own handler of signals is in force until the command runs.
START = """\
import sys
from ptbert_tokenizers import __main__
from ptbert_tokenizers.commands import training
real = training._counted
def told(options):
    sys.__stdout__.write("ready\\n")
    sys.__stdout__.flush()
    return real(options)
training._counted = told
sys.exit(__main__.main(sys.argv[1:]))
"""


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_signal_ends_training_in_one_line_and_nothing_is_left(workers: str) -> None:
    Path("work").mkdir()
    words = ["train", "words", "-", "--size", "9", "-o", "new", "--workers", workers]

    with subprocess.Popen(
        [sys.executable, "-c", START, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd="work",
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"ready\n"
        process.stdin.write(b"a b\n" * 1000)
        process.stdin.flush()
        process.send_signal(signal.SIGTERM)
        told = process.stderr.read().decode().splitlines()

    assert process.returncode == 128 + signal.SIGTERM
    assert told == ["ptbert-tokenizers: stopped"]
    assert os.listdir("work") == []
