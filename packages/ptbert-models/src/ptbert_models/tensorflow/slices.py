"""Parts of a variable that was saved in pieces.

TensorFlow names the pieces of a partitioned variable by keys in an order-preserving code.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from ptbert_models.tensorflow.protobuf import messages_of, number_of, read_message, signed

Extent = tuple[int, int]  # start and length along one dimension; length -1 is the whole of it
WHOLE = -1
_ABSENT = (1 << 64) + WHOLE  # as signed() reads it
_MOST_CELLS = 1 << 20  # TensorFlow cuts variables along one dimension, so a cell is a piece


def read_slice(fields: dict[int, list[Any]]) -> tuple[Extent, ...]:
    """Return a TensorSliceProto that was read: one extent for each dimension."""
    return tuple(
        (signed(number_of(extent, 1)), signed(number_of(extent, 2, default=_ABSENT)))
        for extent in messages_of(fields, 1)
    )


def read_shape(data: memoryview) -> tuple[int, ...]:
    """Read a TensorShapeProto.

    Raises:
        ValueError: if a size is negative, which is how TensorFlow writes that it is not known.
    """
    dimensions = messages_of(read_message(data), 2)
    shape = tuple(signed(number_of(dimension, 1)) for dimension in dimensions)
    if any(size < 0 for size in shape):
        raise ValueError(f"its shape {shape} has a negative size")
    return shape


def places_of_pieces(
    shape: tuple[int, ...], pieces: Sequence[tuple[Extent, ...]]
) -> list[tuple[slice, ...]]:
    """Return where in a variable each piece belongs, if they cover it exactly once.

    Args:
        shape: of the whole variable.
        pieces: the extents of each.

    Raises:
        ValueError: if a number of the variable is in no piece or in several.

    Example:
        >>> places_of_pieces((5, 2), [((2, 3), (0, -1)), ((0, 2), (0, -1))])
        [(slice(2, 5, None), slice(0, 2, None)), (slice(0, 2, None), slice(0, 2, None))]
        >>> places_of_pieces((4,), [((0, 2),), ((0, 2),)])
        Traceback (most recent call last):
        ValueError: two of its pieces overlap
    """
    places = [_place(shape, extents) for extents in pieces]
    total = sum(math.prod(part.stop - part.start for part in place) for place in places)
    if total != math.prod(shape):
        raise ValueError(f"its pieces hold {total} numbers, and its shape {shape} needs others")
    # The borders of all pieces cut the variable into cells, each wholly inside or outside a piece.
    borders = [
        sorted({border for place in places for border in (place[axis].start, place[axis].stop)})
        for axis in range(len(shape))
    ]
    counts = [max(len(each) - 1, 0) for each in borders]
    if math.prod(counts) > _MOST_CELLS:
        raise ValueError(f"it is cut into more than {_MOST_CELLS} parts")
    covered = np.zeros(counts, bool)
    numbers = [{border: index for index, border in enumerate(each)} for each in borders]
    for place in places:
        cells = tuple(
            slice(number[part.start], number[part.stop])
            for number, part in zip(numbers, place, strict=True)
        )
        if covered[cells].any():
            raise ValueError("two of its pieces overlap")
        covered[cells] = True
    return places  # no overlap and the right number together: every number is in one piece


def _place(shape: tuple[int, ...], extents: tuple[Extent, ...]) -> tuple[slice, ...]:
    if len(extents) != len(shape):
        raise ValueError(f"its piece {extents} has other dimensions than its shape {shape}")
    place = []
    for size, (start, length) in zip(shape, extents, strict=True):
        stop = size if length == WHOLE else start + length
        if not 0 <= start <= stop <= size or (length == WHOLE and start):
            raise ValueError(f"its piece {extents} is outside its shape {shape}")
        place.append(slice(start, stop))
    return tuple(place)


def slice_key(name: bytes, extents: tuple[Extent, ...]) -> bytes:
    """Return the key under which a piece is stored.

    Example:
        >>> slice_key(b"w", ((0, 4),)).hex()
        '0077000101018084'
    """
    escaped = re.sub(b"[\x00\xff]", lambda found: found[0] + bytes([found[0][0] ^ 0xFF]), name)
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
