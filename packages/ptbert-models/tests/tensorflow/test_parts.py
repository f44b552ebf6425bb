"""The parts of the reader against definitions and hand-made cases."""

import numpy as np
import pytest

from ptbert_models.tensorflow import crc32c as crc
from ptbert_models.tensorflow.dtypes import array_of, numpy_type
from ptbert_models.tensorflow.protobuf import read_message, read_varint, read_varints, signed
from ptbert_models.tensorflow.slices import slice_key
from ptbert_models.tensorflow.snappy import decompress


def plain_crc32c(data):
    """The definition: long division by the polynomial, a bit at a time."""
    state = 0xFFFFFFFF
    for byte in data:
        state ^= byte
        for _ in range(8):
            state = (state >> 1) ^ (0x82F63B78 if state & 1 else 0)
    return state ^ 0xFFFFFFFF


@pytest.mark.parametrize("size", [0, 1, 9, 1000])
def test_short_checksums_follow_the_definition(size):
    data = np.random.default_rng(size).bytes(size)
    assert crc.crc32c(data) == plain_crc32c(data)


@pytest.mark.parametrize("extra", [-1, 0, 1, 7, 70_001])
def test_long_checksums_follow_the_definition(extra):
    data = np.random.default_rng(0).bytes(4 * (1 << 14) * 4 + extra)
    assert crc.crc32c(memoryview(data)) == crc.crc_by_bytes(data, 0xFFFFFFFF) ^ 0xFFFFFFFF


def test_published_checksums():
    """RFC 3720, appendix B.4."""
    assert crc.crc32c(bytes(32)) == 0x8A9136AA
    assert crc.crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc.crc32c(bytes(range(32))) == 0x46DD794E


def test_a_checksum_can_be_continued():
    data = np.random.default_rng(0).bytes(300_000)
    assert crc.crc32c(data[200_000:], crc.crc32c(data[:200_000])) == crc.crc32c(data)


def snappy_literal(data):
    """Compress without compressing: one literal of any length."""
    length = len(data) - 1
    if length < 60:
        return bytes([length << 2]) + data
    size = (length.bit_length() + 7) // 8
    return bytes([(59 + size) << 2]) + length.to_bytes(size, "little") + data


def varint(number):
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


@pytest.mark.parametrize("size", [1, 60, 61, 256, 70_000])
def test_literals_of_every_length(size):
    data = np.random.default_rng(0).bytes(size)
    assert decompress(memoryview(varint(size) + snappy_literal(data))) == data


@pytest.mark.parametrize(
    "copy", [bytes([0b000_010_01, 5]), bytes([5 << 2 | 2, 5, 0]), bytes([5 << 2 | 3, 5, 0, 0, 0])]
)
def test_copies_of_every_kind(copy):
    """Six bytes from five back, so that the copy reads one byte that it wrote."""
    packed = varint(12) + snappy_literal(b"abcde") + copy + snappy_literal(b"!")
    assert decompress(memoryview(packed)) == b"abcdeabcdea!"


@pytest.mark.parametrize(
    "copy",
    [
        bytes([0b001_010_01, 300 - 256]),
        bytes([5 << 2 | 2, 300 - 256, 1]),
        bytes([5 << 2 | 3, 300 - 256, 1, 0, 0]),
    ],
)
def test_copies_from_far_back(copy):
    """Six bytes from 300 back."""
    data = np.random.default_rng(0).bytes(301)
    packed = varint(308) + snappy_literal(data) + copy + snappy_literal(b"!")
    assert decompress(memoryview(packed)) == data + data[1:7] + b"!"


@pytest.mark.parametrize("length", [1, 64])
def test_the_shortest_and_the_longest_copy(length):
    packed = varint(1 + length) + snappy_literal(b"a") + bytes([(length - 1) << 2 | 2, 1, 0])
    assert decompress(memoryview(packed)) == b"a" * (1 + length)


@pytest.mark.parametrize(
    ("packed", "message"),
    [
        (varint(9) + snappy_literal(b"abc") + bytes([0b000_101_01, 0]), "begins 0 bytes back"),
        (varint(9) + snappy_literal(b"abc"), "it unpacks to 3 bytes instead of 9"),
        (varint(9) + bytes([0b000_101_01, 4]), "begins 4 bytes back, after only 0 bytes"),
        (varint(9) + snappy_literal(b"abc")[:-1], "a literal is cut off"),
    ],
)
def test_damaged_compression_is_refused(packed, message):
    with pytest.raises(ValueError, match=message):
        decompress(memoryview(packed))


@pytest.mark.parametrize("number", [0, 1, 127, 128, 300, 2**32, 2**64 - 1])
def test_numbers_of_every_size(number):
    assert read_varint(varint(number), 0) == (number, len(varint(number)))
    for count in (1, 3):
        assert read_varints(varint(number) * count).tolist() == [number] * count


def test_no_numbers_at_all():
    assert read_varints(b"").tolist() == []


def test_a_number_that_does_not_end_is_refused():
    with pytest.raises(ValueError, match="a number does not end"):
        read_varint(b"\x80" * 3, 0)
    with pytest.raises(ValueError, match="a number does not end"):
        read_varint(b"\x80" * 10 + b"\x01", 0)  # longer than any of 64 bits
    for data in (b"\x01\x80", b"\x80\x80"):
        with pytest.raises(ValueError, match="a number does not end"):
            read_varints(data)


def test_messages_of_every_kind_of_field():
    data = b"\x08\x05" + b"\x12\x02hi" + b"\x1d\x01\x00\x00\x00" + b"\x21" + b"\x02" + bytes(7)
    fields = read_message(memoryview(data))
    assert (fields[1], bytes(fields[2][0]), fields[3], fields[4]) == ([5], b"hi", [1], [2])


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"\x12\x05hi", "a field is cut off"), (b"\x0b", "a field has the unknown kind 3")],
)
def test_damaged_messages_are_refused(data, message):
    with pytest.raises(ValueError, match=message):
        read_message(memoryview(data))


def test_negative_numbers_wrap_around():
    assert [signed(value) for value in (0, 5, 2**64 - 3)] == [0, 5, -3]
    assert [signed(value) for value in (2**63 - 1, 2**63)] == [2**63 - 1, -(2**63)]


def test_zero_bytes_in_names_are_escaped():
    assert slice_key(b"a\x00\xff", ((0, -1),)).hex() == "00" + "61" + "00ff" + "ff00" + "0001" + (
        "0101" + "80" + "7f"
    )


@pytest.mark.parametrize(
    ("number", "code"),
    [(0, "80"), (63, "bf"), (64, "c040"), (8191, "dfff"), (8192, "e02000"), (2**20, "f0100000")],
)
def test_numbers_in_keys_sort_as_numbers_do(number, code):
    """As many ones as the code has bytes, a zero, and the number; negative ones are inverted."""
    inverted = bytes(byte ^ 0xFF for byte in bytes.fromhex(code)).hex()
    for value, expected in ((number, code), (~number, inverted)):
        key = slice_key(b"", ((value, -1),)).hex()
        assert key == "00" + "0001" + "0101" + expected + "7f"


# tensorflow/core/framework/types.proto
NUMBER_TYPES = {
    1: "float32",
    2: "float64",
    3: "int32",
    4: "uint8",
    5: "int16",
    6: "int8",
    7: "object",
    8: "complex64",
    9: "int64",
    10: "bool",
    11: "int8",
    12: "uint8",
    13: "int32",
    14: "float32",  # bfloat16, which numpy lacks
    15: "int16",
    16: "uint16",
    17: "uint16",
    18: "complex128",
    19: "float16",
    22: "uint32",
    23: "uint64",
}


def test_types_are_those_of_tensorflow():
    assert {number: numpy_type(number).name for number in NUMBER_TYPES} == NUMBER_TYPES
    for unknown in (0, 20, 21, 24):
        with pytest.raises(ValueError, match=f"it has the unknown type {unknown}"):
            numpy_type(unknown)


def test_an_array_is_a_copy_in_the_processor_s_byte_order():
    data = bytearray(b"\x00\x00\x00\x05")
    big = array_of(3, (1,), memoryview(data), big_endian=True)
    little = array_of(3, (1,), memoryview(data))
    data[:] = b"\xff" * 4
    big += 1
    assert (big.tolist(), little.tolist()) == ([6], [5 << 24])


@pytest.mark.parametrize("size", [4, 12])
def test_bytes_that_do_not_fit_the_shape_are_refused(size):
    with pytest.raises(
        ValueError, match=rf"it has {size} bytes, which do not fit its shape \(2,\)"
    ):
        array_of(1, (2,), memoryview(bytes(size)))


@pytest.mark.parametrize(("given", "size"), [(b"ab", 8), (b"abcd", 10)])
def test_strings_that_do_not_fit_their_lengths_are_refused(given, size):
    data = memoryview(b"\x01\x02" + bytes(4) + given)  # one and two bytes long
    with pytest.raises(ValueError, match=f"it has {size} bytes, and its strings need 9"):
        array_of(7, (2,), data)
