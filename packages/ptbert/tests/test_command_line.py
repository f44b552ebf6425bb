import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from ptbert.__main__ import COMMANDS, command_parser, main

NAMES = [command.name for command in COMMANDS]


@pytest.mark.parametrize("name", NAMES)
def test_help_explains_each_command_with_examples(name, capsys):
    with pytest.raises(SystemExit, match="0"):
        main([name, "-h"])

    text = capsys.readouterr().out
    assert text.startswith("usage: ptbert ")
    assert "examples:\n" in text
    assert f"  ptbert {name}" in text.partition("examples:\n")[2]


def test_help_lists_all_commands(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    text = capsys.readouterr().out
    assert all(f"    {name}" in text for name in NAMES)


def test_the_names_are_those_of_the_documentation():
    assert sorted(NAMES) == [
        "cache",
        "convert",
        "convert_gpt2_checkpoint",
        "convert_openai_checkpoint",
        "convert_tf_checkpoint_to_pytorch",
        "convert_transfo_xl_checkpoint",
        "doctor",
        "download",
        "evaluate",
        "features",
        "fill-mask",
        "generate",
        "info",
        "plot",
        "predict",
        "run",
        "see",
        "tokenize",
        "train",
    ]


README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
EXAMPLES = [
    *re.findall(r"^(ptbert .*)$", "".join(re.findall(r"```console\n(.*?)```", README, re.S)), re.M),
    *(
        line
        for command in COMMANDS
        for line in re.findall(r"^  (?:.* \| )?(ptbert .*)$", command.examples, re.M)
    ),
]


@pytest.mark.parametrize("line", EXAMPLES)
def test_examples_are_understood(line):
    words = shlex.split(line.partition(" > ")[0], comments=True)[1:]
    command = command_parser().parse_args(words).command
    assert command == words[0]


def test_a_command_is_required(capsys):
    with pytest.raises(SystemExit, match="2"):
        main([])
    assert "COMMAND" in capsys.readouterr().err


def test_help_needs_no_torch():
    late = {"torch", "numpy", "requests", "zipfile", "tarfile", "tomllib", "ptbert_hub.cache"}
    code = f"import sys, ptbert.__main__; print({late} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "set()\n"


def test_a_reader_that_has_gone_is_no_error(tmp_path):
    (tmp_path / "vocab.txt").write_text("[UNK]\na\n")
    words = [sys.executable, "-m", "ptbert", "tokenize", str(tmp_path / "vocab.txt")]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdout.close()
        _, errors = process.stdin.write("a\n" * 1000), process.stdin.close()
        errors = process.stderr.read()
    assert (process.returncode, errors) == (1, "")


def test_stopping_takes_one_line(monkeypatch, capsys, tmp_path):
    def stopped(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("ptbert_tokenizers.families.load_tokenizer", stopped)
    assert main(["tokenize", str(tmp_path), "--text", "a"]) == 130
    assert capsys.readouterr().err == "ptbert tokenize: stopped\n"
