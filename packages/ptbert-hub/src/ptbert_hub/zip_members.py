"""The members of a zip archive that is not compressed, and where each begins"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct
from struct import error as StructError
from typing import BinaryIO

from ptbert_hub.errors import BadContent

# The parts of a zip archive, in the order in which they lie there (PKWARE's APPNOTE, 4.3).
_HEADER = Struct("<4s22xHH")
_ENTRY = Struct("<4s4xHH4xLLLHHH8xL")
_END_64 = Struct("<4s36xQQ")
_LOCATOR_64 = Struct("<4s4xQ4x")
_END = Struct("<4s8xLLH")

_LARGEST_DIRECTORY = 4 << 20  # bytes; some ten thousands of members
_TOO_LARGE = 0xFFFFFFFF  # stands for a number of more than 32 bits, which is in the extra field
_EXTRA_64 = 1
_ENCRYPTED = 1


@dataclass(frozen=True, slots=True)
class Member:
    """A member of an archive.

    Args:
        size: in bytes.
        checksum: the CRC-32 of its bytes; 0 if the archive has no checksums.
        header: where the header before it begins.
    """

    size: int
    checksum: int
    header: int


def list_members(file: BinaryIO) -> dict[str, Member]:
    """Return the members of an archive by name.

    Raises:
        BadContent: if the archive is damaged or compressed, or if its members cannot all lie in
            it, each in a place of its own.
    """
    try:
        members = _members(_directory(file))
    except (StructError, UnicodeDecodeError):
        raise BadContent("its list of members is damaged") from None
    size = os.fstat(file.fileno()).st_size
    if sum(member.size for member in members.values()) > size:
        raise BadContent("its members need more bytes than it has")
    return members


def first_byte(file: BinaryIO, member: Member) -> int:
    """Return where the bytes of a member begin.

    Raises:
        BadContent: if there is no member.
    """
    file.seek(member.header)
    header = file.read(_HEADER.size)
    if len(header) < _HEADER.size or not header.startswith(b"PK\x03\x04"):
        raise BadContent("a member is not where its list of members says")
    _, name, extra = _HEADER.unpack(header)
    start = member.header + _HEADER.size + name + extra
    if start + member.size > os.fstat(file.fileno()).st_size:
        raise BadContent("its end is missing")
    return start


def _directory(file: BinaryIO) -> bytes:
    """The list of members, which lies at the end of an archive."""
    end = file.seek(0, os.SEEK_END)
    file.seek(max(0, end - _END.size - _LOCATOR_64.size))
    tail = file.read()
    if len(tail) < _END.size + _LOCATOR_64.size:
        raise BadContent("its end is missing")
    kind, size, start, comment = _END.unpack(tail[-_END.size :])
    if kind != b"PK\x05\x06" or comment:
        raise BadContent("its end is missing")
    locator, end_64 = _LOCATOR_64.unpack(tail[: _LOCATOR_64.size])
    if locator == b"PK\x06\x07":
        if end_64 > end:
            raise BadContent("its end is missing")
        file.seek(end_64)
        kind, size, start = _END_64.unpack(file.read(_END_64.size))
        if kind != b"PK\x06\x06":
            raise BadContent("its end is missing")
    if size > _LARGEST_DIRECTORY or start + size > end:
        raise BadContent(f"its list of members has {size} bytes")
    file.seek(start)
    return file.read(size)


def _members(directory: bytes) -> dict[str, Member]:
    members: dict[str, Member] = {}
    at = 0
    while at < len(directory):
        kind, flags, method, checksum, packed, size, *lengths, header = _ENTRY.unpack_from(
            directory, at
        )
        at += _ENTRY.size
        name = directory[at : at + lengths[0]].decode()
        extra = directory[at + lengths[0] : at + lengths[0] + lengths[1]]
        at += sum(lengths)
        if kind != b"PK\x01\x02" or name in members:
            raise BadContent("its list of members is damaged")
        if method or flags & _ENCRYPTED:
            raise BadContent(f"its member {name!a} is compressed or encrypted")
        size, packed, header = _with_extra(extra, [size, packed, header])
        if size != packed:
            raise BadContent("its list of members is damaged")
        members[name] = Member(size, checksum, header)
    return members


def _with_extra(extra: bytes, numbers: list[int]) -> Iterator[int]:
    """Numbers of a member, with those filled in that need more than 32 bits."""
    large = b""
    while len(extra) >= 4:
        kind, size = int.from_bytes(extra[:2], "little"), int.from_bytes(extra[2:4], "little")
        if kind == _EXTRA_64:
            large = extra[4 : 4 + size]
        extra = extra[4 + size :]
    for number in numbers:
        if number == _TOO_LARGE:
            yield int.from_bytes(large[:8], "little")
            large = large[8:]
        else:
            yield number
