"""``ptbert predict``: what the result of a training says about texts."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator

from ptbert.commands.command import Command
from ptbert.commands.device import add_device
from ptbert.training.formats import EXPLAINED, ending_of, has_known_ending

_TEXT = "text"
_STANDARD_INPUT = "-"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("folder", help="what ptbert train wrote")
    parser.add_argument("text", help="a text; or a file of them, or - for standard input")
    parser.add_argument(
        "--format",
        choices=(_TEXT, *EXPLAINED),
        help="what the text is: a text itself, or a file of tables, columns, questions or lines "
        "(default: a file if there is one of that name, and its format by its ending)",
    )
    parser.add_argument(
        "--pair",
        metavar="TEXT",
        action="append",
        help="what belongs to the text: the second text of a pair, the context of a question, or "
        "each choice",
    )
    add_device(parser)


def run(arguments: argparse.Namespace) -> Iterator[str]:
    """Yield a line for each text, with the prediction first."""
    from ptbert.training.results import predict, predict_file

    text, pair, format = arguments.text, arguments.pair, arguments.format
    if format is None:
        _refuse_what_is_unclear(text, pair)
    elif format != _TEXT and pair is not None:
        raise ValueError(f"--pair goes with a text, and --format {format} with a file; leave one")
    is_file = _is_file(text) or text == _STANDARD_INPUT
    if pair is None and format != _TEXT and (format or is_file):
        if not is_file:
            raise FileNotFoundError(f"no file at {text!r}; check the path, or leave out --format")
        kind = format or ""
        return iter(predict_file(arguments.folder, text, format=kind, device=arguments.device))
    texts = [text if pair is None else (text, *pair)]
    return iter(predict(arguments.folder, texts, device=arguments.device))


def _refuse_what_is_unclear(text: str, pair: list[str] | None) -> None:
    """Raise if it cannot be known whether a text or the file of that name is meant."""
    is_text = f"give --format {_TEXT} if it is a text"
    if pair is not None:
        for each in (text, *pair):
            if _is_file(each):
                raise ValueError(f"{each!r} is a file, and --pair goes with texts; {is_text}")
    elif os.path.isdir(text):
        raise ValueError(f"{text!r} is a folder; name a file, or {is_text}")
    elif not _is_file(text):
        if has_known_ending(text):
            raise FileNotFoundError(f"no file at {text!r}; check the path, or {is_text}")
    elif not ending_of(text) and os.path.basename(text) == text:
        raise ValueError(
            f"{text!r} is a text and the name of a file; {is_text}, or './{text}' if it is the file"
        )


def _is_file(text: str) -> bool:
    """Whether a text is the path of a file or a pipe; a long text cannot be one."""
    return os.path.exists(text) and not os.path.isdir(text)


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
  ptbert predict out/ sentences.txt --format lines

The ending of a file says its format: .csv, .tsv and .jsonl are tables, .conll, .iob, .iob2 and .bio
have a word on each line, and .json has questions. Where it does not say that, --format does: table,
columns (a word on each line), squad, or lines (a text on each line).

A line of what is printed has the prediction, its probability and the text, between tabs; or the
choice. The answers to the questions of a file are a JSON object by their ids, as the scripts of
SQuAD read it.
""",
    add_arguments=add_arguments,
    run=run,
)
