import functools
import importlib
import runpy
import subprocess
import sys

import pytest

from ptbert.__main__ import main
from ptbert.commands.conversions_2019 import run_with_options

CALLS = {
    "convert_tf_checkpoint_to_pytorch C J OUT": ("tf", ("C", "J", "OUT")),
    "convert_openai_checkpoint C OUT": ("openai", ("C", "", "OUT")),
    "convert_openai_checkpoint C OUT J": ("openai", ("C", "J", "OUT")),
    "convert_gpt2_checkpoint C OUT": ("gpt2", ("C", "", "OUT")),
    "convert_gpt2_checkpoint C OUT J": ("gpt2", ("C", "J", "OUT")),
    "convert_transfo_xl_checkpoint Model.CKPT-0 OUT J": (
        "transfo_xl",
        ("Model.CKPT-0", "J", "OUT"),
    ),
    "convert_transfo_xl_checkpoint cache.pkl OUT": ("transfo_xl", ("", "", "OUT", "cache.pkl")),
}


@pytest.fixture
def called(monkeypatch):
    """Calls of the conversions, which are tested where they are."""
    calls = []
    for source in ("tf", "openai", "gpt2", "transfo_xl"):
        name = f"convert_{source}_checkpoint_to_pytorch"
        module = importlib.import_module(f"ptbert.{name}")
        monkeypatch.setattr(module, name, lambda *args, source=source: calls.append((source, args)))
    return calls


@pytest.mark.parametrize("line", CALLS)
def test_arguments_stand_where_they_stood(line, called, capsys):
    assert main(line.split()) == 0
    assert called == [CALLS[line]]
    assert capsys.readouterr().out == "OUT\n"


@pytest.mark.parametrize(
    "missing", ["convert_tf_checkpoint_to_pytorch C J", "convert_gpt2_checkpoint C"]
)
def test_missing_arguments_are_wrong_usage(missing, called):
    with pytest.raises(SystemExit, match="2"):
        main(missing.split())
    assert called == []


def test_errors_take_one_line(tmp_path, capsys):
    words = ["convert_gpt2_checkpoint", str(tmp_path), str(tmp_path / "out")]
    assert main(words) == 1
    error = capsys.readouterr().err
    assert error.startswith("ptbert convert_gpt2_checkpoint: looked in")
    assert error.count("\n") == 1


def recorder(tf_checkpoint_path, bert_config_file, pytorch_dump_path):
    """Remember the arguments."""
    recorder.arguments = (tf_checkpoint_path, bert_config_file, pytorch_dump_path)


def test_options_are_named_like_parameters():
    run_with_options(
        recorder,
        ["--tf_checkpoint_path=C", "--pytorch_dump_path", "OUT", "--bert_config_file", "J"],
    )
    assert recorder.arguments == ("C", "J", "OUT")


def test_options_without_a_default_are_required(capsys):
    with pytest.raises(SystemExit, match="2"):
        run_with_options(recorder, ["--tf_checkpoint_path=C"])
    assert "required: --bert_config_file, --pytorch_dump_path" in capsys.readouterr().err


REQUIRED = {
    "tf": {"tf_checkpoint_path", "bert_config_file", "pytorch_dump_path"},
    "openai": {"openai_checkpoint_folder_path", "pytorch_dump_folder_path"},
    "gpt2": {"gpt2_checkpoint_path", "pytorch_dump_folder_path"},
    "transfo_xl": {"pytorch_dump_folder_path"},
}


@pytest.mark.parametrize("source", REQUIRED)
def test_options_that_2019_required_are_required_and_no_others(source, capsys):
    name = f"convert_{source}_checkpoint_to_pytorch"
    convert = getattr(importlib.import_module(f"ptbert.{name}"), name)
    given = []
    words = [f"--{option}=X" for option in REQUIRED[source]]

    assert run_with_options(functools.wraps(convert)(lambda **k: given.append(k)), words) == 0

    (values,) = given
    assert {option for option, value in values.items() if value == "X"} == REQUIRED[source]
    assert {value for option, value in values.items() if option not in REQUIRED[source]} <= {""}
    for missing in words:
        with pytest.raises(SystemExit, match="2"):
            run_with_options(convert, [word for word in words if word != missing])
        assert f"required: {missing.removesuffix('=X')}" in capsys.readouterr().err


def test_errors_of_a_module_run_as_a_program_take_one_line(tmp_path):
    module = "pytorch_pretrained_bert.convert_gpt2_checkpoint_to_pytorch"
    options = [f"--gpt2_checkpoint_path={tmp_path}", f"--pytorch_dump_folder_path={tmp_path}/out"]
    words = [sys.executable, "-m", "ptbert", "run", "-m", module, *options]

    done = subprocess.run(words, check=False, capture_output=True, text=True)

    assert done.returncode == 1
    assert done.stderr.startswith("convert_gpt2_checkpoint_to_pytorch.py: looked in")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("source", ["tf", "openai", "gpt2", "transfo_xl"])
def test_the_modules_run_as_programs(source, monkeypatch, capsys):
    module = f"ptbert.convert_{source}_checkpoint_to_pytorch"
    monkeypatch.setattr(sys, "argv", [module, "--help"])
    monkeypatch.delitem(sys.modules, module, raising=False)
    with pytest.raises(SystemExit, match="0"):
        runpy.run_module(module, run_name="__main__")
    text = capsys.readouterr().out
    assert text.startswith("usage: ")
    assert "--pytorch_dump_" in text
