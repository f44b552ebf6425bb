"""``ptbert run``: run a program of 2019 with ptbert in place of the library that it imports."""

from __future__ import annotations

import argparse
import os
import runpy
import sys
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from types import TracebackType
from typing import NoReturn

from ptbert.commands.command import Command
from ptbert.drop_in.children import install_in_children
from ptbert.drop_in.install import install_as
from ptbert_hub.release import RELEASES

NAME_2019 = "pytorch_pretrained_bert"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.usage = "ptbert run [-h] [--release RELEASE] (SCRIPT | -m MODULE) [ARGS ...]"
    parser.add_argument(
        "--release",
        choices=RELEASES,
        default="april",
        help="which state of 2019 to follow where they differ: the last release, 0.6.2 (april, the "
        "default), or the last documented one (june), whose GPT models return all layers",
    )
    parser.add_argument(
        "-m", dest="module", nargs=argparse.REMAINDER, help="a module and its arguments"
    )
    parser.add_argument("script", nargs=argparse.REMAINDER, help="a script and its arguments")


def run(arguments: argparse.Namespace) -> NoReturn:
    """Run the program, and exit as it does.

    Args:
        arguments: with ``module`` or ``script``, each the words of a command line.

    Raises:
        OSError: if there is no such script.
        ValueError: if neither is given.
        ImportError: if there is no such module.
    """
    words = arguments.module or arguments.script
    if not words:
        raise ValueError("there is no program to run; give a script, or -m and a module")
    install_as(NAME_2019, release=arguments.release)
    install_in_children(release=arguments.release)
    start = _prepare_module(words) if arguments.module else _prepare_script(words)
    try:
        start()
    except Exception as error:
        _report(error)
    sys.exit()  # skips what other commands of ptbert do at their end


def _prepare_script(words: list[str]) -> Callable[[], object]:
    script = words[0]
    if not os.path.exists(script):
        raise FileNotFoundError(f"there is no script {script!r}; check the path")
    _set_first_path(os.path.dirname(os.path.realpath(script)))
    sys.argv = words
    return partial(runpy.run_path, script, run_name="__main__")


def _prepare_module(words: list[str]) -> Callable[[], object]:
    module = words[0]
    _set_first_path(os.getcwd())
    if not _is_there(module):
        raise ModuleNotFoundError(f"there is no module {module!r}; check the name and sys.path")
    sys.argv = ["-m", *words[1:]]
    return partial(runpy.run_module, module, run_name="__main__", alter_sys=True)


def _is_there(module: str) -> bool:
    """Whether a module can be found; the packages around it are imported for that."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError as error:
        if error.name is not None and f"{module}.".startswith(f"{error.name}."):
            return False
        _report(error)
    except Exception as error:  # of the program's own packages
        _report(error)


def _set_first_path(folder: str) -> None:
    """Replace this command's folder in ``sys.path`` by the program's, if python puts one there."""
    if not sys.flags.safe_path:
        sys.path[0] = folder


def _report(error: Exception) -> NoReturn:
    """Print an uncaught error of the program, with a traceback that begins in it, and exit."""
    place: TracebackType | None = error.__traceback__
    while place is not None and _is_around_the_program(place):
        place = place.tb_next
    sys.excepthook(type(error), error.with_traceback(place), place)
    sys.exit(1)


def _is_around_the_program(place: TracebackType) -> bool:
    name = str(place.tb_frame.f_globals.get("__name__"))
    return name == __name__ or name.partition(".")[0] in {"importlib", "runpy"}


COMMAND = Command(
    name="run",
    summary="run a program that imports pytorch_pretrained_bert, with ptbert in its place",
    examples="""\
  ptbert run run_classifier.py --task_name MRPC --do_train
  ptbert run -m my_package.train --epochs 3
  ptbert run --release june run_gpt2.py

The program gets the same sys.argv, __main__ and sys.path[0] as under python. Python processes
that it starts get ptbert in place of the old library too.
""",
    add_arguments=add_arguments,
    run=run,
)
