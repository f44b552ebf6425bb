"""Unpacking texts while they are read: gzip, bzip2, xz and zstd, told by their first bytes"""

import gzip
import importlib
import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

_STARTS = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}
# What follows "BZh" and a digit: of a block, and of a file without blocks. Texts may begin so too.
_BZIP2_BLOCKS = (b"1AY&SY", b"\x17\x72\x45\x38\x50\x90")
_LONGEST_START = 10


def unpacked(file: Any) -> tuple[Any, str | None]:
    """Return a reader of what a file holds, and how that is compressed, None if it is not.

    Args:
        file: a buffered reader, at its beginning; a pipe too.

    Raises:
        ImportError: if it is zstd, and nothing is installed that unpacks it.

    Example:
        >>> reader, kind = unpacked(io.BufferedReader(io.BytesIO(gzip.compress(b"text"))))
        >>> reader.read1(), kind
        (b'text', 'gzip')
    """
    start = file.read1(_LONGEST_START)
    while 0 < len(start) < _LONGEST_START and _may_be_packed(start):
        more = file.read1(_LONGEST_START - len(start))
        if not more:
            break
        start += more
    kind = _kind(start)
    joined: Any = io.BufferedReader(_Rejoined(start, file))
    if kind == "gzip":
        return gzip.GzipFile(fileobj=joined), kind
    if kind == "bzip2":
        import bz2  # as lzma, not in every build of Python

        return bz2.BZ2File(joined), kind
    if kind == "xz":
        import lzma

        return lzma.LZMAFile(joined), kind
    if kind == "zstd":
        return _zstd().ZstdFile(joined), kind
    return joined, None


def _may_be_packed(start: bytes) -> bool:
    return any(start.startswith(each[: len(start)]) for each in _STARTS)


def _kind(start: bytes) -> str | None:
    kind = next((kind for each, kind in _STARTS.items() if start.startswith(each)), None)
    if kind == "bzip2" and not start[4:].startswith(_BZIP2_BLOCKS):
        return None
    return kind


def _zstd() -> Any:
    name = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            "this file is compressed by zstd, which Python unpacks from 3.14 on; install "
            "ptbert-tokenizers[zstd], or unpack it first"
        ) from error


@contextmanager
def told_if_damaged(name: str, kind: str | None) -> Iterator[None]:
    """Turn the errors about damaged compressed files into one that names the file.

    Args:
        name: of the file, as messages show it.
        kind: how it is compressed, None for not at all.

    Raises:
        ValueError: if it is damaged.
    """
    try:
        yield
    except Exception as error:
        damaged: tuple[type[Exception], ...] = (EOFError, OSError, zlib.error)
        if kind == "xz":
            import lzma

            damaged += (lzma.LZMAError,)
        if kind == "zstd":
            damaged += (_zstd().ZstdError,)
        is_of_the_disk = isinstance(error, OSError) and error.errno is not None
        if kind is None or is_of_the_disk or not isinstance(error, damaged):
            raise
        raise ValueError(f"{name} is a damaged {kind} file ({error}); was it cut short?") from error


class _Rejoined(io.RawIOBase):
    """A file whose first bytes were read already."""

    def __init__(self, start: bytes, file: BinaryIO) -> None:
        super().__init__()
        self._start, self._file = start, file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        size = len(view)
        data = self._start[:size] or self._file.read1(size)  # type: ignore[attr-defined]
        self._start = self._start[size:]
        view[: len(data)] = data
        return len(data)
