"""``ptbert predict``: what the result of a training says about texts."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from ptbert.commands.command import Command

_ENDINGS = tuple(
    f"{ending}{packed}"
    for ending in (".csv", ".tsv", ".jsonl", ".conll", ".json", ".txt")
    for packed in ("", ".gz")
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("folder", help="what ptbert train wrote")
    parser.add_argument("text", help="a text, or a file of them in the format of the training data")
    parser.add_argument(
        "--pair",
        metavar="TEXT",
        action="append",
        help="what belongs to the text: the second text of a pair, the context of a question, or "
        "each choice",
    )
    parser.add_argument("--device", default="", help="where to compute; a GPU if there is one")


def run(arguments: argparse.Namespace) -> Iterator[str]:
    """Yield a line for each text, with the prediction first."""
    from ptbert.training.results import predict, predict_file

    if arguments.pair is None and _is_file(arguments.text):
        return iter(predict_file(arguments.folder, arguments.text, device=arguments.device))
    if arguments.pair is None and arguments.text.lower().endswith(_ENDINGS):
        raise FileNotFoundError(f"no file at {arguments.text!r}; check the path")
    texts = [arguments.text if arguments.pair is None else (arguments.text, *arguments.pair)]
    return iter(predict(arguments.folder, texts, device=arguments.device))


def _is_file(text: str) -> bool:
    """Whether a text is the path of a file; a long text cannot be one."""
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False


COMMAND = Command(
    name="predict",
    summary="print what the result of a training says about texts",
    examples="""\
  ptbert predict out/ "A film that I will see again."
  ptbert predict out/ new.csv
  ptbert predict out/ "Who wrote it?" --pair "It was written by Ada."
  ptbert predict out/ "She opens the door." --pair "She goes in." --pair "It is blue."
  ptbert predict out/ dev-v2.0.json
  ptbert predict out/ "It was a [MASK]."

A line has the prediction, its probability and the text, between tabs; or the choice. The answers to
the questions of a file are a JSON object by their ids, as the scripts of SQuAD read it.
""",
    add_arguments=add_arguments,
    run=run,
)
