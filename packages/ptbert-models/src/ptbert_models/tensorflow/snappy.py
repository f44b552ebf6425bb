"""Unpacking snappy, the compression that blocks of a TensorFlow table may have.

Source:
    Snappy compressed format description, github.com/google/snappy.
"""

from __future__ import annotations

from ptbert_models.tensorflow.protobuf import read_varint


def decompress(data: memoryview) -> bytes:
    """Unpack one raw snappy block.

    Raises:
        ValueError: if the data is cut off or refers to bytes that are not there.

    Example:
        >>> decompress(memoryview(b"\\x06\\x04ab\\x01\\x02"))
        b'ababab'
    """
    size, at = read_varint(data, 0)
    out = bytearray()
    while at < len(data):
        tag = data[at]
        at += 1
        if tag & 3 == 0:  # literal bytes
            length, at = _literal_length(data, at, tag >> 2)
            if at + length > len(data):
                raise ValueError("a literal is cut off")
            out += data[at : at + length]
            at += length
            continue
        if tag & 3 == 1:  # copy of 4 to 11 bytes, offset in 11 bits
            length, offset, used = 4 + (tag >> 2 & 7), tag >> 5 << 8, 1
        else:  # copy of 1 to 64 bytes, offset in 2 or 4 bytes
            length, offset, used = (tag >> 2) + 1, 0, 2 if tag & 3 == 2 else 4
        offset += int.from_bytes(data[at : at + used], "little")
        at += used
        if not 0 < offset <= len(out):
            raise ValueError(f"a copy begins {offset} bytes back, after only {len(out)} bytes")
        for _ in range(length):  # a copy may overlap what it writes
            out.append(out[-offset])
    if len(out) != size:
        raise ValueError(f"it unpacks to {len(out)} bytes instead of {size}")
    return bytes(out)


def _literal_length(data: memoryview, at: int, code: int) -> tuple[int, int]:
    if code < 60:
        return code + 1, at
    used = code - 59
    return int.from_bytes(data[at : at + used], "little") + 1, at + used
