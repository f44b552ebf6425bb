"""The command ``ptbert``: one subcommand for each job."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ptbert.commands import features, run

COMMANDS = (features, run)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code; errors take one line.

    Args:
        arguments: the words after ``ptbert``; those of this process when None.
    """
    parser = argparse.ArgumentParser(
        prog="ptbert", description="BERT, GPT, GPT-2 and Transformer-XL on the command line."
    )
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        name = command.__name__.rpartition(".")[2]
        command.add_arguments(
            subparsers.add_parser(
                name,
                help=command.HELP,
                description=command.HELP,
                epilog=command.EXAMPLES,
                formatter_class=argparse.RawDescriptionHelpFormatter,
            )
        )
    chosen = parser.parse_args(arguments)
    try:
        for line in chosen.run(chosen):
            print(line)
    except (OSError, ValueError, ImportError) as error:
        print(f"ptbert {chosen.command}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
