"""How a command is added to a command line"""

import argparse
from collections.abc import Callable
from typing import Any


def add_command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], None], explanation: str
) -> argparse.ArgumentParser:
    """Add a command, and return its parser.

    Args:
        commands: what ``add_subparsers`` of the command line's parser returned.
        name: of the command.
        run: does the work; it gets the arguments.
        explanation: what it does, for the help.
    """
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=explanation, description=explanation
    )
    parser.set_defaults(run=run)
    return parser
