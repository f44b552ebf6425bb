"""The members of a zip archive, where each begins, and their unpacked bytes"""

from __future__ import annotations

import bz2
import os
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from struct import Struct
from struct import error as StructError
from typing import Any, BinaryIO

from ptbert_hub.errors import BadContent
from ptbert_hub.readers.decompressing import BLOCK, Decompressing, Inflating, Read

# The parts of a zip archive, in the order in which they lie there (PKWARE's APPNOTE, 4.3).
_HEADER = Struct("<4s22xHH")
_ENTRY = Struct("<4s4xHH4xLLLHHH4xLL")
_END_64 = Struct("<4s36xQQ")
_LOCATOR_64 = Struct("<4s4xQ4x")
_END = Struct("<4s8xLLH")
_EXTRA = Struct("<HH")
_END_START = b"PK\x05\x06"

_LARGEST_DIRECTORY = 4 << 20  # bytes; some ten thousands of members
_LONGEST_COMMENT = 0xFFFF
_TOO_LARGE = 0xFFFFFFFF  # stands for a number of more than 32 bits, which is in the extra field
_EXTRA_64 = 1
_ENCRYPTED, _UTF8 = 1, 1 << 11
STORED = 0
"""The method of members that are not compressed."""
_MACHINES: dict[int, Callable[[], Any]] = {8: Inflating, 12: bz2.BZ2Decompressor}


@dataclass(frozen=True, slots=True)
class Member:
    """A member of an archive.

    Args:
        name: as the archive has it; that of a folder ends in a slash.
        method: how it is compressed; None if it is encrypted.
        size: in bytes.
        packed: bytes in the archive.
        checksum: the CRC-32 of its bytes; 0 if the archive has no checksums.
        mode: what a Unix system says of the file; 0 from other systems.
        header: where the header before it begins.
    """

    name: str
    method: int | None
    size: int
    packed: int
    checksum: int
    mode: int
    header: int


def begins_like_zip(start: bytes) -> bool:
    """Whether a file with these first four bytes may be a zip archive."""
    return start.startswith((b"PK\x03\x04", _END_START))


def list_members(file: BinaryIO) -> list[Member]:
    """Return the members of an archive.

    Raises:
        BadContent: if the archive is damaged, or if its members cannot all lie in it, each in a
            place of its own.
    """
    try:
        members = list(_members(_directory(file)))
    except (StructError, UnicodeDecodeError):
        raise BadContent("its list of members is damaged") from None
    if sum(member.packed for member in members) > os.fstat(file.fileno()).st_size:
        raise BadContent("its members need more bytes than it has")
    places = sorted((member.header, member.header + member.packed) for member in members)
    if any(end + _HEADER.size > start for (_, end), (start, _) in pairwise(places)):
        raise BadContent("its members lie over each other")
    return members


def first_byte(file: BinaryIO, member: Member) -> int:
    """Return where the bytes of a member begin.

    Raises:
        BadContent: if there is no member.
    """
    size = os.fstat(file.fileno()).st_size
    file.seek(min(member.header, size))  # a system cannot go further than to 63 bits
    header = file.read(_HEADER.size)
    if len(header) < _HEADER.size or not header.startswith(b"PK\x03\x04"):
        raise BadContent("a member is not where its list of members says")
    _, name, extra = _HEADER.unpack(header)
    start = member.header + _HEADER.size + name + extra
    if start + member.packed > size:
        raise BadContent("its end is missing")
    return start


def unpacked(file: BinaryIO, member: Member) -> Iterator[bytes]:
    """Yield the bytes of a member in blocks, and look at their number and checksum in the end.

    Raises:
        BadContent: if they are not those that the list of members promises, or if there is no way
            here to unpack them.
    """
    if member.method != STORED and member.method not in _MACHINES:
        raise BadContent(f"its member {member.name!a} is encrypted, or packed in an unusual way")
    at, end = first_byte(file, member), member.packed
    end += at

    def take(size: int) -> bytes:
        nonlocal at
        file.seek(at)
        data = file.read(min(size, end - at))
        at += len(data)
        return data

    read: Read = take
    if member.method:
        read = Decompressing(take, _MACHINES[member.method]()).read
    size = checksum = 0
    while size <= member.size and (block := read(BLOCK)):
        size, checksum = size + len(block), zlib.crc32(block, checksum)
        yield block
    if (size, checksum) != (member.size, member.checksum):
        raise BadContent(f"its member {member.name!a} has another size or a wrong checksum")


def _directory(file: BinaryIO) -> bytes:
    """The list of members, which lies at the end of an archive."""
    end = file.seek(0, os.SEEK_END)
    file.seek(max(0, end - _LONGEST_COMMENT - _END.size - _LOCATOR_64.size))
    tail = file.read()
    at = tail.rfind(_END_START)
    if at < _LOCATOR_64.size or at + _END.size > len(tail):
        raise BadContent("its end is missing")
    _, size, start, comment = _END.unpack_from(tail, at)
    if at + _END.size + comment != len(tail):
        raise BadContent("its end is missing")
    locator, end_64 = _LOCATOR_64.unpack_from(tail, at - _LOCATOR_64.size)
    if locator == b"PK\x06\x07":
        if end_64 > end:
            raise BadContent("its end is missing")
        file.seek(end_64)
        kind, size, start = _END_64.unpack(file.read(_END_64.size))
        if kind != b"PK\x06\x06":
            raise BadContent("its end is missing")
    if size > _LARGEST_DIRECTORY or start + size > end:
        raise BadContent(f"its list of members has {size} bytes; {_LARGEST_DIRECTORY} are read")
    file.seek(start)
    return file.read(size)


def _members(directory: bytes) -> Iterator[Member]:
    at = 0
    while at < len(directory):
        kind, flags, method, checksum, packed, size, *lengths, attributes, header = (
            _ENTRY.unpack_from(directory, at)
        )
        at += _ENTRY.size
        name = directory[at : at + lengths[0]].decode("utf-8" if flags & _UTF8 else "cp437")
        extra = directory[at + lengths[0] : at + lengths[0] + lengths[1]]
        at += sum(lengths)
        if kind != b"PK\x01\x02" or at > len(directory):
            raise BadContent("its list of members is damaged")
        size, packed, header = _with_extra(extra, [size, packed, header])
        if method == STORED and size != packed:
            raise BadContent("its list of members is damaged")
        known = None if flags & _ENCRYPTED else method
        yield Member(name, known, size, packed, checksum, attributes >> 16, header)


def _with_extra(extra: bytes, numbers: list[int]) -> Iterator[int]:
    """Numbers of a member, with those filled in that need more than 32 bits."""
    large, at = b"", 0
    while at + _EXTRA.size <= len(extra):
        kind, size = _EXTRA.unpack_from(extra, at)
        at += _EXTRA.size
        if kind == _EXTRA_64:
            large = extra[at : at + size]
        at += size
    for number in numbers:
        if number == _TOO_LARGE:
            yield int.from_bytes(large[:8], "little")
            large = large[8:]
        else:
            yield number
