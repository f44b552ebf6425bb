"""Reading saved corpora: tensors, arrays of numbers and plain containers, and nothing that runs"""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from ptbert_hub.errors import BadContent
from ptbert_hub.readers.pickles import Call, Name
from ptbert_models.files.saved_tensors import read_tensors

_ARRAY, _DTYPE = "numpy.ndarray", "numpy.dtype"
_OBJECTS = np.dtype(object)
_OBJECT_NAMES = frozenset({"O", "O4", "O8"})
_NUMBERS = frozenset(["b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"])


def read_saved(path: Path) -> dict[str, Any]:
    """Return the dictionary in a file of ``torch.save``, or the attributes of a corpus of 2019.

    It may hold tensors, arrays of numbers, and containers of the standard library. Arrays become
    tensors of int64.

    Raises:
        ValueError: if the file holds something else, or is damaged.
        OSError: if it cannot be read.
    """
    try:
        stored = read_tensors(path, memory_map=False, makers={**_WHOLE, **ARRAY_MAKERS})
    except BadContent as error:
        raise ValueError(
            f"{str(path)!r} is not a corpus of tensors, arrays of numbers and plain containers "
            f"({error}); build it again"
        ) from error
    if isinstance(stored, SimpleNamespace):
        stored = vars(stored)
    if not isinstance(stored, dict):
        raise ValueError(f"{str(path)!r} holds a {type(stored).__name__}; a corpus is a dictionary")
    return {name: as_tensors(value) for name, value in stored.items()}


def as_tensors(value: Any, made: dict[int, list[Any]] | None = None) -> Any:
    """Return arrays of token ids as tensors of int64, in lists as deep as they were.

    Args:
        value: an array, a list, or something else, which is returned as it is.
        made: the lists that were made before; a list that is there again takes no time again.
    """
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value.astype(np.int64))
    if not isinstance(value, list):
        return value
    made = {} if made is None else made
    if id(value) not in made:
        made[id(value)] = [as_tensors(each, made) for each in value]
    return made[id(value)]


def attributes(record: Name | Call) -> SimpleNamespace:
    """Return the attributes of an object, without the class that it belongs to."""
    match record:
        case Call(arguments=(), state=dict(state)) if {*map(type, state)} <= {str}:
            return SimpleNamespace(**state)
    raise BadContent(f"it asks for {record.name} in an unknown way")


def _dtype(record: Name | Call) -> np.dtype[Any]:
    """A type of numbers, or of objects; NumPy itself never sees what the file says of it."""
    match record:
        case Call(arguments=(str(name), *_), state=None | (int(), "<" | "=" | "|", *_)):
            order = "<"
        case Call(arguments=(str(name), *_), state=(int(), ">", *_)):
            order = ">"
        case _:
            name = order = ""
    if name in _NUMBERS:
        return np.dtype(f"{order}{name}")
    if name in _OBJECT_NAMES:
        return _OBJECTS
    raise BadContent("it has an array of something other than numbers")


def _array(record: Name | Call) -> Any:
    """An array of numbers from its bytes, or a list of the objects in an array."""
    match record:
        case Name():
            return _ARRAY  # an argument of what makes an array
        case Call(state=(int(), tuple(shape), np.dtype() as dtype, fortran, bytes(data))):
            return _from_bytes(shape, dtype, data, fortran=bool(fortran))
        case Call(state=(int(), tuple(shape), np.dtype() as dtype, fortran, str(text))):
            if text.isascii() or max(text) <= "\xff":  # bytes, as Python 2 wrote them
                return _from_bytes(shape, dtype, text.encode("latin1"), fortran=bool(fortran))
        case Call(state=(int(), (int(length),), np.dtype() as dtype, _, list(objects))):
            if dtype == _OBJECTS and length == len(objects):
                return objects
    raise BadContent("it describes an array in an unknown way")


def _from_bytes(
    shape: tuple[Any, ...], dtype: np.dtype[Any], data: bytes, *, fortran: bool
) -> np.ndarray[Any, Any]:
    if dtype == _OBJECTS:
        raise BadContent("it has an array of objects that are only bytes")
    if not all(type(n) is int and n >= 0 for n in shape) or len(shape) > 8:
        raise BadContent("it has an array of an impossible shape")
    if math.prod(shape) * dtype.itemsize != len(data):
        raise BadContent(f"it has an array of shape {shape} in {len(data)} bytes")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")


_MODULE_2019 = "pytorch_pretrained_bert.tokenization_transfo_xl"
_WHOLE = {
    f"{_MODULE_2019}.TransfoXLCorpus": attributes,
    f"{_MODULE_2019}.TransfoXLTokenizer": attributes,
}
ARRAY_MAKERS = {
    _DTYPE: _dtype,
    _ARRAY: _array,
    "numpy.core.multiarray._reconstruct": _array,
    "numpy._core.multiarray._reconstruct": _array,
}
