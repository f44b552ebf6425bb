"""``ptbert run``: a program of 2019 with ptbert in the place of the library it imports."""

from __future__ import annotations

import argparse
import os
import runpy
import sys
from importlib.util import find_spec
from types import TracebackType

from ptbert.commands.command import Command
from ptbert.drop_in.children import install_in_children
from ptbert.drop_in.install import install_as
from ptbert.drop_in.release import RELEASES

NAME_2019 = "pytorch_pretrained_bert"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.usage = "ptbert run [-h] [--release RELEASE] (SCRIPT | -m MODULE) [ARGS ...]"
    parser.add_argument(
        "--release",
        choices=RELEASES,
        default="april",
        help="where the two states of 2019 disagree: the last release, 0.6.2 (april, the default), "
        "or the last documented state (june), whose GPT models return all layers",
    )
    parser.add_argument(
        "-m", dest="module", nargs=argparse.REMAINDER, help="a module and its arguments"
    )
    parser.add_argument("script", nargs=argparse.REMAINDER, help="a script and its arguments")


def run(arguments: argparse.Namespace) -> tuple[str, ...]:
    """Run the program; what it raises ends this process as it would end its own."""
    words = arguments.module or arguments.script
    if not words:
        raise ValueError("there is no program to run; give a script, or -m and a module")
    install_as(NAME_2019, release=arguments.release)
    install_in_children(release=arguments.release)
    if arguments.module:
        _run_module(words)
    else:
        _run_script(words)
    return ()


def _run_script(words: list[str]) -> None:
    script = words[0]
    if not os.path.exists(script):
        raise FileNotFoundError(f"there is no script {script!r}; check the path")
    _set_first_path(os.path.dirname(os.path.realpath(script)))
    sys.argv = words
    try:
        runpy.run_path(script, run_name="__main__")
    except Exception as error:
        _die(error)


def _run_module(words: list[str]) -> None:
    module = words[0]
    _set_first_path(os.getcwd())
    if find_spec(module) is None:
        raise ModuleNotFoundError(f"there is no module {module!r}; check the name and sys.path")
    sys.argv = ["-m", *words[1:]]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except Exception as error:
        _die(error)


def _set_first_path(folder: str) -> None:
    """Put the program's folder where python put that of this command, if it puts one at all."""
    if not sys.flags.safe_path:
        sys.path[0] = folder


def _die(error: Exception) -> None:
    """Report what the program did not catch, from its own first line on, and exit."""
    place: TracebackType | None = error.__traceback__
    while place is not None and place.tb_frame.f_globals.get("__name__") in {__name__, "runpy"}:
        place = place.tb_next
    sys.excepthook(type(error), error.with_traceback(place), place)
    sys.exit(1)


COMMAND = Command(
    name="run",
    summary="run a program that imports pytorch_pretrained_bert, with ptbert in its place",
    examples="""\
  ptbert run run_classifier.py --task_name MRPC --do_train
  ptbert run -m my_package.train --epochs 3
  ptbert run --release june run_gpt2.py

The program sees its own sys.argv, __main__ and sys.path[0], as python would set them.
Python processes that it starts have ptbert in that place too.
""",
    add_arguments=add_arguments,
    run=run,
)
