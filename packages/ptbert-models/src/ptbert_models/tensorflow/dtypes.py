"""TensorFlow's number types, and arrays of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ptbert_models.tensorflow.protobuf import read_varint

STRING, BFLOAT16, HALF = 7, 14, 19

# The enumeration of tensorflow/core/framework/types.proto.
_TYPES: dict[int, str] = {
    1: "f4",
    2: "f8",
    3: "i4",
    4: "u1",
    5: "i2",
    6: "i1",
    STRING: "O",
    8: "c8",
    9: "i8",
    10: "?",
    11: "i1",
    12: "u1",
    13: "i4",
    15: "i2",
    16: "u2",
    17: "u2",
    18: "c16",
    HALF: "f2",
    22: "u4",
    23: "u8",
}


def numpy_type(dtype: int) -> np.dtype[Any]:
    """Return numpy's type for TensorFlow's; bfloat16 becomes float32.

    Raises:
        ValueError: if the type is not known.

    Example:
        >>> numpy_type(1), numpy_type(14)
        (dtype('float32'), dtype('float32'))
    """
    if dtype == BFLOAT16:
        return np.dtype("f4")
    if dtype not in _TYPES:
        raise ValueError(f"it has the unknown type {dtype}")
    return np.dtype(_TYPES[dtype])


def widen_bfloat16(bits: npt.NDArray[np.uint16]) -> npt.NDArray[np.float32]:
    """Return the float32 numbers whose upper halves are given.

    Example:
        >>> widen_bfloat16(np.array([0x3F80, 0xC000], np.uint16)).tolist()
        [1.0, -2.0]
    """
    return (bits.astype(np.uint32) << 16).view(np.float32)


def array_of(
    dtype: int, shape: tuple[int, ...], data: memoryview, *, big_endian: bool = False
) -> npt.NDArray[np.generic]:
    """Make an array from the bytes of a tensor.

    Raises:
        ValueError: if there are more or fewer bytes than the shape needs.
    """
    count = math.prod(shape)
    if dtype == STRING:
        return _strings(count, data).reshape(shape)
    stored = np.dtype("u2") if dtype == BFLOAT16 else numpy_type(dtype)
    if len(data) != count * stored.itemsize:
        raise ValueError(f"it has {len(data)} bytes, which do not fit its shape {shape}")
    array = np.frombuffer(data, stored.newbyteorder(">" if big_endian else "<"))
    array = array.astype(stored, copy=True)  # the file may be removed, and the array may be changed
    return (widen_bfloat16(array) if dtype == BFLOAT16 else array).reshape(shape)


def _strings(count: int, data: memoryview) -> npt.NDArray[np.object_]:
    at, lengths = 0, []
    for _ in range(count):
        length, at = read_varint(data, at)
        lengths.append(length)
    at += 4  # the checksum of the lengths
    strings = np.empty(count, object)
    for index, length in enumerate(lengths):
        strings[index] = bytes(data[at : at + length])
        at += length
    if at != len(data):
        raise ValueError(f"it has {len(data)} bytes, and its strings need {at}")
    return strings
