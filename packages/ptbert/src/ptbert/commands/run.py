"""``ptbert run``: run a program of 2019 with ptbert in place of the library that it imports."""

from __future__ import annotations

import argparse
import os
import sys
from difflib import get_close_matches
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from ptbert.commands.command import Command
from ptbert.drop_in.children import install_in_children
from ptbert.drop_in.install import IMPORT_PATH
from ptbert_hub.release import RELEASES

if TYPE_CHECKING:
    from ptbert.doctor.copies import Copy

_STANDARD_INPUT = "-"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.usage = "ptbert run [-h] [--release RELEASE] [--as NAME] (SCRIPT | -m MODULE) [ARGS ...]"
    parser.add_argument(
        "--release",
        choices=RELEASES,
        default="april",
        help="which state of 2019 to follow where they differ: the last release, 0.6.2 (april, the "
        "default), or the last documented one (june), whose GPT models return all layers",
    )
    parser.add_argument(
        "--as",
        dest="copies",
        action="append",
        default=[],
        metavar="NAME",
        help="what the program imports its own copy of the library by, if it has one; ptbert takes "
        "its place too",
    )
    parser.add_argument(
        "-m", dest="module", nargs=argparse.REMAINDER, help="a module and its arguments"
    )
    parser.add_argument(
        "script",
        nargs=argparse.REMAINDER,
        help="a script, a folder or zip file with __main__.py, or - for standard input; and its "
        "arguments",
    )


def run(arguments: argparse.Namespace) -> NoReturn:
    """Become a Python process that runs the program, or wait for one where that cannot be done.

    The process is python itself, so the program sees what it would see under python. ptbert is
    only found under the name of the old library; see ``ptbert.drop_in.children``.

    Args:
        arguments: with ``module`` or ``script``, each the words of a command line.

    Raises:
        OSError: if there is no such script.
        ValueError: if neither is given, if this process ignores its environment, or if a name
            given by ``--as`` is not that of a copy.
        ImportError: if there is no such module.
    """
    words = arguments.module or arguments.script
    if words[:1] == ["--"] and not arguments.module:
        words = words[1:]
    if not words:
        raise ValueError("there is no program to run; give a script, or -m and a module")
    if sys.flags.ignore_environment:
        raise ValueError("the options -E and -I of python hide what ptbert run needs; leave them")
    if arguments.module:
        _check_module(words[0])
        words = ["-m", *words]
    elif words[0] != _STANDARD_INPUT and not os.path.exists(words[0]):
        raise FileNotFoundError(f"there is no script {words[0]!r}; check the path")
    imported = _imported(words) if arguments.copies else frozenset()
    for name in arguments.copies:
        check_copy(name, _first_folder(words), imported)
    install_in_children(release=arguments.release, copies=arguments.copies)
    command = [sys.executable, *_options_of_python(), *words]
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name == "nt":  # there a process that becomes another one ends for who started it
        import subprocess

        sys.exit(subprocess.run(command, check=False).returncode)
    os.execv(sys.executable, command)


def check_copy(name: str, folder: str, imported: frozenset[str] = frozenset()) -> None:
    """Check that ptbert may take the place of a package: a copy of the library, or none at all.

    Args:
        name: of the package.
        folder: from which the program imports first.
        imported: the dotted names that the program imports; empty if they are not known. If the
            name is not among them, that is said on the standard error stream.

    Raises:
        ValueError: if the name cannot be used, is of another module, is of a copy that ptbert
            cannot replace, or seems to be misspelled.
    """
    if not name.isidentifier() or name == "ptbert":
        raise ValueError(
            f"--as {name} cannot be used; give the one name of a package that the program imports, "
            "such as my_bert"
        )
    if name in sys.stdlib_module_names:
        raise ValueError(f"--as {name} is a module of Python; give the name of the copy")
    spec = PathFinder.find_spec(name, [folder, *sys.path])
    if spec is None:  # the copy was deleted already
        _tell_what_is_imported(name, folder, imported, is_there=False)
        return
    found, place = _copy_at(spec)
    if found is None:
        raise ValueError(
            f"--as {name}: {place!r} is no copy of the library, and ptbert "
            "takes the place of copies alone; check the name, or change the imports of the program"
        )
    if found.own:
        raise ValueError(
            f"--as {name}: {found.described}; run the program by python, or import what was added "
            "from a module of its own"
        )
    if obstacle := found.obstacle(imported):
        raise ValueError(f"--as {name}: {obstacle}; run the program by python")
    _tell_what_is_imported(name, folder, imported, is_there=True)


def _copy_at(spec: ModuleSpec) -> tuple[Copy | None, str]:
    """The copy of the library that a module is, if it is one, and where the module is."""
    from ptbert.doctor.copies import copy_in

    places = list(spec.submodule_search_locations or ())
    found = copy_in(Path(places[0])) if places else None
    return found, spec.origin or places[0]


def _tell_what_is_imported(
    name: str, folder: str, imported: frozenset[str], *, is_there: bool
) -> None:
    """Say so if no import has a name; refuse the name if it looks like a misspelled one."""
    if not imported or name in {each.partition(".")[0] for each in imported}:
        return
    roots = {each.partition(".")[0] for each in imported} - sys.stdlib_module_names - {""}
    specs = {each: PathFinder.find_spec(each, [folder]) for each in sorted(roots)}
    copies = [each for each, spec in specs.items() if spec is not None and _copy_at(spec)[0]]
    near = get_close_matches(name, copies or sorted(roots), 1)
    what = f"--as {name}: no import of the program, or of the modules beside it, has this name"
    if copies:
        what += f"; copies of the library that it imports: {', '.join(copies)}"
    elif roots:
        what += f"; it imports {', '.join(sorted(roots))}"
    if near and not is_there:
        raise ValueError(f"{what}; did you mean {near[0]}?")
    print(f"ptbert run: {what}", file=sys.stderr)


def _imported(words: list[str]) -> frozenset[str]:
    """The dotted names that a program imports; none if its text is not at hand."""
    import zipfile  # late, because every command line declares this command

    from ptbert.doctor.reach import imported_by

    folder = Path(_first_folder(words)).resolve()
    if words[0] == "-m":
        start = folder.joinpath(*words[1].split("."))
        starts = [start.with_name(f"{start.name}.py"), start / "__main__.py"]
    else:
        path = Path(words[0]).resolve()
        starts = [path / "__main__.py" if path.is_dir() else path]
    for each in starts:
        if each.is_file() and not zipfile.is_zipfile(each):
            return imported_by(each, folder)
    return frozenset()


def _first_folder(words: list[str]) -> str:
    """The folder from which python lets a program import first."""
    if words[0] in {"-m", _STANDARD_INPUT}:
        return os.getcwd()
    return words[0] if os.path.isdir(words[0]) else os.path.dirname(os.path.realpath(words[0]))


def _check_module(module: str) -> None:
    """Check the first part of a module's name; python itself looks for the rest."""
    first = module.partition(".")[0]
    if not sys.flags.safe_path:
        sys.path[0] = os.getcwd()
    sys.path.insert(1, IMPORT_PATH)
    try:
        found = find_spec(first) if first else None
    except ValueError:  # a module of that name is here already, and has no spec
        return
    if found is None:
        raise ModuleNotFoundError(f"there is no module {module!r}; check the name and sys.path")


def _options_of_python() -> list[str]:
    """The options that this python was started with, such as ``-u`` and ``-W error``."""
    words = sys.orig_argv[1 : len(sys.orig_argv) - len(sys.argv) + 1]
    if not words:
        return []
    *options, last = words  # a script, or a module after -m
    if last.startswith("-m"):
        return options
    if options and options[-1].startswith("-") and options[-1].endswith("m"):
        cluster = options.pop().removesuffix("m")  # such as -Pm
        return options + ([cluster] if cluster != "-" else [])
    return options


COMMAND = Command(
    name="run",
    summary="run a program that imports pytorch_pretrained_bert, with ptbert in its place",
    examples="""\
  ptbert run run_classifier.py --task_name MRPC --do_train
  ptbert run -m my_package.train --epochs 3
  ptbert run --release june run_gpt2.py
  ptbert run --as my_bert train.py       # the program has its own copy, my_bert/modeling.py

The program is run by python itself, so everything is as under python. Python processes that it
starts get ptbert in place of the old library too.
""",
    add_arguments=add_arguments,
    run=run,
)
