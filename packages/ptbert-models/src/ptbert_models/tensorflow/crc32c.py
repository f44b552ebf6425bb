"""The checksum of TensorFlow's files: CRC-32C, the Castagnoli polynomial, over many lanes at once.

A CRC is linear over GF(2): the remainder of A followed by B is the remainder of A, shifted by the
length of B, xor that of B. So long data is cut into equal lanes that numpy works through side by
side, and the lanes' remainders are then joined pair by pair.

Source:
    Castagnoli et al. 1993, IEEE Transactions on Communications 41(6); RFC 3720, appendix B.4.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint32]
Buffer = bytes | memoryview

_POLYNOMIAL = 0x82F63B78  # bits reflected
_ONES = 0xFFFFFFFF
_LANES = 1 << 14
_STEP = 4  # bytes of a lane that are processed at a time


def crc32c(data: Buffer, crc: int = 0) -> int:
    """Return the checksum of ``data``; ``crc``, the checksum of data before it, is continued.

    Example:
        >>> hex(crc32c(b"123456789"))
        '0xe3069283'
        >>> crc32c(b"6789", crc32c(b"12345")) == crc32c(b"123456789")
        True
    """
    start = crc ^ _ONES
    lane = len(data) // (_LANES * _STEP) * _STEP  # bytes in each lane
    if lane == 0:
        return crc_by_bytes(data, start) ^ _ONES
    split = lane * _LANES
    body = _remainder_of_lanes(data[:split], lane) ^ _shift(start, split)
    return crc_by_bytes(data[split:], body) ^ _ONES


def masked_crc32c(data: Buffer) -> int:
    """Return the checksum as TensorFlow stores it, rotated and offset."""
    return mask(crc32c(data))


def mask(crc: int) -> int:
    """Return a checksum as TensorFlow stores it.

    Example:
        >>> hex(mask(0xE3069283))
        '0xc78ab0e5'
    """
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & _ONES


def crc_by_bytes(data: Buffer, state: int) -> int:
    """Process data byte by byte, from one state of the checksum to the next: the definition."""
    table = _byte_table()
    for byte in data:
        state = table[(state ^ byte) & 0xFF] ^ (state >> 8)
    return state


@cache
def _byte_table() -> list[int]:
    table = []
    for state in range(256):
        for _ in range(8):
            state = (state >> 1) ^ (_POLYNOMIAL if state & 1 else 0)  # noqa: PLW2901
        table.append(state)
    return table


def _remainder_of_lanes(data: Buffer, lane: int) -> int:
    columns = np.frombuffer(data, "<u4").reshape(_LANES, lane // _STEP)
    low, high = _word_tables()
    states: Words = np.zeros(_LANES, np.uint32)
    block = 1024  # columns made contiguous together, to use the processor's cache
    for start in range(0, columns.shape[1], block):
        for column in np.ascontiguousarray(columns[:, start : start + block].T):
            states ^= column
            states = low[states & 0xFFFF] ^ high[states >> 16]
    length = lane
    while len(states) > 1:
        states = _apply(_shift_matrix(length), states[::2]) ^ states[1::2]
        length *= 2
    return int(states[0])


@cache
def _word_tables() -> tuple[Words, Words]:
    """How four zero bytes change the lower and the upper half of a state."""
    matrix = _shift_matrix(_STEP)
    halves = np.arange(1 << 16, dtype=np.uint32)
    return _apply(matrix, halves), _apply(matrix, halves << np.uint32(16))


def _shift(state: int, length: int) -> int:
    """How ``length`` zero bytes change a state."""
    return int(_apply(_shift_matrix(length), np.array([state], np.uint32))[0])


@cache
def _shift_matrix(length: int) -> Words:
    """How ``length`` zero bytes change a state, given as the results for each of its 32 bits."""
    if length == 1:
        return np.array([crc_by_bytes(b"\0", 1 << bit) for bit in range(32)], np.uint32)
    half = _shift_matrix(length // 2)
    whole = _apply(half, half)
    return _apply(_shift_matrix(1), whole) if length % 2 else whole


def _apply(matrix: Words, states: Any) -> Words:
    """Multiply states, as vectors of bits, by a matrix."""
    result: Words = np.zeros(len(states), np.uint32)
    for bit in range(32):
        result ^= np.where((states >> np.uint32(bit)) & np.uint32(1), matrix[bit], np.uint32(0))
    return result
