"""The command ``ptbert``: one subcommand for each job."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

from ptbert.commands import (
    cache,
    conversions_2019,
    convert,
    doctor,
    evaluate,
    features,
    fill_mask,
    generate,
    info,
    predict,
    run,
    see,
    tokenize,
    train,
)
from ptbert.commands.wording import CommandParser, in_options
from ptbert_hub import add_version, run_command

COMMANDS = (
    run.COMMAND,
    doctor.COMMAND,
    info.COMMAND,
    train.COMMAND,
    evaluate.COMMAND,
    predict.COMMAND,
    features.COMMAND,
    fill_mask.COMMAND,
    generate.COMMAND,
    tokenize.COMMAND,
    see.COMMAND,
    see.PLOT,
    convert.COMMAND,
    *cache.COMMANDS,
    *conversions_2019.COMMANDS,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code.

    The code is 0, 1 after an error, 2 after wrong usage, or 128 plus the number of the signal that
    stopped it: 130 after Ctrl-C. Errors are printed on one line. The exit code of ``ptbert run`` is
    that of its program.

    Args:
        arguments: the words after ``ptbert``; those of this process when None.
    """
    chosen = command_parser().parse_args(arguments)
    runs_a_program = chosen.command == run.COMMAND.name
    if not runs_a_program:  # a program sets up its own
        logging.basicConfig(level=logging.WARNING, format="%(message)s")

    def print_lines() -> int | None:
        lines = iter(chosen.run(chosen))
        while True:
            try:
                line = next(lines)
            except StopIteration as end:
                return end.value
            print(line, flush=True)

    def print_in_options() -> int | None:
        try:
            return print_lines()
        except (OSError, ValueError, ImportError) as error:
            message = in_options(str(error), chosen, chosen.renamed)
            if message == str(error):
                raise
            raise ValueError(message) from error

    stopped = None if runs_a_program else chosen.stopped
    action = print_lines if runs_a_program else print_in_options
    return run_command(action, f"ptbert {chosen.command}", stopped=stopped)


def command_parser() -> argparse.ArgumentParser:
    """Return the parser of all subcommands."""
    parser = CommandParser(
        prog="ptbert", description="BERT, GPT, GPT-2 and Transformer-XL on the command line."
    )
    add_version(parser, "ptbert")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        added = subparsers.add_parser(
            command.name,
            help=command.summary,
            description=f"{command.summary[0].upper()}{command.summary[1:]}.",
            epilog=f"examples:\n{command.examples}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(added)
        added.set_defaults(run=command.run, stopped=command.stopped, renamed=command.renamed)
    return parser


if __name__ == "__main__":
    sys.exit(main())
