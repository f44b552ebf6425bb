"""The options of commands that read a corpus, and the documents that they name"""

import argparse
from typing import get_args

from ptbert_tokenizers.batches.text_blocks import BlockedTexts
from ptbert_tokenizers.corpora.documents import (
    Documents,
    InputFormat,
    input_format_of,
    read_documents,
)
from ptbert_tokenizers.corpora.paths import corpus_files
from ptbert_tokenizers.files.lines import Errors


def add_corpus_options(command: argparse.ArgumentParser) -> None:
    """Give a command the arguments that name a corpus and say how it is read."""
    command.add_argument(
        "files",
        nargs="+",
        help="UTF-8 text, JSON lines, CSV, TSV, Parquet or Arrow, also compressed by gzip, bzip2, "
        "xz or zstd; folders; patterns in quotes; - for standard input",
    )
    command.add_argument(
        "--field", metavar="NAME", help="which field of a record, or column, has the text"
    )
    command.add_argument(
        "--documents",
        choices=get_args(Documents),
        default="lines",
        help="what a document of text is: a line (the default), lines up to a blank one, or a file",
    )
    command.add_argument(
        "--input-format",
        choices=get_args(InputFormat),
        help="what the files are, if their names do not show it, as of standard input",
    )
    command.add_argument(
        "--errors",
        choices=get_args(Errors),
        default="strict",
        help="at a line that is not UTF-8: stop (strict, the default), replace its wrong bytes by "
        "U+FFFD, or skip it",
    )
    command.add_argument("--quiet", action="store_true", help="no progress bar")


def corpus_of(options: argparse.Namespace) -> BlockedTexts:
    """Return the documents that the arguments name, one by one.

    Raises:
        OSError: if a file is not there.
        ValueError: if the arguments do not belong together; or later, if a file is damaged.
    """
    return read_documents(
        options.files,
        field=options.field,
        documents=options.documents,
        input_format=options.input_format,
        errors=options.errors,
        verbose=not options.quiet,
    )


def are_lines(options: argparse.Namespace) -> bool:
    """Tell whether the documents are lines of text."""
    kinds = {options.input_format or input_format_of(each) for each in corpus_files(options.files)}
    return options.documents == "lines" and kinds == {"text"}
