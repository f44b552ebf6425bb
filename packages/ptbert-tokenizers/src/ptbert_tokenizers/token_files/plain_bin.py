"""The `.bin` files of nanoGPT and llm.c: ids end to end, without saying where documents begin

Other programs look for a separator token in them. This package also writes
``NAME.bin.bounds.npy`` beside such a file, with the bounds as in
:mod:`~ptbert_tokenizers.token_files.npy`, and reads it where it is there.

* nanoGPT: unsigned 16 bit, without a header.
* llm.c: 256 int32 (a number for the format, its version, how many ids follow, zeros), then the ids,
  as unsigned 16 bit (20240520, version 1) or unsigned 32 bit (20240801, version 7).

Source:
    karpathy/nanoGPT, ``data/*/prepare.py``; karpathy/llm.c, ``dev/data/data_common.py``.
"""

import os
import struct
from typing import Any, ClassVar, NamedTuple

from ptbert_tokenizers.token_files.arrays import file_size, map_array, map_npy, open_token_file
from ptbert_tokenizers.token_files.npy import BOUNDS_ENDING, are_bounds, begin_bounds, finish_array
from ptbert_tokenizers.token_files.tokens import Tokens
from ptbert_tokenizers.token_files.writing import TokenWriter

LLM_C_HEADER_BYTES = 1024


class _Kind(NamedTuple):
    number: int
    version: int
    kind: str


_LLM_C = {16: _Kind(20240520, 1, "<u2"), 32: _Kind(20240801, 7, "<u4")}


class NanoGptWriter(TokenWriter):
    """Ids without a header, and bounds beside them."""

    kinds: ClassVar[dict[int, str]] = {16: "<u2"}
    name: ClassVar[str] = "nanogpt"

    def begin(self) -> None:
        """Leave room for the header of the bounds."""
        begin_bounds(self.files[1])

    def finish(self) -> None:
        """Write the header of the bounds."""
        finish_array(self.files[1], "<i8", self.documents + 1, self.mark())


class LlmCWriter(NanoGptWriter):
    """Ids after a header, and bounds beside them."""

    kinds: ClassVar[dict[int, str]] = {bits: each.kind for bits, each in _LLM_C.items()}
    name: ClassVar[str] = "llm.c"

    def begin(self) -> None:
        """Leave room for the headers."""
        self.files[0].write(bytes(LLM_C_HEADER_BYTES))
        super().begin()

    def check_length(self) -> None:
        """Raise if there are too many ids for the header."""
        if self.tokens >= 2**31:
            raise ValueError(
                f"{self.path!r}: a file of the format llm.c has at most {2**31 - 1} ids; "
                "write several files, or another format"
            )

    def finish(self) -> None:
        """Write the headers."""
        number, version, _ = _LLM_C[self.bits]
        self.files[0].seek(0)
        self.files[0].write(struct.pack("<3i", number, version, self.tokens))
        super().finish()


def plain_bin_paths(path: str) -> list[str]:
    """Return the files of ids by one of them: the ids, and bounds that other programs ignore."""
    path = path.removesuffix(BOUNDS_ENDING)
    return [path, f"{path}{BOUNDS_ENDING}"]


def open_nanogpt(path: str) -> Tokens:
    """Open a file of nanoGPT, mapped into memory.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it cannot be ids of 16 bit.
    """
    path = plain_bin_paths(path)[0]
    with open_token_file(path) as file:
        size = file_size(file)
        if size % 2:
            raise ValueError(
                f"{path!r} has {size} bytes, which are not whole ids of 16 bits; it is cut off or "
                "of another format"
            )
        ids = map_array(file, path, "<u2", 0, size // 2)
    return _with_bounds(path, ids, "nanogpt")


def open_llm_c(path: str) -> Tokens:
    """Open a file of llm.c, mapped into memory.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is something else or damaged, or has the other byte order.
    """
    path = plain_bin_paths(path)[0]
    with open_token_file(path) as file:
        header = file.read(LLM_C_HEADER_BYTES)
        if len(header) < LLM_C_HEADER_BYTES:
            raise ValueError(f"{path!r} is too short for a file of llm.c; write it again")
        number, version, count = struct.unpack_from("<3i", header)
        kinds = {each.number: each for each in _LLM_C.values()}
        if number not in kinds:
            if struct.unpack_from(">i", header)[0] in kinds:
                raise ValueError(
                    f"{path!r} was written with the byte order of another machine, big-endian; "
                    "write it again as little-endian"
                )
            raise ValueError(f"{path!r} is not a file of llm.c; give another format")
        kind = kinds[number]
        if version != kind.version:
            raise ValueError(
                f"{path!r} has version {version} of the format {number} of llm.c, and only version "
                f"{kind.version} is known; write it again"
            )
        ids: Any = map_array(file, path, kind.kind, LLM_C_HEADER_BYTES, max(count, 0))
        if LLM_C_HEADER_BYTES + ids.nbytes != file_size(file):
            raise ValueError(
                f"{path!r} says that it has {count} ids, and has "
                f"{(file_size(file) - LLM_C_HEADER_BYTES) / ids.dtype.itemsize:g}; write it again"
            )
    return _with_bounds(path, ids, "llm.c")


def is_llm_c(start: bytes) -> bool:
    """Tell whether a file that begins so is one of llm.c, in whatever byte order."""
    numbers = {each.number for each in _LLM_C.values()}
    return len(start) >= 4 and not numbers.isdisjoint(
        (struct.unpack_from("<i", start)[0], struct.unpack_from(">i", start)[0])
    )


def _with_bounds(path: str, ids: Any, name: str) -> Tokens:
    """The documents of ids, by the bounds beside them if there are some."""
    import numpy as np

    beside = plain_bin_paths(path)[1]
    if not os.path.exists(beside):
        return Tokens(ids, np.array([0, len(ids)]), name, has_bounds=False)
    bounds, mark = map_npy(beside)
    if are_bounds(bounds, len(ids)):
        return Tokens(ids, bounds.astype(np.int64, copy=False), name, mark=mark)
    if name == "nanogpt" and are_bounds(bounds, len(ids) // 2) and not len(ids) % 2:
        raise ValueError(
            f"{path!r} has ids of 32 bits, as {beside!r} shows, and nanoGPT's have 16; write it "
            "again"
        )
    raise ValueError(
        f"{beside!r} does not say where the documents of {path!r} begin, because one of the two is "
        "older or damaged; write both again, or remove the first"
    )
