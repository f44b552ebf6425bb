"""The command ``ptbert``: one subcommand for each job."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from ptbert.commands import (
    cache,
    conversions_2019,
    convert,
    features,
    fill_mask,
    generate,
    info,
    run,
    tokenize,
)

COMMANDS = (
    run.COMMAND,
    info.COMMAND,
    features.COMMAND,
    fill_mask.COMMAND,
    generate.COMMAND,
    tokenize.COMMAND,
    convert.COMMAND,
    *cache.COMMANDS,
    *conversions_2019.COMMANDS,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code.

    That is 0, or 1 after an error, which takes one line, or 2 for wrong usage.

    Args:
        arguments: the words after ``ptbert``; those of this process when None.
    """
    chosen = _parser().parse_args(arguments)
    if chosen.command != run.COMMAND.name:  # a program that is run sets up its own
        logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        for line in chosen.run(chosen):
            print(line, flush=True)
    except BrokenPipeError:  # the reader of our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (OSError, ValueError, ImportError) as error:
        print(f"ptbert {chosen.command}: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        if chosen.command == run.COMMAND.name:
            raise
        print(f"ptbert {chosen.command}: stopped", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ptbert", description="BERT, GPT, GPT-2 and Transformer-XL on the command line."
    )
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
        added.set_defaults(run=command.run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
