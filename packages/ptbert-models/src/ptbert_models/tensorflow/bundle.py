"""Checkpoints of format V2: an index, and data files of raw bytes."""

from __future__ import annotations

import math
import mmap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ptbert_models.errors import CheckpointNotFound, CorruptCheckpoint
from ptbert_models.tensorflow.crc32c import crc32c, mask
from ptbert_models.tensorflow.dtypes import STRING, array_of
from ptbert_models.tensorflow.protobuf import (
    bytes_of,
    messages_of,
    number_of,
    read_message,
    read_varint,
)
from ptbert_models.tensorflow.slices import (
    Extent,
    places_of_pieces,
    read_shape,
    read_slice,
    slice_key,
)
from ptbert_models.tensorflow.table import read_table

Array = npt.NDArray[np.generic]


@dataclass(frozen=True)
class Entry:
    """Where the bytes of a variable, or of a piece of one, are in the files."""

    dtype: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    crc: int
    slices: tuple[tuple[Extent, ...], ...]


class Bundle(Mapping[str, Array]):
    """The variables of a V2 checkpoint by name, read and checked when they are asked for.

    Args:
        prefix: path of the checkpoint without ``.index``.

    Raises:
        CorruptCheckpoint: if the index is damaged.
    """

    def __init__(self, prefix: Path) -> None:
        self.prefix = prefix
        self._index_path = prefix.with_name(prefix.name + ".index")
        self._entries: dict[bytes, Entry] = {}
        self._shards = 1
        self._big_endian = False
        self._maps: dict[int, memoryview] = {}
        data = memoryview(self._index_path.read_bytes())
        for key, value in read_table(self._index_path, data):
            try:
                if key:
                    self._entries[key] = _read_entry(value)
                else:
                    self._read_header(value)
            except (ValueError, IndexError) as error:
                raise self._damaged(key.decode("utf-8", "replace"), error) from error
        self._refuse_shared_bytes()
        # Keys that begin with a zero byte belong to pieces of variables.
        try:
            self._names = [key.decode() for key in self._entries if not key.startswith(b"\x00")]
        except UnicodeDecodeError as error:
            raise self._damaged("a name", error) from error

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.encode() in self._entries

    def __getitem__(self, name: str) -> Array:
        """Read a variable.

        Raises:
            KeyError: if there is no variable of that name.
            CorruptCheckpoint: if its bytes are missing, cut off or changed.
            CheckpointNotFound: if a data file is missing.
        """
        entry = self._entries[name.encode()]
        return self._joined(name, entry) if entry.slices else self._read(name, entry)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of all variables by name."""
        return {name: self._entries[name.encode()].shape for name in self._names}

    def _joined(self, name: str, entry: Entry) -> Array:
        """Read a variable that was saved in pieces."""
        found = []
        for extents in entry.slices:  # a short file can tell of very many
            piece = self._entries.get(slice_key(name.encode(), extents))
            if piece is None:
                raise self._damaged(name, f"its piece {extents} is missing")
            found.append(piece)
        try:
            places = places_of_pieces(entry.shape, entry.slices)
        except ValueError as error:
            raise self._damaged(name, error) from error
        for place, piece in zip(places, found, strict=True):
            wanted = tuple(part.stop - part.start for part in place)
            if (piece.dtype, piece.shape) != (entry.dtype, wanted):
                raise self._damaged(
                    name, f"a piece of shape {wanted} is stored with shape {piece.shape}"
                )
        arrays = [self._read(name, piece) for piece in found]
        whole = np.empty(entry.shape, arrays[0].dtype)  # every number is written below
        for place, array in zip(places, arrays, strict=True):
            whole[place] = array
        return whole

    def _read(self, name: str, entry: Entry) -> Array:
        data = self._shard(entry.shard)[entry.offset : entry.offset + entry.size]
        if len(data) < entry.size:
            raise self._damaged(name, "its data file is cut off")
        try:
            if mask(_checksum(data, entry)) != entry.crc:
                raise ValueError("its bytes have a wrong checksum")
            return array_of(entry.dtype, entry.shape, data, big_endian=self._big_endian)
        except ValueError as error:
            raise self._damaged(name, error) from error

    def _shard(self, number: int) -> memoryview:
        if number not in self._maps:
            name = f"{self.prefix.name}.data-{number:05d}-of-{self._shards:05d}"
            path = self.prefix.with_name(name)
            try:
                with open(path, "rb") as file:
                    empty = file.seek(0, 2) == 0  # an empty file cannot be mapped
                    mapped = b"" if empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            except FileNotFoundError as error:
                raise CheckpointNotFound(
                    f"{str(self._index_path)!r} needs {name!r} beside it; copy that file too"
                ) from error
            self._maps[number] = memoryview(mapped)
        return self._maps[number]

    def _read_header(self, value: memoryview) -> None:
        fields = read_message(value)
        self._shards = number_of(fields, 1, default=1)
        self._big_endian = bool(number_of(fields, 2))
        version = number_of(read_message(bytes_of(fields, 3)), 2)
        if version > 1:
            raise ValueError(f"it is of version {version}, and only version 1 is known")

    def _refuse_shared_bytes(self) -> None:
        """Refuse entries that share bytes, so that all variables are no larger than the files."""
        end = (-1, 0)
        for entry in sorted(self._entries.values(), key=lambda each: (each.shard, each.offset)):
            if entry.size and (entry.shard, entry.offset) < end:
                raise self._damaged("a variable", "it shares bytes with another one")
            end = max(end, (entry.shard, entry.offset + entry.size))

    def _damaged(self, name: str, problem: Exception | str) -> CorruptCheckpoint:
        return CorruptCheckpoint(
            f"{str(self._index_path)!r}: {name!r} cannot be read ({problem}); "
            "copy the checkpoint again"
        )


def _read_entry(value: memoryview) -> Entry:
    fields = read_message(value)
    return Entry(
        dtype=number_of(fields, 1),
        shape=read_shape(bytes_of(fields, 2)),
        shard=number_of(fields, 3),
        offset=number_of(fields, 4),
        size=number_of(fields, 5),
        crc=number_of(fields, 6),
        slices=tuple(read_slice(each) for each in messages_of(fields, 7)),
    )


def _checksum(data: memoryview, entry: Entry) -> int:
    """The checksum of an entry; lengths of strings count with 4 or 8 bytes, not as stored."""
    if entry.dtype != STRING:
        return crc32c(data)
    count, at = math.prod(entry.shape), 0
    crc = 0
    for _ in range(count):
        length, at = read_varint(data, at)
        crc = crc32c(length.to_bytes(4 if length < 1 << 32 else 8, "little"), crc)
    return crc32c(data[at:], crc)
