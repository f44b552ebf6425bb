"""Sorted tables of keys and values: the container of TensorFlow's index files and V1 checkpoints.

Source:
    LevelDB table format, github.com/google/leveldb, doc/table_format.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ptbert_models.errors import CorruptCheckpoint
from ptbert_models.tensorflow.crc32c import masked_crc32c
from ptbert_models.tensorflow.protobuf import read_varint
from ptbert_models.tensorflow.snappy import decompress

MAGIC = bytes.fromhex("57fb808b247547db")
_FOOTER = 48
_TRAILER = 5  # kind of compression, checksum
_PLAIN, _SNAPPY = 0, 1
# A key repeats the beginning of the one before it, so a short file can hold very many long keys.
_MOST_KEYS, _KEYS_PER_BYTE = 1 << 26, 8


def is_table(path: Path) -> bool:
    """Whether the file's last bytes are those of a table."""
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        if size < _FOOTER:
            return False
        file.seek(size - len(MAGIC))
        return file.read() == MAGIC


def read_table(path: Path, data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Yield the keys of a table in order, with their values.

    Args:
        path: the file, for messages.
        data: its contents.

    Raises:
        CorruptCheckpoint: if the file is no table, is cut off, or a checksum is wrong.
    """
    if len(data) < _FOOTER or bytes(data[-len(MAGIC) :]) != MAGIC:
        raise CorruptCheckpoint(
            f"{str(path)!r} is not a TensorFlow checkpoint, or it is cut off; copy it again"
        )
    try:
        footer = data[-_FOOTER:]
        _, at = _read_handle(footer, 0)  # the metaindex, which holds nothing of interest
        handle, _ = _read_handle(footer, at)
        end, budget = 0, _MOST_KEYS + _KEYS_PER_BYTE * len(data)
        for _, value in _read_block(data, *handle):
            (offset, size), _ = _read_handle(value, 0)
            if offset < end:
                raise ValueError(f"the block at byte {offset} begins inside the one before it")
            end = offset + size
            for key, entry in _read_block(data, offset, size):
                budget -= len(key)
                if budget < 0:
                    raise ValueError("its keys are far longer than names of variables")
                yield key, entry
    except (ValueError, IndexError) as error:
        raise CorruptCheckpoint(f"{str(path)!r} is damaged ({error}); copy it again") from error


def _read_handle(data: memoryview, at: int) -> tuple[tuple[int, int], int]:
    """Read the offset and the size of a block."""
    offset, at = read_varint(data, at)
    size, at = read_varint(data, at)
    return (offset, size), at


def _read_block(data: memoryview, offset: int, size: int) -> Iterator[tuple[bytes, memoryview]]:
    end = offset + size
    if end + _TRAILER > len(data):
        raise ValueError(f"the block at byte {offset} is cut off")
    stored = int.from_bytes(data[end + 1 : end + _TRAILER], "little")
    if masked_crc32c(data[offset : end + 1]) != stored:
        raise ValueError(f"the block at byte {offset} has a wrong checksum")
    kind, block = data[end], data[offset:end]
    if kind == _SNAPPY:
        block = memoryview(decompress(block))
    elif kind != _PLAIN:
        raise ValueError(f"the block at byte {offset} has the unknown compression {kind}")
    restarts = int.from_bytes(block[-4:], "little")
    entries = block[: len(block) - 4 * (restarts + 1)]
    key, at = b"", 0
    while at < len(entries):
        shared, at = read_varint(entries, at)
        added, at = read_varint(entries, at)
        length, at = read_varint(entries, at)
        if shared > len(key) or at + added + length > len(entries):
            raise ValueError(f"an entry of the block at byte {offset} is cut off")
        key = key[:shared] + bytes(entries[at : at + added])
        at += added
        yield key, entries[at : at + length]
        at += length
