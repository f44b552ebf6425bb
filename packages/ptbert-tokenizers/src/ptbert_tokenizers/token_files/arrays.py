"""Arrays in files: headers of `.npy`, and numbers mapped into memory wherever they lie"""

import os
import re
import struct
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    import numpy as np

HEADER_BYTES = 128
MARK_BYTES = 16
# How NumPy writes the header of an array of whole numbers in one dimension.
_HEADER = re.compile(
    rb"\{'descr': '([<>|][iu][1248])', 'fortran_order': (?:True|False), "
    rb"'shape': \(([0-9]{1,18}),\), \} *\n"
)


def array_header(kind: str, length: int) -> bytes:
    """Return the header of an .npy file, format version 1.0, for an array of one dimension.

    Args:
        kind: how NumPy writes the type of the numbers, such as ``<i4``.
        length: how many there are.
    """
    start = b"\x93NUMPY\x01\x00" + struct.pack("<H", HEADER_BYTES - 10)
    facts = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': ({length},), }}"
    return start + facts.ljust(HEADER_BYTES - 11).encode() + b"\n"


def map_npy(path: str) -> "tuple[np.ndarray[tuple[int], np.dtype[np.integer]], bytes]":
    """Return the array in an .npy file, mapped into memory, and the bytes behind it.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is something else, or cut off.
    """
    import numpy as np

    with open_token_file(path) as file:
        start = file.read(10)
        length = int.from_bytes(start[8:], "little")
        header = _HEADER.fullmatch(file.read(length))
        if not start.startswith(b"\x93NUMPY\x01") or header is None:
            raise ValueError(f"{path!r} is not an .npy file of ids; write it again")
        kind, count = np.dtype(header[1].decode()), int(header[2])
        first = len(start) + length
        array = map_array(file, path, kind, first, count)
        file.seek(first + array.nbytes)
        return array, file.read(MARK_BYTES + 1)


def map_array(file: BinaryIO, path: str, kind: Any, first: int, count: int) -> Any:
    """Return numbers in a file as an array that is mapped into memory, and cannot be written.

    Args:
        file: open for reading.
        path: of the file, for messages.
        kind: the type of the numbers, for NumPy.
        first: the byte at which they begin.
        count: how many there are.

    Raises:
        ValueError: if the file ends before the last one.
    """
    import numpy as np

    kind = np.dtype(kind)
    if first + count * kind.itemsize > file_size(file):
        raise ValueError(f"{path!r} is cut off; write it again")
    if not count:  # nothing to map
        return np.empty(0, kind)
    return np.memmap(file, kind, "r", first, (count,))


def open_token_file(path: str) -> BinaryIO:
    """Open a token file for reading.

    Raises:
        FileNotFoundError: if there is none.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(f"there is no file {path!r}, which the ids are read from")
    return open(path, "rb")


def file_size(file: BinaryIO) -> int:
    """Return the number of bytes in an open file."""
    return os.fstat(file.fileno()).st_size
