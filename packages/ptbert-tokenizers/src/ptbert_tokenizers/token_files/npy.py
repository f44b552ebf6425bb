"""Ids as `.npy` arrays: one of the ids of all documents, and one of where each document begins

``NAME.npy`` has the ids end to end, as unsigned 16 bit or int32. ``NAME.bounds.npy`` beside it
says, as int64, where each document begins and where the last one ends. Behind the arrays, where
NumPy does not look, both files end with the same 16 bytes, from a digest of both. So two files that
do not belong together are noticed, and the same documents always make the same files.
"""

import struct
from typing import TYPE_CHECKING, BinaryIO, ClassVar

from ptbert_tokenizers.token_files.arrays import HEADER_BYTES, array_header, map_npy
from ptbert_tokenizers.token_files.tokens import Tokens
from ptbert_tokenizers.token_files.writing import TokenWriter

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


BOUNDS_ENDING = ".bounds.npy"


class NpyWriter(TokenWriter):
    """Two growing arrays; their headers, which hold the lengths, are written last."""

    kinds: ClassVar[dict[int, str]] = {16: "<u2", 32: "<i4"}
    name: ClassVar[str] = "npy"

    def begin(self) -> None:
        """Leave room for the headers."""
        self.files[0].write(bytes(HEADER_BYTES))
        begin_bounds(self.files[1])

    def finish(self) -> None:
        """Write headers and marks."""
        mark = self.mark()
        finish_array(self.files[0], self.kind, self.tokens, mark)
        finish_array(self.files[1], "<i8", self.documents + 1, mark)


def npy_paths(path: str) -> list[str]:
    """Return the files of ids by one of them: the array of ids, and that of bounds."""
    if path.endswith(BOUNDS_ENDING):
        path = f"{path.removesuffix(BOUNDS_ENDING)}.npy"
    return [path, f"{path.removesuffix('.npy')}{BOUNDS_ENDING}"]


def open_npy(path: str) -> Tokens:
    """Open arrays that ``NpyWriter`` or NumPy wrote, mapped into memory.

    Raises:
        FileNotFoundError: if one of the two files does not exist.
        ValueError: if one is damaged, or they do not belong together.
    """
    import numpy as np

    path, of_bounds = npy_paths(path)
    ids, mark = map_npy(path)
    bounds, mark_of_bounds = map_npy(of_bounds)
    if mark != mark_of_bounds or not are_bounds(bounds, len(ids)):
        raise ValueError(
            f"{of_bounds!r} does not say where the documents of {path!r} begin, because one "
            "of the two is older or damaged; write both again"
        )
    return Tokens(ids, bounds.astype(np.int64, copy=False), "npy", mark=mark)


def are_bounds(bounds: "NDArray[np.integer]", tokens: int) -> bool:
    """Tell whether numbers rise from 0 to the number of ids."""
    ends = len(bounds) > 0 and (bounds[0], bounds[-1]) == (0, tokens)
    return ends and not (bounds[1:] < bounds[:-1]).any()


def begin_bounds(file: BinaryIO) -> None:
    """Begin a file of bounds, whose first one is 0."""
    file.write(bytes(HEADER_BYTES) + struct.pack("<q", 0))


def finish_array(file: BinaryIO, kind: str, length: int, mark: bytes) -> None:
    """End a growing array with its mark, and write the header in front of it."""
    file.write(mark)
    file.seek(0)
    file.write(array_header(kind, length))
