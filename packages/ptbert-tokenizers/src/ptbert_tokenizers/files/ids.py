"""Files of ids, written and read in blocks.

``.jsonl`` has one list of ids a line. ``.npy`` has the ids of all texts end to end as int32, and
``NAME.bounds.npy`` beside it says, as int64, where each text begins and where the last one ends.
Behind the arrays, where NumPy does not look, both files end with the same random bytes. So two
files of different runs are noticed.
Standard output and pipes get lines, as ``.jsonl`` has them.
"""

import json
import os
import re
import secrets
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, BinaryIO

from ptbert_hub import atomic_write
from ptbert_tokenizers.batches.flat import FlatIds
from ptbert_tokenizers.files.lines import read_texts
from ptbert_tokenizers.files.vocabulary import PathLike

if TYPE_CHECKING:
    import numpy as np

_HEADER_BYTES = 128
_MARK_BYTES = 16
# How NumPy writes the header of an array of whole numbers in one dimension.
_HEADER = re.compile(
    rb"\{'descr': '([<>|][iu][1248])', 'fortran_order': (?:True|False), "
    rb"'shape': \(([0-9]{1,18}),\), \} *\n"
)


@contextmanager
def id_writer(path: PathLike) -> Iterator[Callable[[FlatIds], None]]:
    """Open a file to write ids into block by block; it appears when all are written.

    Args:
        path: ends in ``.npy`` or ``.jsonl``; or ``-`` for standard output, or a pipe.

    Raises:
        ValueError: if it ends in something else.
        FileNotFoundError: if there is no such folder.
        IsADirectoryError: if it is a folder itself.

    Example:
        >>> import numpy as np
        >>> with id_writer("ids.npy") as write:
        ...     write(FlatIds(np.array([5, 6, 7], np.int32), np.array([0, 1, 3])))
        >>> list(read_ids("ids.npy"))
        [[5], [6, 7]]
    """
    name = os.fspath(path)
    if name in {"-", "/dev/stdout"}:
        yield lambda flat: _write_lines(sys.stdout.buffer, flat)
        return
    if os.path.exists(name) and not os.path.isfile(name) and not os.path.isdir(name):
        with open(name, "wb") as pipe:
            yield lambda flat: _write_lines(pipe, flat)
        return
    if not name.endswith((".npy", ".jsonl")):
        raise ValueError(f"ids are written to .npy or .jsonl files, not to {name!r}")
    folder = os.path.dirname(os.path.abspath(name))
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"there is no folder {folder!r} for {name!r}; create it first")
    if os.path.isdir(name):
        raise IsADirectoryError(f"{name!r} is a folder; give the name of a file")
    if name.endswith(".jsonl"):
        with atomic_write(name) as file:
            yield lambda flat: _write_lines(file, flat)
        return
    # The file that the caller named is the inner one: an error about a full disk names it.
    with atomic_write(bounds_path(name)) as bounds, atomic_write(name) as ids:
        writer = _ArrayWriter(ids, bounds)
        yield writer.write
        writer.finish()


def bounds_path(path: str) -> str:
    """Return the path of the bounds that belong to an ``.npy`` file of ids."""
    return f"{path.removesuffix('.npy')}.bounds.npy"


def _write_lines(file: BinaryIO, flat: FlatIds) -> None:
    ids, bounds = flat.ids.tolist(), flat.bounds.tolist()
    for start, end in pairwise(bounds):
        file.write(json.dumps(ids[start:end], separators=(",", ":")).encode() + b"\n")


class _ArrayWriter:
    """Two growing arrays; their headers, which hold the lengths, are written last."""

    def __init__(self, ids: BinaryIO, bounds: BinaryIO) -> None:
        self._ids, self._bounds = ids, bounds
        self._tokens = self._texts = 0
        for file in (ids, bounds):
            file.write(bytes(_HEADER_BYTES))
        bounds.write(struct.pack("<q", 0))

    def write(self, flat: FlatIds) -> None:
        self._ids.write(flat.ids.astype("<i4", copy=False).tobytes())
        self._bounds.write((flat.bounds[1:] + self._tokens).astype("<i8", copy=False).tobytes())
        self._tokens += len(flat.ids)
        self._texts += len(flat.bounds) - 1

    def finish(self) -> None:
        mark = secrets.token_bytes(_MARK_BYTES)
        for file, kind, length in (
            (self._ids, "<i4", self._tokens),
            (self._bounds, "<i8", self._texts + 1),
        ):
            file.write(mark)
            file.seek(0)
            file.write(_array_header(kind, length))


def _array_header(kind: str, length: int) -> bytes:
    """The header of an .npy file, format version 1.0, for an array of one dimension."""
    start = b"\x93NUMPY\x01\x00" + struct.pack("<H", _HEADER_BYTES - 10)
    facts = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': ({length},), }}"
    return start + facts.ljust(_HEADER_BYTES - 11).encode() + b"\n"


def read_ids(path: PathLike) -> Iterator[list[int]]:
    """Yield the ids of each text in a file that ``id_writer`` wrote.

    Args:
        path: ends in ``.npy``; or a file or pipe with lines, or ``-`` for standard input.

    Raises:
        FileNotFoundError: if the file, or the file of bounds beside it, does not exist.
        ValueError: if the file is neither ``.npy`` nor lines of JSON lists, if it is damaged, or if
            the file of bounds is that of other ids.
    """
    name = os.fspath(path)
    if not name.endswith(".npy"):
        yield from _read_lines(name)
        return
    for needed in (name, bounds_path(name)):
        if not os.path.isfile(needed):
            raise FileNotFoundError(f"there is no file {needed!r}, which the ids are read from")
    (ids, mark), (bounds, mark_of_bounds) = _map_array(name), _map_array(bounds_path(name))
    if (
        mark != mark_of_bounds
        or not len(bounds)
        or (bounds[0], bounds[-1]) != (0, len(ids))
        or (bounds[1:] < bounds[:-1]).any()
    ):
        raise ValueError(
            f"{bounds_path(name)!r} does not say where the texts of {name!r} begin, because one "
            "of the two is older or damaged; write both again"
        )
    for text in range(len(bounds) - 1):
        yield [int(index) for index in ids[bounds[text] : bounds[text + 1]]]


def _map_array(name: str) -> "tuple[np.ndarray[tuple[int], np.dtype[np.integer]], bytes]":
    """The array in an .npy file, mapped into memory, and the bytes behind it."""
    import numpy as np

    with open(name, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        start = file.read(10)
        length = int.from_bytes(start[8:], "little")
        header = _HEADER.fullmatch(file.read(length))
        if not start.startswith(b"\x93NUMPY\x01") or header is None:
            raise ValueError(f"{name!r} is not an .npy file of ids; write it again")
        kind, count = np.dtype(header[1].decode()), int(header[2])
        first = len(start) + length
        end = first + count * kind.itemsize
        if end > size:
            raise ValueError(f"{name!r} is cut off; write it again")
        file.seek(end)
        mark = file.read(_MARK_BYTES + 1)
        if not count:  # nothing to map
            return np.empty(0, kind), mark
        return np.memmap(file, kind, "r", first, (count,)), mark


def _read_lines(name: str) -> Iterator[list[int]]:
    for number, line in enumerate(read_texts(name), 1):
        try:
            ids = json.loads(line)
        except (ValueError, RecursionError):  # no JSON, or numbers or lists beyond limits
            ids = None
        if not isinstance(ids, list) or not all(type(index) is int for index in ids):
            raise ValueError(f"{name!r} line {number} is not a JSON list of ids")
        yield ids
