"""``ptbert evaluate``: measure the result of a training on a file of examples."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from ptbert.commands.command import Command
from ptbert.commands.device import add_device


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("folder", help="what ptbert train wrote")
    parser.add_argument("--data", required=True, metavar="FILE", help="examples with labels")
    add_device(parser)


def run(arguments: argparse.Namespace) -> Iterator[str]:
    """Yield the metrics, and a table of right and wrong predictions."""
    from ptbert.training.results import evaluate

    found = evaluate(arguments.folder, arguments.data, device=arguments.device)
    width = max(map(len, found.metrics)) + 2
    yield from (f"{name:<{width}}{value:.4f}" for name, value in found.metrics.items())
    yield from found.table


COMMAND = Command(
    name="evaluate",
    summary="measure the result of a training on a file of examples",
    examples="""\
  ptbert evaluate out/ --data test.csv

The file has the columns of the training data.
""",
    add_arguments=add_arguments,
    run=run,
)
