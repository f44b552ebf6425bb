"""The option for the device that computes"""

from __future__ import annotations

import argparse


def add_device(parser: argparse.ArgumentParser) -> None:
    """Declare the option for a device; ``ptbert.devices.usable_device`` reads it."""
    parser.add_argument(
        "--device",
        default="",
        metavar="DEVICE",
        help="where to compute, such as cpu or cuda:1; a GPU if there is one",
    )
