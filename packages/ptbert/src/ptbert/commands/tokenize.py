"""``ptbert tokenize``: the tokens or ids of lines of text."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import chain

from ptbert.commands.command import Command


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("model", help="published name, folder or vocabulary file")
    parser.add_argument(
        "files", nargs="*", default=["-"], help="text in UTF-8 (default: -, standard input)"
    )
    parser.add_argument("--text", action="append", help="text to use instead of files")
    parser.add_argument("--ids", action="store_true", help="print ids, with special tokens")
    parser.add_argument(
        "--type", help="family, if the files do not show it: bert, gpt, gpt2, transfo_xl"
    )


def run(arguments: argparse.Namespace) -> Iterator[str]:
    """Yield a line of tokens for each line of text."""
    from ptbert_tokenizers.families import load_tokenizer
    from ptbert_tokenizers.files.lines import read_texts

    tokenizer = load_tokenizer(arguments.model, arguments.type)
    for text in arguments.text or chain.from_iterable(map(read_texts, arguments.files)):
        yield " ".join(
            map(str, tokenizer.encode(text) if arguments.ids else tokenizer.tokenize(text))
        )


COMMAND = Command(
    name="tokenize",
    summary="print the tokens or ids of each line of a text",
    examples="""\
  ptbert tokenize bert-base-uncased notes.txt
  ptbert tokenize gpt2 --text "Hello world" --ids
  echo "Hello world" | ptbert tokenize ./model/

For files of many megabytes, ptbert-tokenizers encode writes ids to .npy or .jsonl.
""",
    add_arguments=add_arguments,
    run=run,
)
