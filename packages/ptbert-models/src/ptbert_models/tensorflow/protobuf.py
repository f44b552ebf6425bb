"""Reading protocol buffer messages without their schema.

Source:
    Protocol Buffers encoding, protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import numpy.typing as npt

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def read_varint(data: memoryview | bytes, at: int) -> tuple[int, int]:
    """Read one number of 7 bits a byte, low ones first; return it and where the next one begins.

    Raises:
        ValueError: if the number does not end.

    Example:
        >>> read_varint(b"\\xac\\x02", 0)
        (300, 2)
    """
    value = 0
    for used, byte in enumerate(data[at : at + 10]):
        value |= (byte & 0x7F) << 7 * used
        if byte < 0x80:
            return value, at + used + 1
    raise ValueError("a number does not end")


def read_varints(data: memoryview | bytes) -> npt.NDArray[np.uint64]:
    """Read numbers of 7 bits a byte that follow each other.

    Example:
        >>> read_varints(b"\\x01\\xac\\x02").tolist()
        [1, 300]
    """
    raw = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(raw < 0x80)
    if len(raw) and (not len(ends) or ends[-1] != len(raw) - 1):
        raise ValueError("a number does not end")
    starts = np.concatenate([[0], ends[:-1] + 1]) if len(ends) else ends
    values = np.zeros(len(ends), np.uint64)
    for used in range(int((ends - starts).max(initial=-1)) + 1):
        there = starts + used <= ends
        part = raw[starts[there] + used].astype(np.uint64) & np.uint64(0x7F)
        values[there] |= part << np.uint64(7 * used)
    return values


def number_of(fields: dict[int, list[Any]], field: int, default: int = 0) -> int:
    """Return the number in a field, or the default where it is absent.

    Raises:
        ValueError: if it holds something else.
    """
    value = fields[field][0] if fields[field] else default
    if not isinstance(value, int):
        raise ValueError(f"field {field} is no number")
    return value


def bytes_of(fields: dict[int, list[Any]], field: int) -> memoryview:
    """Return the message, text or packed numbers in a field; empty where it is absent.

    Raises:
        ValueError: if it holds a number.
    """
    return _checked_bytes(fields[field][0]) if fields[field] else memoryview(b"")


def each_bytes(fields: dict[int, list[Any]], field: int) -> list[memoryview]:
    """Return all messages, texts or packed numbers in a field.

    Raises:
        ValueError: if one of them is a number.
    """
    return [_checked_bytes(each) for each in fields[field]]


def messages_of(fields: dict[int, list[Any]], field: int) -> list[dict[int, list[Any]]]:
    """Read all messages in a field."""
    return [read_message(each) for each in each_bytes(fields, field)]


def _checked_bytes(value: Any) -> memoryview:
    if not isinstance(value, memoryview):
        raise ValueError("a number stands where bytes should be")
    return value


def read_message(data: memoryview) -> dict[int, list[Any]]:
    """Read the fields of a message.

    Returns:
        Field number → values in order: integers, or memoryviews of embedded messages, strings
        and packed numbers. Absent fields are empty lists.

    Raises:
        ValueError: if this is no message.

    Example:
        >>> fields = read_message(memoryview(b"\\x08\\x01\\x12\\x02hi"))
        >>> fields[1], bytes(fields[2][0]), fields[3]
        ([1], b'hi', [])
    """
    fields: dict[int, list[Any]] = defaultdict(list)
    at = 0
    while at < len(data):
        tag, at = read_varint(data, at)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, at = read_varint(data, at)
            fields[number].append(value)
            continue
        if kind == _BYTES:
            length, at = read_varint(data, at)
        elif kind in {_FIXED32, _FIXED64}:
            length = 4 if kind == _FIXED32 else 8
        else:
            raise ValueError(f"a field has the unknown kind {kind}")
        chunk = data[at : at + length]
        if len(chunk) < length:
            raise ValueError("a field is cut off")
        fields[number].append(chunk if kind == _BYTES else int.from_bytes(chunk, "little"))
        at += length
    return fields


def signed(value: int) -> int:
    """Return a varint as a signed number of 64 bits.

    Example:
        >>> signed(2**64 - 1)
        -1
    """
    return value - (1 << 64) if value >> 63 else value
