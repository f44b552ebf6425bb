"""Decompressing in blocks of limited size"""

import zlib
from collections.abc import Callable
from typing import Protocol

from ptbert_hub.errors import BadContent

BLOCK = 1 << 20
MAX_RATIO = 200
RATIO_FROM = 64 << 20
"""Unpacked bytes from which the ratio counts; below this size the ratio is ignored."""
Read = Callable[[int], bytes]


def check_ratio(packed: int, unpacked: int) -> None:
    """Raise ``ValueError`` if so few bytes become so many that they were made to fill the disk."""
    if unpacked > max(RATIO_FROM, packed * MAX_RATIO):
        raise ValueError("unpacks to far more than its size")


class Machine(Protocol):
    """What the decompressors of :mod:`bz2` and :mod:`lzma` have."""

    @property
    def eof(self) -> bool:
        """Whether the end of the compressed bytes was seen."""

    @property
    def needs_input(self) -> bool:
        """Whether there is nothing to return before more bytes come."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Take compressed bytes, and return at most so many others."""


class Inflating:
    """The decompressor of ``deflate``, which zip archives use, as a :class:`Machine`."""

    def __init__(self) -> None:
        self._machine = zlib.decompressobj(-zlib.MAX_WBITS)

    @property
    def eof(self) -> bool:
        """Whether the end of the compressed bytes was seen."""
        return self._machine.eof

    @property
    def needs_input(self) -> bool:
        """Whether all bytes so far have been used."""
        return not self._machine.unconsumed_tail

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Take compressed bytes, and return at most so many others."""
        return self._machine.decompress(self._machine.unconsumed_tail + data, max_length)


class Decompressing:
    """Compressed bytes as a stream of the others.

    Args:
        read: returns the next compressed bytes.
        machine: decompresses them.
    """

    def __init__(self, read: Read, machine: Machine) -> None:
        self._read, self._machine = read, machine

    def read(self, size: int) -> bytes:
        """Return the next bytes, at most as many as asked for; none at the end.

        Raises:
            BadContent: if the compressed bytes end too early.
        """
        while not self._machine.eof:
            data = self._read(BLOCK) if self._machine.needs_input else b""
            if block := self._machine.decompress(data, size):
                return block
            if not data and self._machine.needs_input:
                raise BadContent("it ends too early")
        return b""
