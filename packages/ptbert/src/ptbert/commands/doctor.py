"""``ptbert doctor``: what differs for a program of 2019, or the state of this installation."""

from __future__ import annotations

import argparse
from collections.abc import Generator

from ptbert.commands.command import Command
from ptbert_hub.messages import json_text

MUST_BE_CHANGED = 3  # the exit code


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "path", nargs="?", metavar="FILE|FOLDER", help="a program, a notebook or a folder of them"
    )
    parser.add_argument("--json", action="store_true", help="print what is found as JSON")


def run(arguments: argparse.Namespace) -> Generator[str, None, int]:
    """Yield the report; return 3 if something in a program must be changed."""
    if arguments.path is None:
        from ptbert.doctor.installation import installation, lines_of_installation

        facts = installation()
        yield from [json_text(facts)] if arguments.json else lines_of_installation(facts)
        return 0
    from ptbert.doctor.diagnosis import diagnosis_of
    from ptbert.doctor.report import json_of, lines_of

    diagnosis = diagnosis_of(arguments.path)
    if arguments.json:
        yield json_text(json_of(diagnosis))
    else:
        yield from lines_of(diagnosis)
    return MUST_BE_CHANGED if diagnosis.must_be_changed else 0


COMMAND = Command(
    name="doctor",
    summary="say what differs for a program of 2019, or describe this installation",
    examples="""\
  ptbert doctor train.py            # one program
  ptbert doctor my_project/         # all programs and notebooks in a folder
  ptbert doctor my_project/ --json
  ptbert doctor                     # versions, devices, cache and network, for a bug report

A program is read and never run. The exit code is 0 if it runs as it is, 3 if a line must be changed
or a file cannot be read, and 1 after an error.
""",
    add_arguments=add_arguments,
    run=run,
)
