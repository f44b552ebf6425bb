"""Tensors in safetensors files: the header says where each lies, and nothing else is believed"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Mapping
from io import BufferedReader
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ptbert_hub.errors import BadContent
from ptbert_hub.readers.json_text import parse_json
from ptbert_models.files.memory import mapped_memory, read_memory, tensor_of

_LENGTH = 8  # bytes at the beginning, which say how long the header is
_LONGEST_HEADER = 8 << 20  # bytes, for some 60,000 tensors; its values take many times as much
_MOST_DIMENSIONS = 16
_METADATA = "__metadata__"

NUMBERS: Mapping[str, torch.dtype] = MappingProxyType(
    {
        "BF16": torch.bfloat16,
        "BOOL": torch.bool,
        "C64": torch.complex64,
        "F16": torch.float16,
        "F32": torch.float32,
        "F64": torch.float64,
        "F8_E4M3": torch.float8_e4m3fn,
        "F8_E5M2": torch.float8_e5m2,
        "I16": torch.int16,
        "I32": torch.int32,
        "I64": torch.int64,
        "I8": torch.int8,
        "U16": torch.uint16,
        "U32": torch.uint32,
        "U64": torch.uint64,
        "U8": torch.uint8,
    }
)


class _Place(NamedTuple):
    """Where the numbers of a tensor are, counted from the end of the header."""

    start: int
    end: int
    dtype: torch.dtype
    shape: tuple[int, ...]


def read_safetensors(path: Path, *, memory_map: bool) -> dict[str, Tensor]:
    """Read all tensors of a file.

    Args:
        path: the file.
        memory_map: leave numbers in the file until they are used.

    Raises:
        BadContent: if it is cut off, or its header does not describe exactly the bytes after it.

    Source:
        https://github.com/huggingface/safetensors, "Format".
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        places, begin = _header(file, size)
        mapped = None
        if memory_map and sys.byteorder == "little":
            mapped = mapped_memory(path)
        tensors = {}
        for name, place in places.items():
            start, end = begin + place.start, begin + place.end
            if mapped is not None and start % place.dtype.itemsize == 0:
                memory = mapped[start:end]
            else:
                memory = read_memory(file, start, end - start)
                if sys.byteorder == "big":
                    memory.byteswap(place.dtype)  # type: ignore[no-untyped-call]
            tensors[name] = tensor_of(memory, place.dtype, place.shape)
    return tensors


def _header(file: BufferedReader, size: int) -> tuple[dict[str, _Place], int]:
    """The places of all tensors by name, and where the header ends."""
    length = int.from_bytes(file.read(_LENGTH), "little")
    begin = _LENGTH + length
    if length > _LONGEST_HEADER:
        raise BadContent(f"its header has more than {_LONGEST_HEADER} bytes")
    if begin > size:
        raise BadContent("it ends within its header")
    try:
        text = file.read(length).decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadContent(f"its header is not UTF-8: {error}") from None
    header = parse_json(text, _without_repetitions)
    if not isinstance(header, dict):
        raise BadContent("its header is no JSON object")
    places = {name: _place(name, each) for name, each in header.items() if name != _METADATA}
    end = 0
    for name, place in sorted(places.items(), key=lambda each: each[1][:2]):
        if place.start != end:
            raise BadContent(
                f"{name!r} begins at {place.start}, and the tensor before ends at {end}"
            )
        end = place.end
    if begin + end != size:
        raise BadContent(f"its tensors end at {begin + end}, and the file at {size}")
    return places, begin


def _without_repetitions(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise BadContent("its header names something twice")
    return found


def _place(name: str, described: Any) -> _Place:
    try:
        kind, shape, offsets = (described[key] for key in ("dtype", "shape", "data_offsets"))
        start, end = offsets
        numbers = [*shape, start, end]
    except (KeyError, TypeError, ValueError):
        raise BadContent(f"its header does not say type, shape and place of {name!r}") from None
    if not isinstance(kind, str) or kind not in NUMBERS:
        raise BadContent(f"{name!r} has numbers of the unknown type {kind!r}")
    if not all(type(each) is int and 0 <= each < 2**63 for each in numbers):
        raise BadContent(f"{name!r} has a shape or a place with other than natural numbers")
    if len(shape) > _MOST_DIMENSIONS or math.prod(each or 1 for each in shape) >= 2**63:
        raise BadContent(f"{name!r} has a shape that is too large")
    dtype = NUMBERS[kind]
    if end - start != math.prod(shape) * dtype.itemsize:
        raise BadContent(f"{name!r} has {end - start} bytes, which its type and shape contradict")
    return _Place(start, end, dtype, tuple(shape))
