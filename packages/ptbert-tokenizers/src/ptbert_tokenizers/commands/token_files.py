"""The commands that work on token files: info, verify, merge and split"""

import argparse
import json
import os
from typing import Any

from ptbert_tokenizers.commands.subcommands import add_command
from ptbert_tokenizers.families import load_tokenizer
from ptbert_tokenizers.token_files.checking import token_file_facts, verify_token_file
from ptbert_tokenizers.token_files.dividing import (
    merge_token_files,
    split_token_file,
    without_indexes,
)
from ptbert_tokenizers.token_files.formats import BITS, FORMAT_NAMES, FORMATS, format_of


def add_token_file_commands(commands: Any) -> None:
    """Add ``verify``, ``merge`` and ``split`` to a command line."""
    verify = add_command(commands, "verify", _verify, "read all of token files, and check them")
    verify.add_argument("files", nargs="+", help="token files")
    add_file_options(verify)
    verify.add_argument(
        "--model", metavar="NAME", help="ids must be of this tokenizer: name, folder or file"
    )

    merge = add_command(commands, "merge", _merge, "make one token file of several")
    merge.add_argument("files", nargs="+", help="token files, in the order of their documents")
    merge.add_argument("-o", "--output", required=True, help="the token file to write")
    _add_writing_options(merge)

    split = add_command(commands, "split", _split, "make several token files of one")
    split.add_argument("file", help="token file")
    split.add_argument("-o", "--outputs", nargs="+", required=True, help="token files to write")
    split.add_argument(
        "--shares",
        nargs="+",
        type=float,
        metavar="SHARE",
        help="how much of the ids each gets, such as 9 1; equal if left out",
    )
    _add_writing_options(split)


def add_output_format(command: argparse.ArgumentParser) -> None:
    """Give a command the options that say which kind of token file it writes."""
    command.add_argument(
        "--format", choices=FORMAT_NAMES, help="of the output, if its name does not show it"
    )
    command.add_argument("--bits", type=int, choices=BITS, help="width of an id in the output")


def add_file_options(command: argparse.ArgumentParser) -> None:
    """Give a command the options that say how token files are read."""
    command.add_argument(
        "--format", choices=FORMATS, help="of the files, if they do not show it themselves"
    )


def info_of_token_file(path: str, format: str | None) -> str | None:
    """Return what a token file is, as JSON; None if it is no token file."""
    is_one = format is not None or (os.path.isfile(path) and format_of(path) is not None)
    return _shown(token_file_facts(path, format)._asdict()) if is_one else None


def _add_writing_options(command: argparse.ArgumentParser) -> None:
    add_output_format(command)
    command.add_argument(
        "--separator-id",
        type=int,
        metavar="ID",
        help="the id at which documents end, for inputs that do not say where",
    )


def _verify(options: argparse.Namespace) -> None:
    size = None
    if options.model is not None:
        ids = load_tokenizer(options.model).vocabulary.values()
        size = max(ids, default=-1) + 1
    for file in without_indexes(options.files):
        print(_shown(verify_token_file(file, options.format, vocabulary_size=size)))


def _merge(options: argparse.Namespace) -> None:
    documents = merge_token_files(
        options.files,
        options.output,
        format=options.format,
        bits=options.bits,
        separator=options.separator_id,
    )
    print(f"{documents} documents")


def _split(options: argparse.Namespace) -> None:
    counts = split_token_file(
        options.file,
        options.outputs,
        options.shares,
        format=options.format,
        bits=options.bits,
        separator=options.separator_id,
    )
    for output, count in zip(options.outputs, counts, strict=True):
        print(f"{output}: {count} documents")


def _shown(facts: dict[str, Any]) -> str:
    return json.dumps(facts, indent=2, ensure_ascii=False)
