"""The definition of a subcommand: its name, help, arguments and action."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple


class Command(NamedTuple):
    """One subcommand of ``ptbert``.

    Args:
        name: the word after ``ptbert``.
        summary: what it does, in one line.
        examples: command lines to learn from, and what else the help says.
        add_arguments: declares what it takes.
        run: does it, and yields the lines to print; what it returns is the exit code, if it is
            not 0.
        stopped: what to print after Ctrl-C or SIGTERM.
        renamed: options by the names that errors of the library have for them, where these differ
            from the options; such as ``top_k`` for ``--top``.
    """

    name: str
    summary: str
    examples: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], Iterable[str]]
    stopped: str = "stopped"
    renamed: Mapping[str, str] = MappingProxyType({})
