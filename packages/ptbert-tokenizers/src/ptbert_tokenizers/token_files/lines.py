"""Ids as lines of JSON: a list of numbers for each document"""

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import BinaryIO

from ptbert_tokenizers.batches.flat import FlatIds
from ptbert_tokenizers.files.lines import read_texts
from ptbert_tokenizers.files.vocabulary import PathLike


def write_id_lines(file: BinaryIO, flat: FlatIds) -> None:
    """Write a line for each document."""
    ids, bounds = flat.ids.tolist(), flat.bounds.tolist()
    for start, end in pairwise(bounds):
        file.write(json.dumps(ids[start:end], separators=(",", ":")).encode() + b"\n")


def read_id_lines(path: PathLike) -> Iterator[list[int]]:
    """Yield the list of ids on each line.

    Args:
        path: a file or a pipe; ``-`` for standard input.

    Raises:
        ValueError: if a line is something else.
    """
    for number, line in enumerate(read_texts(path), 1):
        try:
            ids = json.loads(line)
        except (ValueError, RecursionError):  # no JSON, or numbers or lists beyond limits
            ids = None
        if not isinstance(ids, list) or not all(type(index) is int for index in ids):
            raise ValueError(f"{str(path)!r} line {number} is not a JSON list of ids")
        yield ids
