"""Parts of a variable that was saved in pieces.

TensorFlow names the pieces of a partitioned variable by keys in an order-preserving code.
"""

from __future__ import annotations

from ptbert_models.tensorflow.protobuf import read_message, signed

Extent = tuple[int, int]  # start and length along one dimension; length -1 is the whole of it
WHOLE = -1


def read_slice(data: memoryview) -> tuple[Extent, ...]:
    """Read a TensorSliceProto: one extent for each dimension."""
    extents = []
    for extent in read_message(data)[1]:
        fields = read_message(extent)
        start = signed(fields[1][0]) if fields[1] else 0
        length = signed(fields[2][0]) if fields[2] else WHOLE
        extents.append((start, length))
    return tuple(extents)


def read_shape(data: memoryview) -> tuple[int, ...]:
    """Read a TensorShapeProto."""
    dimensions = (read_message(dimension) for dimension in read_message(data)[2])
    return tuple(signed(fields[1][0]) if fields[1] else 0 for fields in dimensions)


def index_of(extents: tuple[Extent, ...]) -> tuple[slice, ...]:
    """Return where in the whole variable a piece belongs.

    Example:
        >>> index_of(((2, 3), (0, -1)))
        (slice(2, 5, None), slice(None, None, None))
    """
    return tuple(
        slice(None) if length == WHOLE else slice(start, start + length)
        for start, length in extents
    )


def slice_key(name: bytes, extents: tuple[Extent, ...]) -> bytes:
    """Return the key under which a piece is stored.

    Example:
        >>> slice_key(b"w", ((0, 4),)).hex()
        '0077000101018084'
    """
    escapes = {0x00: b"\x00\xff", 0xFF: b"\xff\x00"}
    escaped = b"".join(escapes.get(byte, bytes([byte])) for byte in name)
    rank = len(extents)
    numbers = b"".join(_ordered(number) for extent in extents for number in extent)
    return b"\x00" + escaped + b"\x00\x01" + (bytes([1, rank]) if rank else b"\x00") + numbers


def _ordered(value: int) -> bytes:
    """Encode a signed number so that codes sort as the numbers do.

    Example:
        >>> [_ordered(value).hex() for value in (0, 4, -1, 130, 170)]
        ['80', '84', '7f', 'c082', 'c0aa']
    """
    magnitude = ~value if value < 0 else value
    size = 1
    while magnitude >= 1 << (7 * size - 1):
        size += 1
    bits = 8 * size
    leading_ones = (1 << bits) - (1 << (bits - size))
    code = value & ((1 << bits) - 1)
    return (code ^ leading_ones).to_bytes(size, "big")
