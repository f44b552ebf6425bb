"""``ptbert download`` and ``ptbert cache``: the commands of ptbert-hub as subcommands."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from ptbert.commands.command import Command
from ptbert.commands.revision import add_revision


def add_download_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``download`` takes."""
    parser.add_argument(
        "names", nargs="+", metavar="NAME", help="published name, owner/name, or address"
    )
    add_revision(parser)
    parser.add_argument(
        "--file", action="append", metavar="KIND", help="only this kind of file, such as weights"
    )
    parser.add_argument("--force", action="store_true", help="download again")
    parser.add_argument("--cache-dir", metavar="FOLDER", help="use this cache folder only")


def download(arguments: argparse.Namespace) -> NoReturn:
    """Download, print where the files are, and exit."""
    words = ["fetch", *arguments.names]
    words += [f"--file={kind}" for kind in arguments.file or ()]
    words += [f"--revision={arguments.revision}"] if arguments.revision is not None else []
    words += ["--force"] if arguments.force else []
    words += [f"--cache-dir={arguments.cache_dir}"] if arguments.cache_dir else []
    _hub(words, "ptbert download")


def add_cache_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``cache`` takes."""
    parser.usage = "ptbert cache [-h] COMMAND ..."
    parser.add_argument("words", nargs=argparse.REMAINDER, help="a command of ptbert-hub")


def cache(arguments: argparse.Namespace) -> NoReturn:
    """Run a command of the hub, and exit."""
    _hub(arguments.words, "ptbert cache")


def _hub(words: Sequence[str], program: str) -> NoReturn:
    from ptbert_hub.__main__ import main

    sys.exit(main(words, program=program))


COMMANDS = (
    Command(
        name="download",
        summary="download checkpoints and print where their files are",
        examples="""\
  ptbert download bert-base-uncased gpt2
  ptbert download openai-gpt --file vocabulary --file merges
  ptbert download bert-base-cased --cache-dir ./cache
  ptbert download user/model --revision v1.0       # any model of the Hugging Face Hub

Files are verified and kept in the cache. Files that are there already are not downloaded again.
For private models, set HF_TOKEN, or log in with the Hugging Face client.
""",
        add_arguments=add_download_arguments,
        run=download,
    ),
    Command(
        name="cache",
        summary="list, verify, prune, export or import what was downloaded",
        examples="""\
  ptbert cache ls                        # files with size, age and how they were verified
  ptbert cache path bert-base-uncased    # print where files are; never uses the network
  ptbert cache verify                    # read all files and compare their digests
  ptbert cache prune                     # list what can be deleted; --yes deletes it
  ptbert cache rm gpt2 --yes
  ptbert cache export models.tar gpt2    # for a machine without network: then cache import
  ptbert cache env                       # the cache folder and the settings in force

For the help of one of them: ptbert cache ls --help.
""",
        add_arguments=add_cache_arguments,
        run=cache,
    ),
)
