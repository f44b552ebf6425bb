"""Good files in which a value has very many characters, and some that change a terminal."""

from __future__ import annotations

import io
import json
import re
import struct
import tarfile
import zipfile
from collections.abc import Iterator
from typing import Any

from tables import block_of, entries_of, table_of, varint

from ptbert_models.tensorflow.table import MAGIC

LONG = "\x1b[2J\N{RIGHT-TO-LEFT OVERRIDE}\N{LATIN SMALL LETTER E WITH ACUTE}" * 20_000


def with_long_values(value: Any) -> Iterator[Any]:
    """Copies of a value of JSON, each with one very long text, list or object in it."""
    yield from (LONG, [0] * 20_000, {LONG: LONG})
    if isinstance(value, dict):
        for key, inner in value.items():
            rest = {k: v for k, v in value.items() if k != key}
            yield from ({**rest, LONG: inner}, {**value, LONG: inner})
            yield from ({**value, key: changed} for changed in with_long_values(inner))
    elif isinstance(value, list) and value:
        yield from ([changed, *value[1:]] for changed in with_long_values(value[0]))


def with_long_texts(pickled: bytes) -> Iterator[bytes]:
    """Copies of a pickle, each with one very long text, number or name in it."""
    text = LONG.encode()
    for found in re.finditer(rb"X(.)\0\0\0", pickled, re.DOTALL):
        end = found.end() + found[1][0]
        yield pickled[: found.start()] + b"X" + struct.pack("<I", len(text)) + text + pickled[end:]
    for found in re.finditer(rb"c[a-z._]+\n[A-Za-z_]+\n", pickled):
        for long in (LONG.encode(), b"a" * 250):
            yield pickled[: found.start()] + b"cx\n" + long + b"\n" + pickled[found.end() :]


def with_other_pickle(archive: bytes) -> Iterator[bytes]:
    """Copies of a file of ``torch.save``, each with something very long in its pickle."""
    with zipfile.ZipFile(io.BytesIO(archive)) as old:
        members = {name: old.read(name) for name in old.namelist()}
    name = next(name for name in members if name.endswith("data.pkl"))
    for changed in with_long_texts(members[name]):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as new:
            for each, data in members.items():
                new.writestr(each, changed if each == name else data)
        yield buffer.getvalue()


def field(number: int, value: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(value)) + value


def long_files(name: str, samples: list[bytes]) -> Iterator[bytes]:
    """Files that are as they should be but for a very long value, name or list in each."""
    for sample in samples:
        if name.endswith(".json"):
            for value in with_long_values(json.loads(sample)):
                yield json.dumps(value).encode()
        elif name.endswith(".safetensors"):
            size = int.from_bytes(sample[:8], "little")
            for value in with_long_values(json.loads(sample[8 : 8 + size])):
                header = json.dumps(value).encode()
                yield struct.pack("<Q", len(header)) + header + sample[8 + size :]
        elif name.endswith(".npy"):
            for long in (f"{{'descr': '{LONG}'}}", "[" * 9000, f"{{'{'a' * 9000}': 1}}"):
                header = long.encode("latin1", "replace")
                yield b"\x93NUMPY\2\0" + struct.pack("<I", len(header)) + header
        elif name.endswith(".txt"):
            yield from (sample + LONG.encode(), LONG.encode() + b"\n" + sample)
            yield sample + LONG.encode() + b" b c\n"
        elif sample.endswith(MAGIC):
            entries = entries_of(sample)
            for at, (key, value) in enumerate(entries):
                for other in ((LONG.encode(), value), (key + LONG.encode(), b"\x0a"), (key, b"")):
                    yield table_of(block_of([*entries[:at], other, *entries[at + 1 :]]))
            variable = field(1, field(1, LONG.encode()) + field(2, b"") + b"\x18\1")
            yield table_of(block_of([(b"", field(1, variable))]))
        elif sample.startswith(b"PK\3\4") and b"data.pkl" in sample:
            yield from with_other_pickle(sample)
        elif sample.startswith(b"PK\3\4"):
            buffer = io.BytesIO()
            with zipfile.ZipFile(buffer, "w") as archive:
                archive.writestr("/" + "a" * 60_000, b"")
            yield buffer.getvalue()
        elif name.endswith(".gz"):
            buffer = io.BytesIO()
            with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
                archive.addfile(tarfile.TarInfo("/" + "a" * 1_000_000))
            yield buffer.getvalue()
        else:
            yield from with_long_texts(sample)
