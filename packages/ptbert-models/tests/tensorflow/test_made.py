"""Tables and checkpoints that are made here, with what TensorFlow's files in ``data`` lack."""

from pathlib import Path

import numpy as np
import pytest

from ptbert_models import CorruptCheckpoint
from ptbert_models.tensorflow import open_checkpoint
from ptbert_models.tensorflow.crc32c import masked_crc32c
from ptbert_models.tensorflow.dtypes import numpy_type
from ptbert_models.tensorflow.slices import places_of_pieces, slice_key
from ptbert_models.tensorflow.table import MAGIC, is_table, read_table


def varint(number):
    """Write a number in groups of seven bits."""
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def block(entries, kind=0, restarts=1):
    """Write a block of a table, then the trailer.

    Entries are keys and values, or how much of the key before is repeated, the rest, and the value.
    """
    data = b""
    for *shared, key, value in entries:
        data += varint(sum(shared)) + varint(len(key)) + varint(len(value)) + key + value
    data += bytes(4 * restarts) + restarts.to_bytes(4, "little")
    if kind == 1:
        assert len(data) <= 60
        data = varint(len(data)) + bytes([(len(data) - 1) << 2]) + data  # one literal of Snappy
    data += bytes([kind])
    return data + masked_crc32c(data).to_bytes(4, "little")


def table(entries, times=1, **options):
    """Write a table of one block, see LevelDB's doc/table_format.md."""
    content = block(entries, **options)
    handle = varint(0) + varint(len(content) - 5)
    index = block([(b"zz", handle)] * times)
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


def shape_of(*sizes):
    return b"".join(field(2, field(1, size)) for size in sizes)


def slices_of(*extents):
    return b"".join(field(1, field(1, start) + field(2, length)) for start, length in extents)


def stored(shape, offset, raw):
    """The entry of a piece whose bytes are in the data file."""
    checksum = varint(6 << 3 | 5) + masked_crc32c(raw).to_bytes(4, "little")
    place = field(4, offset) + field(5, len(raw))
    return field(1, 1) + field(2, shape_of(*shape)) + place + checksum


def bundle(folder, shape, pieces):
    """Write a checkpoint of format V2 with one variable of float32 numbers, 0, 1, 2, ...

    Pieces are tuples of extents, or of extents and the shape that is stored with the piece.
    """
    data, entries = b"", []
    for extents, stored_shape in pieces:
        raw = np.arange(len(data) // 4, len(data) // 4 + np.prod(stored_shape), dtype="<f4")
        key = slice_key(b"w", extents)
        entries.append((key, stored(stored_shape, len(data), raw.tobytes())))
        data += raw.tobytes()
    whole = field(1, 1) + field(2, shape_of(*shape))
    whole += b"".join(field(7, slices_of(*extents)) for extents, _ in pieces)
    header = field(1, 1) + field(3, field(1, 1))
    content = sorted([(b"", header), (b"w", whole), *entries])
    (folder / "m.ckpt.index").write_bytes(table(content))
    (folder / "m.ckpt.data-00000-of-00001").write_bytes(data)
    return folder / "m.ckpt"


def older(folder, shape, pieces):
    """Write the same in format V1."""
    contents = field(1, b"w") + field(2, shape_of(*shape)) + field(3, 1)
    entries, at = [(b"", field(1, field(1, contents)))], 0
    for number, (extents, stored_shape) in enumerate(pieces):
        raw = np.arange(at, at + np.prod(stored_shape), dtype="<f4").tobytes()
        at += len(raw) // 4
        tensor = field(1, 1) + field(5, raw)
        piece = field(1, b"w") + field(2, slices_of(*extents)) + field(3, tensor)
        entries.append((b"%d" % number, field(2, piece)))
    (folder / "m.ckpt").write_bytes(table(entries))
    return folder / "m.ckpt"


both_formats = pytest.mark.parametrize("write", [bundle, older])


@both_formats
def test_pieces_are_joined(tmp_path, write):
    pieces = [(((0, 1), (0, 3)), (1, 3)), (((1, 2), (0, 3)), (2, 3))]
    array = open_checkpoint(write(tmp_path, (3, 3), pieces))["w"]
    assert array.tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]


@both_formats
@pytest.mark.parametrize(
    ("shape", "pieces", "message"),
    [
        ((1_000_000,), [(((0, 4),), (4,))], "its pieces hold 4 numbers, and its shape"),
        ((4,), [(((0, 2),), (2,)), (((0, 2),), (2,))], "two of its pieces overlap"),
        ((4,), [(((0, 3),), (3,)), (((2, 1),), (1,))], "two of its pieces overlap"),
        ((4,), [(((2, 4),), (4,))], "is outside its shape"),
        ((2, 2), [(((0, 4),), (4,))], "has other dimensions than its shape"),
    ],
)
def test_pieces_that_leave_a_gap_or_overlap_are_refused(tmp_path, write, shape, pieces, message):
    with pytest.raises(CorruptCheckpoint, match=f"'w' cannot be read .*{message}"):
        open_checkpoint(write(tmp_path, shape, pieces))["w"]


def test_no_piece_is_looked_for_after_one_that_is_missing(tmp_path, monkeypatch):
    """A short file can tell of very many pieces, and of a very long name that each key repeats."""
    looked_for = []

    def key(name, extents):
        looked_for.append(extents)
        return slice_key(name, extents)

    monkeypatch.setattr("ptbert_models.tensorflow.bundle.slice_key", key)
    path = bundle(tmp_path, (3,), [(((n, 1),), (1,)) for n in range(3)])
    index = path.with_name("m.ckpt.index")
    entries = [(k, bytes(v)) for k, v in read_table(index, memoryview(index.read_bytes()))]
    index.write_bytes(table([each for each in entries if each[0] != slice_key(b"w", ((0, 1),))]))

    with pytest.raises(CorruptCheckpoint, match=r"its piece \(\(0, 1\),\) is missing"):
        open_checkpoint(path)["w"]
    assert looked_for == [((0, 1),)]


def test_a_piece_is_not_repeated_to_fill_its_place(tmp_path):
    path = bundle(tmp_path, (4, 2), [(((0, 4), (0, 2)), (1, 2))])
    with pytest.raises(CorruptCheckpoint, match=r"of shape \(4, 2\) is stored with shape \(1, 2\)"):
        open_checkpoint(path)["w"]


def test_bytes_of_a_file_are_used_once(tmp_path):
    """So all variables together are no larger than the files."""
    raw = np.ones(4, "<f4").tobytes()
    header = field(1, 1) + field(3, field(1, 1))
    entries = [(b"", header), (b"a", stored((4,), 0, raw)), (b"b", stored((4,), 0, raw))]
    (tmp_path / "m.ckpt.index").write_bytes(table(entries))
    (tmp_path / "m.ckpt.data-00000-of-00001").write_bytes(raw)
    with pytest.raises(CorruptCheckpoint, match="it shares bytes with another one"):
        open_checkpoint(tmp_path / "m.ckpt")


def test_a_shape_of_unknown_sizes_is_refused(tmp_path):
    with pytest.raises(CorruptCheckpoint, match=r"its shape \(-1,\) has a negative size"):
        open_checkpoint(bundle(tmp_path, (2**64 - 1,), []))


def test_shapes_are_known_before_the_numbers_are_read(tmp_path):
    path = bundle(tmp_path, (3, 3), [(((0, 3), (0, 3)), (3, 3))])
    assert open_checkpoint(path).shapes() == {"w": (3, 3)}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (table([(b"k", b"")], times=2), "byte 0 begins inside the one before it"),
        (
            table([(b"k" * 70_000, b""), *((70_000, b"", b"") for _ in range(1100))]),
            "its keys are far longer than names of variables",
        ),
        (table([(1, b"k", b"")]), "an entry of the block at byte 0 is cut off"),
    ],
    ids=["a block twice", "long keys from few bytes", "more of a key than there is"],
)
def test_tables_that_grow_when_they_are_read_are_refused(data, message):
    with pytest.raises(CorruptCheckpoint, match=message):
        list(read_table(Path("made"), memoryview(data)))


def test_pieces_may_cut_every_dimension():
    pieces = [((0, 2), (0, 1)), ((0, 2), (1, 2)), ((2, 1), (0, 2)), ((2, 1), (2, 1))]
    assert len(places_of_pieces((3, 3), pieces)) == 4


def test_variables_in_too_many_small_parts_are_refused():
    """As many numbers as there should be, and borders that make 2,199 times 1,100 cells."""
    corners = [((2 * at, 1), (2 * at, 2)) for at in range(1100)]
    with pytest.raises(ValueError, match="it is cut into more than 1048576 parts"):
        places_of_pieces((2200, 2200), [((0, 2199), (0, -1)), *corners])


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (field(3, 7), "a number stands where bytes should be"),
        (field(1, b"xy"), "field 1 is no number"),
        (field(2, b""), "field 2 is no number"),
    ],
)
def test_fields_of_another_kind_are_refused(tmp_path, header, message):
    with pytest.raises(CorruptCheckpoint, match=message):
        open_checkpoint(write_bundle(tmp_path, header, bytes(8)))


@pytest.mark.parametrize(
    "contents",
    [
        field(1, field(1, field(1, 1 << 40) + field(3, 1))),  # a number as a name
        field(1, field(1, field(1, b"\xff") + field(3, 1))),  # a name that is not UTF-8
        field(1, field(1, 5)),
        field(1, 5),
    ],
)
def test_contents_of_another_kind_are_refused(tmp_path, contents):
    (tmp_path / "made").write_bytes(table([(b"", contents)]))
    with pytest.raises(CorruptCheckpoint, match="made' is damaged"):
        open_checkpoint(tmp_path / "made")


@pytest.mark.parametrize("number", [5, 6, 8])
def test_numbers_that_are_not_packed_are_refused_where_they_should_be(tmp_path, number):
    contents = field(1, field(1, b"x") + field(3, 7 if number == 8 else 1))
    piece = field(2, field(1, b"x") + field(3, field(number, 1 << 40)))
    (tmp_path / "made").write_bytes(table([(b"", field(1, contents)), (b"x", piece)]))
    with pytest.raises(CorruptCheckpoint, match=r"'x' cannot be read .a number stands where bytes"):
        open_checkpoint(tmp_path / "made")["x"]
