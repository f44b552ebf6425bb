"""Good files with damage at random places."""

from __future__ import annotations

import gzip
import io
import random
import struct
import zipfile

from tables import (
    block_of,
    entries_of,
    table_of,
)

from ptbert_models.tensorflow.table import MAGIC


def damaged_inside(table: bytes) -> bytes:
    """A table with a damaged key, value, block or list of blocks, whose checksums fit."""
    entries = entries_of(table)
    kind = random.randrange(8)
    if kind < 5:
        at = random.randrange(len(entries))
        key, value = entries[at]
        entries[at] = (damaged([key]), value) if kind == 0 else (key, damaged([value]))
    block = block_of(entries)
    if kind == 5:
        return table_of(block, lambda index: damaged([index]))
    return table_of(damaged([block]) if kind == 6 else block)


NUMBERS = [0, 1, 2, 7, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 40, 1 << 63]


def damaged(samples: list[bytes]) -> bytes:
    """A sample after some changes of kinds that readers meet, by accident or on purpose."""
    content = bytearray(random.choice(samples))
    for _ in range(random.choice([1, 1, 1, 2, 4, 10])):
        at = random.randrange(len(content) + 1)
        kind = random.randrange(9)
        if kind == 0 and content:
            content[at % len(content)] ^= 1 << random.randrange(8)
        elif kind == 1 and content:
            content[at % len(content)] = random.randrange(256)
        elif kind == 2:
            content[at:at] = random.randbytes(random.randrange(1, 9))
        elif kind == 3:
            del content[at : at + random.choice([1, 4, 50])]
        elif kind == 4:
            del content[at:]
        elif kind == 5:
            other = random.choice(samples)
            start = random.randrange(len(other) or 1)
            piece = other[start : start + random.choice([1, 8, 100])]
            content[at : at + random.choice([0, len(piece)])] = piece
        elif kind == 6:
            form = random.choice(["<B", "<H", "<I", "<Q", ">I", ">Q"])
            size = struct.calcsize(form)
            number = random.choice(NUMBERS) & (1 << 8 * size) - 1
            content[at : at + size] = struct.pack(form, number)
        elif kind == 7:
            content[at:at] = content[at : at + 40] * random.choice([2, 30])
        else:
            content[at:at] = random.choice(
                [b"(", b")", b"\x85", b"R", b"b", b"0", b"[", b"{", b'"']
            )
    return bytes(content)


def unchecked(content: bytes) -> bytes:
    """The same archive without checksums, so that a reader looks further."""
    whole = bytearray(content)
    at = -1
    while (at := whole.find(b"PK\x01\x02", at + 1)) >= 0:
        whole[at + 16 : at + 20] = bytes(4)
    return bytes(whole)


def damaged_zip(sample: bytes) -> bytes:
    """An archive with a damaged pickle or a damaged name in it, whose checksums fit."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(sample)) as old, zipfile.ZipFile(buffer, "w") as new:
        members = [(info.filename, old.read(info), info.compress_type) for info in old.infolist()]
        is_torch = any(name.endswith("data.pkl") for name, _, _ in members)
        for name, data, method in members:
            if name.endswith("data.pkl"):
                data = damaged([data])  # noqa: PLW2901 - written in its place
            info = zipfile.ZipInfo(name)
            if not is_torch:
                info.filename = damaged([name.encode()]).decode("latin1")
                info.external_attr = random.choice([0, random.randrange(1 << 32)])
            new.writestr(info, data, method)
    return buffer.getvalue()


def damaged_tar(sample: bytes) -> bytes:
    """A tar that is damaged, mostly with the right checksums in its headers."""
    content = bytearray(damaged([sample]))
    for at in range(0, len(content) - 511, 512):
        if content[at + 257 : at + 262] == b"ustar" and random.random() < 0.8:
            content[at + 148 : at + 156] = b" " * 8
            content[at + 148 : at + 156] = b"%06o\0 " % sum(content[at : at + 512])
    return bytes(content)


def case(samples: list[bytes]) -> bytes:
    sample = random.choice(samples)
    if sample.startswith(b"PK\x03\x04") and random.random() < 0.7:
        return damaged_zip(sample) if random.random() < 0.7 else unchecked(damaged([sample]))
    if sample.startswith(b"\x1f\x8b") and random.random() < 0.7:
        return gzip.compress(damaged_tar(gzip.decompress(sample)), 1)
    if sample[257:262] == b"ustar" and random.random() < 0.7:
        return damaged_tar(sample)
    if sample.endswith(MAGIC) and random.random() < 0.8:
        return damaged_inside(sample)
    return damaged(samples)
