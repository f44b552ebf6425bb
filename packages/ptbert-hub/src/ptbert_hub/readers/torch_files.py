"""Files of `torch.save`, read without torch: what they hold, and where the numbers of tensors lie

Such a file is a pickle, which refers to storages: arrays of numbers beside it. Since 2020 the file
is a zip archive, in which ``data.pkl`` is the pickle and ``data/KEY`` are the storages. Before, it
was a row of pickles with the storages behind them.
"""

from __future__ import annotations

import os
import re
import sys
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from ptbert_hub.errors import BadContent
from ptbert_hub.readers.pickles import (
    EndsEarly,
    ForeignName,
    Name,
    PickleReader,
    Reference,
    make_values,
)
from ptbert_hub.readers.zip_members import STORED, first_byte, list_members

_ZIP_START = b"PK\x03\x04"
_PICKLE_START = b"\x80"
_MAGIC = 0x1950A86A20F9469CFC6C
_FIRST_BLOCK = 1 << 20  # of a file of the older format; weights have their pickles in it
_KEY = re.compile(r"[0-9]{1,20}", re.ASCII)

# The bytes of a number, by the names that storages have.
_NUMBER_BYTES: Mapping[str, int] = {
    "BFloat16": 2,
    "Bool": 1,
    "Byte": 1,
    "Char": 1,
    "ComplexDouble": 16,
    "ComplexFloat": 8,
    "Double": 8,
    "Float": 4,
    "Half": 2,
    "Int": 4,
    "Long": 8,
    "Short": 2,
}


@dataclass(frozen=True)
class Storage:
    """An array of numbers in a file.

    Args:
        key: its name there.
        kind: the kind of numbers, such as "Float".
        count: how many there are.
        start: where the first byte is.
        checksum: the CRC-32 of all bytes, or None if the file does not say it.
    """

    key: str
    kind: str
    count: int
    start: int
    checksum: int | None = None

    @property
    def size(self) -> int:
        """Bytes of all numbers."""
        return self.count * _NUMBER_BYTES[self.kind]


@dataclass(frozen=True)
class TorchFile:
    """What a file of ``torch.save`` holds.

    Args:
        value: what was saved, with records of whatever is no plain value.
        storages: by the references in the value.
        swapped: whether the bytes of a number are in the other order than on this machine.
    """

    value: Any
    storages: Mapping[Reference, Storage]
    swapped: bool = False


def begins_like_torch(start: bytes) -> bool:
    """Whether a file with these first four bytes may be one of ``torch.save``."""
    return start.startswith((_ZIP_START, _PICKLE_START))


def read_torch_file(file: BinaryIO) -> TorchFile:
    """Read a file of ``torch.save`` in either format, but not the numbers of its tensors.

    Args:
        file: open for reading, with a file of the operating system behind it.

    Raises:
        BadContent: if it is damaged, or none of ``torch.save``.
    """
    file.seek(0)
    start = file.read(len(_ZIP_START))
    if start == _ZIP_START:
        return _read_archive(file)
    if start.startswith(_PICKLE_START):
        return _read_pickles(file)
    raise BadContent("torch.save did not write it")


def _read_archive(file: BinaryIO) -> TorchFile:
    listed = list_members(file)
    for member in listed:
        if member.method != STORED:
            raise BadContent(f"its member {member.name!a} is compressed or encrypted")
    members = {member.name: member for member in listed}
    if len(members) < len(listed):
        raise BadContent("it has two members of the same name")
    pickles = [name for name in members if name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise BadContent(f"it has {len(pickles)} members called data.pkl instead of one")
    folder = pickles[0].removesuffix("data.pkl")
    checked = any(member.checksum for member in members.values())

    def content(name: str) -> bytes:
        file.seek(first_byte(file, members[name]))
        data = file.read(members[name].size)
        if checked and zlib.crc32(data) != members[name].checksum:
            raise BadContent(f"record {name!a} has a wrong checksum")
        return data

    order = content(f"{folder}byteorder") if f"{folder}byteorder" in members else b"little"
    reader = PickleReader(content(pickles[0]))
    value = reader.read()
    storages: dict[Reference, Storage] = {}
    for reference in reader.references:
        kind, key, count, view = _described(reference)
        name = f"{folder}data/{key}"
        if name not in members or view is not None:
            raise BadContent(f"it has no record {name!a}, which a tensor needs")
        member = members[name]
        storage = Storage(
            name, kind, count, first_byte(file, member), member.checksum if checked else None
        )
        if storage.size != member.size:
            raise BadContent(f"record {name!a} has {member.size} bytes instead of {storage.size}")
        storages[reference] = storage
    return TorchFile(value, storages, swapped=order.decode("ascii", "replace") != sys.byteorder)


def _read_pickles(file: BinaryIO) -> TorchFile:
    size = os.fstat(file.fileno()).st_size
    block = _FIRST_BLOCK
    while True:
        file.seek(0)
        reader = PickleReader(file.read(block))
        try:
            if make_values(reader.read()) != _MAGIC:
                raise BadContent("it does not begin with torch's number")
            for _ in ("version", "facts about the machine"):
                make_values(reader.read())
            value = reader.read()
            keys = reader.read() if reader.references else []
            break
        except EndsEarly:
            if block >= size:
                raise
            block *= 16
    return TorchFile(value, _storages_behind(file, reader, keys, size))


def _storages_behind(
    file: BinaryIO, reader: PickleReader, keys: Any, size: int
) -> dict[Reference, Storage]:
    """The storages behind the pickles: each is a count of eight bytes, then as many numbers."""
    described = {reference: _described(reference) for reference in reader.references}
    kinds = {key: (kind, count) for kind, key, count, _ in described.values()}
    # Only texts are compared: anything else may be nested so that it has no end.
    if type(keys) is not list or {*map(type, keys)} - {str} or sorted(keys) != sorted(kinds):
        raise BadContent("its list of storages is not that of its tensors")
    places: dict[str, Storage] = {}
    at = reader.at
    for key in keys:
        kind, count = kinds[key]
        places[key] = storage = Storage(key, kind, count, at + 8)
        at = storage.start + storage.size
        file.seek(storage.start - 8)
        if at > size or int.from_bytes(file.read(8), "little") != count:
            raise BadContent("its storages are not as large as its tensors say")
    return {
        reference: _part(places[key], kind, count, view)
        for reference, (kind, key, count, view) in described.items()
    }


def _part(storage: Storage, kind: str, count: int, view: Any) -> Storage:
    """A storage, or the part of it that very old versions of torch let tensors have."""
    if (storage.kind, storage.count) != (kind, count):
        raise BadContent(f"it says two different things about the storage {storage.key}")
    if view is None:
        return storage
    match view:
        case (str(key), int(first), int(length)) if 0 <= first <= first + length <= count:
            start = storage.start + first * _NUMBER_BYTES[kind]
            return Storage(f"{storage.key}/{key}", kind, length, start)
    raise BadContent(f"it has a wrong part of the storage {storage.key}")


def _described(reference: Reference) -> tuple[str, str, int, Any]:
    """Kind, key and count of a storage, and which part of it is meant."""
    match reference.to:
        case ("storage", Name(text), str(key), str(), int(count), *view) if (
            len(view) <= 1 and count >= 0 and _KEY.fullmatch(key)
        ):
            kind = text.removeprefix("torch.").removesuffix("Storage")
            if text != f"torch.{kind}Storage" or kind not in _NUMBER_BYTES:
                raise ForeignName(text)
            return kind, key, count, view[0] if view else None
    raise BadContent("it refers to something that is no storage")
