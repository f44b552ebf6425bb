"""Bytes of a file in memory, read or mapped, and tensors of them: on the CPU, whatever is usual"""

from __future__ import annotations

import os
from collections.abc import Sequence
from io import BufferedReader
from pathlib import Path

import torch
from torch import Tensor

from ptbert_hub.errors import BadContent

_BLOCK = 1 << 20


def read_memory(file: BufferedReader, start: int, size: int) -> torch.UntypedStorage:
    """Read a part of a file.

    Raises:
        BadContent: if the file ends before.
    """
    memory = torch.empty(size, dtype=torch.uint8, device="cpu").untyped_storage()
    view = view_of(memory)
    done = 0
    file.seek(start)
    while done < size:
        got = file.readinto(view[done : done + _BLOCK])
        if not got:
            raise BadContent("it ends early")
        done += got
    return memory


def mapped_memory(path: str | Path) -> torch.UntypedStorage:
    """Map a whole file, whose bytes are read when they are used; changes do not reach the file."""
    size, kind = os.path.getsize(path), torch.uint8
    mapped = torch.from_file(str(path), shared=False, size=size, dtype=kind, device="cpu")
    return mapped.untyped_storage()


def view_of(memory: torch.UntypedStorage) -> memoryview:
    """Return the bytes of memory, not copied."""
    return torch.empty(0, dtype=torch.uint8, device="cpu").set_(memory).numpy().data


def tensor_of(
    memory: torch.UntypedStorage,
    dtype: torch.dtype,
    size: Sequence[int],
    stride: Sequence[int] | None = None,
    first: int = 0,
) -> Tensor:
    """Return a tensor of memory, not copied.

    Args:
        memory: with its numbers.
        dtype: of the numbers.
        size: of the tensor.
        stride: how many numbers apart its elements are; one after the other when None.
        first: the number of its first element.
    """
    tensor = torch.empty(0, dtype=dtype, device="cpu")
    if stride is None:
        return tensor.set_(memory).view(size)
    return tensor.set_(memory, first, size, stride)
