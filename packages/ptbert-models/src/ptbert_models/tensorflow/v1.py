"""Checkpoints of format V1: tables that hold the tensors themselves."""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ptbert_models.errors import CorruptCheckpoint
from ptbert_models.tensorflow.dtypes import (
    BFLOAT16,
    HALF,
    STRING,
    array_of,
    numpy_type,
    widen_bfloat16,
)
from ptbert_models.tensorflow.protobuf import (
    bytes_of,
    each_bytes,
    messages_of,
    number_of,
    read_message,
    read_varints,
)
from ptbert_models.tensorflow.slices import Extent, places_of_pieces, read_shape, read_slice
from ptbert_models.tensorflow.table import read_table

Array = npt.NDArray[np.generic]

_RAW_BYTES, _STRINGS, _HALVES = 4, 8, 13
_FIXED = {5: "<f4", 6: "<f8", 9: "<c8", 12: "<c16"}  # field of a TensorProto → packed numbers
_VARINTS = (7, 10, 11, 16, 17)


@dataclass
class _Variable:
    dtype: int
    shape: tuple[int, ...]
    pieces: list[tuple[tuple[Extent, ...], memoryview]] = field(default_factory=list)


class V1Checkpoint(Mapping[str, Array]):
    """The variables of a V1 checkpoint by name, decoded when they are asked for.

    Args:
        paths: the file, or all files of a sharded checkpoint.

    Raises:
        CorruptCheckpoint: if a file is damaged; every block's checksum is verified.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = list(paths)
        self._variables: dict[str, _Variable] = {}
        pieces = []
        for path in self.paths:
            with open(path, "rb") as file:
                data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
            for key, value in read_table(path, data):
                try:
                    if key:
                        pieces.append(_read_piece(value))
                    else:
                        self._read_contents(value)
                except (ValueError, IndexError) as error:
                    raise CorruptCheckpoint(
                        f"{str(path)!r} is damaged ({error}); copy it again"
                    ) from error
        for name, extents, tensor in pieces:
            if name in self._variables:
                self._variables[name].pieces.append((extents, tensor))

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)

    def __getitem__(self, name: str) -> Array:
        """Decode a variable.

        Raises:
            KeyError: if there is no variable of that name.
            CorruptCheckpoint: if pieces of it are missing or do not fit.
        """
        variable = self._variables[name]
        try:
            places = places_of_pieces(variable.shape, [extents for extents, _ in variable.pieces])
            arrays = [
                _read_tensor(
                    tensor, variable.dtype, tuple(part.stop - part.start for part in place)
                )
                for place, (_, tensor) in zip(places, variable.pieces, strict=True)
            ]
            # Every number is written below.
            whole = np.empty(variable.shape, numpy_type(variable.dtype))
            for place, array in zip(places, arrays, strict=True):
                whole[place] = array
        except (ValueError, IndexError) as error:
            raise CorruptCheckpoint(
                f"{str(self.paths[0])!r}: {name!r} cannot be read ({error}); "
                "copy the checkpoint again"
            ) from error
        return whole

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of all variables by name."""
        return {name: variable.shape for name, variable in self._variables.items()}

    def _read_contents(self, value: memoryview) -> None:
        """Read the list of variables, which every file of the checkpoint has of its own."""
        for contents in messages_of(read_message(value), 1):
            for fields in messages_of(contents, 1):
                name = bytes(bytes_of(fields, 1)).decode()
                variable = _Variable(number_of(fields, 3), read_shape(bytes_of(fields, 2)))
                self._variables.setdefault(name, variable)


def _read_piece(value: memoryview) -> tuple[str, tuple[Extent, ...], memoryview]:
    fields = read_message(bytes_of(read_message(value), 2))
    extents = read_slice(read_message(bytes_of(fields, 2)))
    return bytes(bytes_of(fields, 1)).decode(), extents, bytes_of(fields, 3)


def _read_tensor(data: memoryview, dtype: int, shape: tuple[int, ...]) -> Array:
    """Decode a TensorProto of known type and shape."""
    fields = read_message(data)
    if fields[_RAW_BYTES]:
        return array_of(dtype, shape, bytes_of(fields, _RAW_BYTES))
    if dtype == STRING:
        strings = np.empty(len(fields[_STRINGS]), object)
        strings[:] = [bytes(each) for each in each_bytes(fields, _STRINGS)]
        return strings.reshape(shape)
    values = _packed(fields)
    if dtype in {HALF, BFLOAT16}:
        bits = values.astype(np.uint16)
        return (widen_bfloat16(bits) if dtype == BFLOAT16 else bits.view(np.float16)).reshape(shape)
    return values.astype(numpy_type(dtype)).reshape(shape)


def _packed(fields: dict[int, list[Any]]) -> Array:
    for number, kind in _FIXED.items():
        if fields[number]:
            return np.concatenate(
                [np.frombuffer(part, kind) for part in each_bytes(fields, number)]
            )
    for number in (*_VARINTS, _HALVES):
        if fields[number]:
            return np.concatenate([_varints(part) for part in fields[number]])
    return np.empty(0)


def _varints(part: memoryview | int) -> Array:
    """Read packed numbers, or the one number that was not packed; negative ones wrap around."""
    if isinstance(part, int):
        return np.array([part & ((1 << 64) - 1)], np.uint64).view(np.int64)
    return read_varints(part).view(np.int64)
