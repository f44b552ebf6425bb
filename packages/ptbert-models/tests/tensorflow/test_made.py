"""Tables and checkpoints that are made here, with what TensorFlow's files in ``data`` lack."""

from pathlib import Path

import numpy as np
import pytest

from ptbert_models import CorruptCheckpoint
from ptbert_models.tensorflow import open_checkpoint
from ptbert_models.tensorflow.crc32c import masked_crc32c
from ptbert_models.tensorflow.dtypes import numpy_type
from ptbert_models.tensorflow.table import MAGIC, is_table, read_table


def varint(number):
    """Write a number in groups of seven bits."""
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def block(entries, kind=0, restarts=1):
    """Write a block of a table: keys without shared beginnings, then the trailer."""
    data = b""
    for key, value in entries:
        data += varint(0) + varint(len(key)) + varint(len(value)) + key + value
    data += bytes(4 * restarts) + restarts.to_bytes(4, "little")
    if kind == 1:
        assert len(data) <= 60
        data = varint(len(data)) + bytes([(len(data) - 1) << 2]) + data  # one literal of Snappy
    data += bytes([kind])
    return data + masked_crc32c(data).to_bytes(4, "little")


def table(entries, **options):
    """Write a table of one block, see LevelDB's doc/table_format.md."""
    content = block(entries, **options)
    handle = varint(0) + varint(len(content) - 5)
    index = block([(b"zz", handle)])
    footer = varint(0) + varint(0) + varint(len(content)) + varint(len(index) - 5)
    return content + index + footer.ljust(40, b"\x00") + MAGIC


@pytest.mark.parametrize("options", [{}, {"kind": 1}, {"restarts": 3}])
def test_tables_of_every_kind(options):
    entries = [(b"", b"header"), (b"key", b"")]
    found = read_table(Path("made"), memoryview(table(entries, **options)))
    assert [(key, bytes(value)) for key, value in found] == entries


def test_an_unknown_compression_is_refused():
    with pytest.raises(CorruptCheckpoint, match="the block at byte 0 has the unknown compression"):
        list(read_table(Path("made"), memoryview(table([], kind=2))))


def test_a_table_is_known_by_its_end(tmp_path):
    path = tmp_path / "table"
    for size, expected in ((39, False), (40, True), (41, True)):
        path.write_bytes(bytes(size) + MAGIC)
        assert is_table(path) == expected
    path.write_bytes(bytes(41) + MAGIC[::-1])
    assert not is_table(path)


def field(number, value):
    """Write a field of a message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def write_bundle(folder, header, data):
    """Write a checkpoint of one variable: two integers of 32 bits."""
    checksum = varint(6 << 3 | 5) + masked_crc32c(data).to_bytes(4, "little")
    shape = field(2, field(1, 2))
    entry = field(1, 3) + field(2, shape) + field(5, len(data)) + checksum
    (folder / "made.index").write_bytes(table([(b"", header), (b"two", entry)]))
    (folder / "made.data-00000-of-00001").write_bytes(data)
    return folder / "made"


@pytest.mark.parametrize("header", [b"", field(1, 1), field(1, 1) + field(3, field(2, 1))])
def test_headers_may_be_short(tmp_path, header):
    path = write_bundle(tmp_path, header, b"\x01\x00\x00\x00\x02\x00\x00\x00")
    assert open_checkpoint(path)["two"].tolist() == [1, 2]


def test_a_checkpoint_of_a_big_endian_machine(tmp_path):
    path = write_bundle(tmp_path, field(2, 1), b"\x00\x00\x00\x01\x00\x00\x00\x02")
    assert open_checkpoint(path)["two"].tolist() == [1, 2]


def test_a_checkpoint_of_a_later_version_is_refused(tmp_path):
    path = write_bundle(tmp_path, field(3, field(2, 2)), bytes(8))
    with pytest.raises(CorruptCheckpoint, match="it is of version 2, and only version 1 is known"):
        open_checkpoint(path)


def packed(kind, numbers):
    return np.array(numbers, kind).tobytes()


MINUS_THREE = 2**64 - 3
OLDER = {  # type, field of a TensorProto, its content, and the numbers
    "float": (1, 5, packed("<f4", [1.5, -2]), [1.5, -2]),
    "double": (2, 6, packed("<f8", [1.5, -2]), [1.5, -2]),
    "int32": (3, 7, varint(300) + varint(MINUS_THREE), [300, -3]),
    "int8, a number by itself": (6, 7, 7, [7]),
    "complex64": (8, 9, packed("<c8", [1 + 2j]), [1 + 2j]),
    "int64": (9, 10, varint(2**40) + varint(MINUS_THREE), [2**40, -3]),
    "bool": (10, 11, varint(1) + varint(0), [True, False]),
    "complex128": (18, 12, packed("<c16", [1 + 2j]), [1 + 2j]),
    "bfloat16": (14, 13, varint(0x3FC0) + varint(0xC000), [1.5, -2]),
    "half": (19, 13, varint(0x3E00) + varint(0xC000), [1.5, -2]),
    "uint32": (22, 16, varint(2**32 - 1), [2**32 - 1]),
    "uint64": (23, 17, varint(2**64 - 1), [2**64 - 1]),
    "raw bytes": (3, 4, packed("<i4", [5, -6]), [5, -6]),
    "strings": (7, 8, b"a\xff", [b"a\xff"]),
}


@pytest.mark.parametrize("case", OLDER)
def test_the_older_format_s_numbers_of_every_type(tmp_path, case):
    dtype, number, content, expected = OLDER[case]
    shape = field(2, field(1, len(expected)))
    whole = field(4, field(1, b""))  # a piece that is the whole
    contents = field(1, field(1, b"x") + field(2, shape) + field(3, dtype) + whole)
    tensor = field(1, dtype) + field(number, content)
    piece = field(2, field(1, b"x") + field(2, field(1, b"")) + field(3, tensor))
    (tmp_path / "made").write_bytes(table([(b"", field(1, contents)), (b"x", piece)]))

    found = open_checkpoint(tmp_path / "made")["x"]

    assert found.dtype == numpy_type(dtype)
    assert found.tolist() == expected


def test_the_older_format_s_numbers_without_a_shape(tmp_path):
    contents = field(1, field(1, b"x") + field(3, 3))
    piece = field(2, field(1, b"x") + field(3, field(1, 3) + field(7, 5)))
    (tmp_path / "made").write_bytes(table([(b"", field(1, contents)), (b"x", piece)]))
    assert open_checkpoint(tmp_path / "made")["x"].tolist() == 5
