"""Tables of TensorFlow that are damaged inside, with checksums that are right again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ptbert_models.tensorflow.crc32c import masked_crc32c
from ptbert_models.tensorflow.dtypes import STRING
from ptbert_models.tensorflow.protobuf import number_of, read_message, read_varint
from ptbert_models.tensorflow.table import MAGIC, read_table

# Files of TensorFlow, as ptbert-models tests them; the one of the older format without its large
# variable, so that damage meets the rest.
TENSORFLOW = Path(__file__).parents[2] / "data" / "tensorflow"


def varint(number: int) -> bytes:
    rest, low = divmod(number, 128)
    return bytes([low | 128]) + varint(rest) if rest else bytes([low])


def entries_of(table: bytes) -> list[tuple[bytes, bytes]]:
    found = read_table(Path("a table"), memoryview(table))
    return [(key, bytes(value)) for key, value in found]


def block_of(entries: list[tuple[bytes, bytes]]) -> bytes:
    rows = [varint(0) + varint(len(k)) + varint(len(v)) + k + v for k, v in entries]
    return b"".join(rows) + bytes(4) + b"\1\0\0\0"


def with_checksum(block: bytes) -> bytes:
    return block + b"\0" + masked_crc32c(block + b"\0").to_bytes(4, "little")


def table_of(block: bytes, damage: Callable[[bytes], bytes] = bytes) -> bytes:
    """A table of one block, in LevelDB's format."""
    handle = varint(0) + varint(len(block))
    index = damage(block_of([(b"z", handle)]))
    footer = varint(0) + varint(0) + varint(len(block) + 5) + varint(len(index))
    return with_checksum(block) + with_checksum(index) + footer.ljust(40, b"\0") + MAGIC


def mended(table: bytes, data: bytes) -> bytes:
    """An index whose entries have the checksums of what is in the data file."""
    entries = []
    for key, value in entries_of(table):
        with suppress(ValueError, IndexError, OverflowError):
            fields = read_message(memoryview(value))
            start, size = number_of(fields, 4), number_of(fields, 5)
            old = b"\x35" + number_of(fields, 6).to_bytes(4, "little")
            stored = data[start : start + size]
            if number_of(fields, 1) == STRING:  # its length counts with four bytes
                length, at = read_varint(memoryview(stored), 0)
                stored = length.to_bytes(4, "little") + stored[at:]
            new = b"\x35" + masked_crc32c(stored).to_bytes(4, "little")
            value = value.replace(old, new)  # noqa: PLW2901 - the same entry
        entries.append((key, value))
    return table_of(block_of(entries))
