"""``ptbert fill-mask``: the words that BERT predicts for ``[MASK]``."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from ptbert.commands.command import Command
from ptbert.commands.device import add_device
from ptbert.commands.revision import add_revision


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("model", help="folder or name of a BERT model with its masked-LM head")
    parser.add_argument("text", help="a text that contains [MASK] at least once")
    add_revision(parser)
    add_device(parser)
    parser.add_argument(
        "--top", type=int, default=5, help="words to print for each mask (default: 5)"
    )


def run(arguments: argparse.Namespace) -> Iterator[str]:
    """Yield probability and token, likeliest first, for each mask in turn."""
    from ptbert.devices import usable_device
    from ptbert.tasks.fill_mask import FillMask

    if arguments.top < 1:
        raise ValueError(f"--top {arguments.top} must be at least 1")
    fill_mask = FillMask.from_pretrained(
        arguments.model, revision=arguments.revision, device=usable_device(arguments.device)
    )
    for number, candidates in enumerate(fill_mask(arguments.text, top_k=arguments.top)):
        if number:
            yield ""
        for token, probability, _ in candidates:
            yield f"{probability:.3f}  {token}"


COMMAND = Command(
    name="fill-mask",
    summary="print the words that BERT predicts for [MASK]",
    examples="""\
  ptbert fill-mask bert-base-uncased "The capital of France is [MASK]."
  ptbert fill-mask ./my_model "[MASK] was a [MASK]." --top 3

Prints the likeliest words for each mask, with their probabilities, and an empty line between masks.
""",
    add_arguments=add_arguments,
    run=run,
    renamed={"top_k": "--top"},
)
