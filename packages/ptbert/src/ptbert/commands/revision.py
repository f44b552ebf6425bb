"""The revision of a model that a command is given, which becomes one commit for all its files"""

from __future__ import annotations

import argparse

from ptbert_hub import DownloadOptions, locate, open_snapshot


def add_revision(parser: argparse.ArgumentParser) -> None:
    """Declare the option for a branch, tag or commit."""
    parser.add_argument(
        "--revision", metavar="REVISION", help="branch, tag or commit on the Hugging Face Hub"
    )


def download_options(source: str, cache_dir: str | None, revision: str | None) -> DownloadOptions:
    """Find out once which commit is meant, so that model and tokenizer are of the same one.

    Args:
        source: the name of a model, as for ``from_pretrained``.
        cache_dir: where downloads are kept instead of the usual cache.
        revision: a branch, tag or commit, if one was given.
    """
    options = DownloadOptions(revision)
    repository = locate(source, revision=revision).repository
    if repository is None:
        return options
    return DownloadOptions(open_snapshot(repository, cache_dir, options).commit)
