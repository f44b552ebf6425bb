"""The members of tar and zip archives, read one after the other within budgets.

Members of a tar are found here and not by the code of the standard library, which holds in memory
what an archive can make large. Bytes are counted as they leave the decompressor.
"""

import bz2
import gzip
import lzma
import os
import re
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from ptbert_hub.files import check_ratio, open_plain

MAX_BYTES = 64 << 30
MAX_MEMBERS = 10_000
"""Files and folders, also folders that only the names of files tell of."""
MAX_DIRECTORY = 4 << 20
"""Bytes of the list of members of a zip, which is read into memory."""
MAX_MEMORY = 256 << 20
"""Bytes that the decompressor of ``.xz`` may use."""
BLOCK = 1 << 20

Read = Callable[[int], bytes]


def is_archive(path: str | os.PathLike[str]) -> bool:
    """Whether the file at ``path`` is a tar or zip archive that is not itself a weights file.

    PyTorch writes weights as zip files, recognised by their member ``data.pkl``.
    """
    is_zip = _is_zip(Path(path))
    with suppress(Exception):  # the readers raise a dozen classes for damaged archives
        if is_zip:
            with _open_zip(Path(path)) as archive:
                return not any(name.endswith("data.pkl") for name in archive.namelist())
        with _open_decompressed(Path(path)) as stream:
            tarfile.TarInfo.frombuf(stream.read(tarfile.BLOCKSIZE), "utf-8", "surrogateescape")
            return True
    return False


class Budget:
    """How many bytes and members an archive of a certain size may have.

    Args:
        packed: bytes of the archive.
        room: bytes that there is room for.
    """

    def __init__(self, packed: int, room: int) -> None:
        self.packed, self.room, self.members = packed, room, MAX_MEMBERS
        self.unpacked = 0

    def spend(self, size: int) -> None:
        """Count unpacked bytes; raise ``ValueError`` if they are too many."""
        self.unpacked += size
        check_ratio(self.packed, self.unpacked)
        if self.unpacked > self.room:
            raise ValueError("unpacks to more than there is room for")

    def next_member(self) -> None:
        """Count a file or a folder; raise ``ValueError`` if they are too many."""
        self.members -= 1
        if self.members < 0:
            raise ValueError(f"has more than {MAX_MEMBERS} members")

    def counted(self, stream: IO[bytes]) -> Read:
        """Return a function that reads as many bytes as asked for, fewer only at the end."""

        def read(size: int) -> bytes:
            blocks = []
            while size > 0 and (block := stream.read(min(size, BLOCK))):
                self.spend(len(block))
                size -= len(block)
                blocks.append(block)
            return b"".join(blocks)

        return read


def members(archive: Path, budget: Budget) -> Iterator[tuple[str, Read | None]]:
    """Yield the name of each member and a function that reads it; None for a folder."""
    if _is_zip(archive):
        with _open_zip(archive) as zipped:
            yield from _zip_members(zipped, budget)
    else:
        with _open_decompressed(archive) as stream:
            yield from _tar_members(budget.counted(stream))


def _tar_members(read: Read) -> Iterator[tuple[str, Read | None]]:
    named: str | None = None  # by a header before the member
    sized: int | None = None
    while any(header := read(tarfile.BLOCKSIZE)):
        info = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
        if info.type in _HEADERS:
            if info.size > BLOCK:
                raise ValueError(f"has a header of {info.size} bytes")
            data = b"".join(_pieces(read, info.size))
            if info.type == tarfile.GNUTYPE_LONGNAME:
                named = data.partition(b"\0")[0].decode("utf-8", "surrogateescape")
            elif info.type != tarfile.XGLTYPE:
                facts = _pax_facts(data)
                named = facts.get("path", named)
                sized = int(facts["size"]) if "size" in facts else sized
            continue
        name, size = info.name if named is None else named, info.size if sized is None else sized
        if info.isdir():
            yield name, None
        elif info.type in {tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE}:
            pieces = _pieces(read, size)
            yield name, lambda _, pieces=pieces: next(pieces, b"")  # type: ignore[misc]
        else:
            raise ValueError(f"has a member {name[:500]!r} that is a link or a device")
        named = sized = None


_HEADERS = {tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME}
"""Types of blocks that say something about the next member, or about all."""


def _pieces(read: Read, size: int) -> Iterator[bytes]:
    """The content of a member of a tar, and then the end of its last block is skipped."""
    if size < 0:
        raise ValueError("has a member of negative size")
    padding = -size % tarfile.BLOCKSIZE
    while size > 0:
        piece = read(min(size, BLOCK))
        if not piece:
            raise EOFError("it ends too early")
        size -= len(piece)
        yield piece
    read(padding)


def _pax_facts(data: bytes) -> dict[str, str]:
    """What a header of ``LENGTH NAME=VALUE`` lines says."""
    facts, start = {}, 0
    while start < len(data) and (line := re.compile(rb"([0-9]{1,9}) ").match(data, start)):
        end = start + int(line[1])
        name, equals, value = data[line.end() : end - 1].partition(b"=")
        is_wrong = name == b"size" and not re.fullmatch(b"[0-9]{1,18}", value)
        if not line.end() < end <= len(data) or not equals or is_wrong:
            raise EOFError("one of its headers is malformed")
        if name.startswith(b"GNU.sparse"):
            raise ValueError("has a member with holes")
        facts[name.decode("utf-8", "replace")] = value.decode("utf-8", "surrogateescape")
        start = end
    return facts


def _zip_members(zipped: zipfile.ZipFile, budget: Budget) -> Iterator[tuple[str, Read | None]]:
    for info in zipped.infolist():
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
            raise ValueError(f"has a member {info.filename[:500]!r} that is a link or a device")
        if info.is_dir():
            yield info.orig_filename, None
            continue
        if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2}:
            raise ValueError("is compressed by a method that is not supported")
        with zipped.open(info) as file:
            yield info.orig_filename, budget.counted(file)


def _open_zip(path: Path) -> zipfile.ZipFile:
    """Open a zip, unless its list of members is too long to be read into memory."""
    with open_plain(path) as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - (1 << 17)))
        end = file.read()
    sizes = [
        int.from_bytes(end[found.start() + at : found.start() + at + length], "little")
        for signature, at, length in ((b"PK\5\6", 12, 4), (b"PK\6\6", 40, 8))
        for found in re.finditer(signature, end)
    ]
    if any(size > MAX_DIRECTORY for size in sizes if size != 0xFFFFFFFF or len(sizes) == 1):
        raise ValueError(f"has a list of members of more than {MAX_DIRECTORY} bytes")
    return zipfile.ZipFile(path)


class _Xz:
    """Decompresses ``.xz`` with a limit on memory, which :class:`lzma.LZMAFile` does not have."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._machine = lzma.LZMADecompressor(memlimit=MAX_MEMORY)

    def read(self, size: int) -> bytes:
        while not self._machine.eof:
            data = self._file.read(BLOCK) if self._machine.needs_input else b""
            if block := self._machine.decompress(data, size):
                return block
            if not data and self._machine.needs_input:
                raise EOFError("it ends too early")
        return b""


@contextmanager
def _open_decompressed(archive: Path) -> Iterator[IO[bytes]]:
    with open_plain(archive) as file:
        head = file.read(6)
        file.seek(0)
        opener = next((opener for magic, opener in _OPENERS if head.startswith(magic)), None)
        yield cast(IO[bytes], opener(file) if opener else file)


_OPENERS: tuple[tuple[bytes, Callable[[BinaryIO], Any]], ...] = (
    (b"\x1f\x8b", lambda file: gzip.GzipFile(fileobj=file)),
    (b"BZh", bz2.BZ2File),
    (b"\xfd7zXZ\0", _Xz),
)


def _is_zip(path: Path) -> bool:
    with open_plain(path) as file:
        return file.read(4) in {b"PK\x03\x04", b"PK\x05\x06"}
