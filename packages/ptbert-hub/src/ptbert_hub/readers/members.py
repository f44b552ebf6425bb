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
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Protocol

from ptbert_hub.files import open_plain
from ptbert_hub.readers.decompressing import BLOCK, Decompressing, Read, check_ratio
from ptbert_hub.readers.zip_members import begins_like_zip, list_members, unpacked

MAX_BYTES = 64 << 30
MAX_MEMBERS = 10_000
"""Files and folders, also folders that only the names of files tell of."""
MAX_MEMORY = 256 << 20
"""Bytes that the decompressor of ``.xz`` may use."""


def is_archive(path: str | os.PathLike[str]) -> bool:
    """Whether the file at ``path`` is a tar or zip archive that is not itself a weights file.

    PyTorch writes weights as zip files, recognised by their member ``data.pkl``.
    """
    with open_plain(Path(path)) as file:
        is_zip = begins_like_zip(file.read(4))
        with suppress(Exception):  # the readers raise a dozen classes for damaged archives
            if is_zip:
                return not any(member.name.endswith("data.pkl") for member in list_members(file))
            header = _decompressed(file).read(tarfile.BLOCKSIZE)
            tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
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

    def counted(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """Yield the same blocks."""
        for block in blocks:
            self.spend(len(block))
            yield block


def members(archive: Path, budget: Budget) -> Iterator[tuple[str, Iterator[bytes] | None]]:
    """Yield the name of each member and its bytes in blocks; None for a folder.

    The blocks of a member must have been taken before the next one is asked for.
    """
    with open_plain(archive) as file:
        if begins_like_zip(file.read(4)):
            yield from _zip_members(file, budget)
        else:
            yield from _tar_members(_decompressed(file), budget)


def _zip_members(file: BinaryIO, budget: Budget) -> Iterator[tuple[str, Iterator[bytes] | None]]:
    for member in list_members(file):
        if stat.S_IFMT(member.mode) not in {0, stat.S_IFREG, stat.S_IFDIR}:
            raise ValueError(f"has a member {member.name[:500]!r} that is a link or a device")
        is_folder = member.name.endswith("/")
        yield member.name, None if is_folder else budget.counted(unpacked(file, member))


def _tar_members(stream: "_Stream", budget: Budget) -> Iterator[tuple[str, Iterator[bytes] | None]]:
    def read(size: int) -> bytes:
        """As many bytes as asked for, fewer only at the end."""
        found = b""
        while len(found) < size and (block := stream.read(size - len(found))):
            budget.spend(len(block))
            found = found + block if found else block
        return found

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
            yield name, _pieces(read, size)
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


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


def _decompressed(file: BinaryIO) -> _Stream:
    file.seek(0)
    head = file.read(6)
    file.seek(0)
    make = next((make for magic, make in _DECOMPRESSORS if head.startswith(magic)), None)
    return make(file) if make else file


_DECOMPRESSORS: tuple[tuple[bytes, Callable[[BinaryIO], _Stream]], ...] = (
    (b"\x1f\x8b", lambda file: gzip.GzipFile(fileobj=file)),
    (b"BZh", bz2.BZ2File),
    # Unlike LZMAFile this has a limit on memory.
    (
        b"\xfd7zXZ\0",
        lambda file: Decompressing(file.read, lzma.LZMADecompressor(memlimit=MAX_MEMORY)),
    ),
)
