"""The option for the revision of a model"""

from __future__ import annotations

import argparse


def add_revision(parser: argparse.ArgumentParser) -> None:
    """Declare the option for a branch, tag or commit."""
    parser.add_argument(
        "--revision", metavar="REVISION", help="branch, tag or commit on the Hugging Face Hub"
    )
