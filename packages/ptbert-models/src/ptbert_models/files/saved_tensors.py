"""Tensors in files of `torch.save`, made from the file's numbers without running what is in it"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from ptbert_hub.errors import BadContent
from ptbert_hub.readers.pickles import Call, Name, Record, Reference, make_values, plain_value
from ptbert_hub.readers.torch_files import Storage, TorchFile, read_torch_file
from ptbert_models.files.memory import mapped_memory, read_memory, tensor_of, view_of

_SMALL = 1 << 20  # bytes of a storage whose checksum is compared at once
_MOST_DIMENSIONS = 16
_MOST_REPEATED = 1 << 24  # numbers of a tensor that has more of them than its storage

NUMBERS = {
    "BFloat16": torch.bfloat16,
    "Bool": torch.bool,
    "Byte": torch.uint8,
    "Char": torch.int8,
    "ComplexDouble": torch.complex128,
    "ComplexFloat": torch.complex64,
    "Double": torch.float64,
    "Float": torch.float32,
    "Half": torch.float16,
    "Int": torch.int32,
    "Long": torch.int64,
    "Short": torch.int16,
}

Makers = Mapping[str, Callable[[Name | Call], Any]]


@dataclass(frozen=True)
class _Loaded:
    """The numbers of a storage, in memory or mapped into it."""

    memory: torch.UntypedStorage
    dtype: torch.dtype
    count: int


def read_tensors(
    path: Path, *, memory_map: bool, compare: bool | None = None, makers: Makers | None = None
) -> Any:
    """Return what was saved in a file of ``torch.save``, in either format.

    Tensors, plain values and containers of the standard library are made. Memory that several
    tensors share in the file is shared, but no tensor shares memory with itself: one that was
    expanded is copied.

    Args:
        path: the file.
        memory_map: leave numbers in the file until they are used; the older format cannot do it.
        compare: whether to compare checksums; None if the numbers are read anyway.
        makers: further values that may be made, by the function or class that the file names.

    Raises:
        ForeignName: if the file asks for another function or class.
        BadContent: if it is damaged, or none of ``torch.save``.
    """
    with open(path, "rb") as file, _Checksums() as checksums:
        saved = read_torch_file(file)
        owners = _owners(saved)  # what is made takes the place of what is there
        making = _Making(file, saved, memory_map, compare, makers or {}, checksums)
        try:
            value = make_values(saved.value, making.make)
            checksums.wait()
            return value
        except _Damaged as error:
            owner = owners.get(error.storage, f"record {error.storage.key!r}")
            raise BadContent(f"{owner} has a wrong checksum") from None


class _Damaged(BadContent):
    def __init__(self, storage: Storage) -> None:
        super().__init__("it has a wrong checksum")
        self.storage = storage


class _Checksums:
    """Compares the checksums of large storages in a thread, while others are read."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)  # starts when it gets something to do
        self._running: list[Future[None]] = []

    def compare(self, storage: Storage, memory: torch.UntypedStorage) -> None:
        """Compare one, soon; its numbers must not change until all were compared.

        Raises:
            _Damaged: here or by ``wait``, if the checksum is another one.
        """
        if storage.checksum is None:
            return
        if storage.size <= _SMALL:
            _compare(storage, memory)
        else:
            self._running.append(self._thread.submit(_compare, storage, memory))

    def wait(self) -> None:
        """Wait until all were compared."""
        for each in self._running:
            each.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(cancel_futures=True)


class _Making:
    """Makes the values of a file's records."""

    def __init__(
        self,
        file: BufferedReader,
        saved: TorchFile,
        memory_map: bool,
        compare: bool | None,
        makers: Makers,
        checksums: _Checksums,
    ) -> None:
        self._file = file
        self._saved = saved
        self._compare = not memory_map if compare is None else compare
        self._checksums = checksums
        self._makers: Makers = {
            "torch._utils._rebuild_tensor": _tensor,
            "torch._utils._rebuild_tensor_v2": _tensor,
            "torch._utils._rebuild_parameter": _parameter,
            "torch.Size": _size,
            **makers,
        }
        self._loaded: dict[tuple[int, int], torch.UntypedStorage] = {}
        self._mapped: torch.UntypedStorage | None = None
        if memory_map and not saved.swapped:
            self._mapped = mapped_memory(file.name)

    def make(self, record: Record) -> Any:
        if isinstance(record, Reference):
            return self._load(self._saved.storages[record])
        make = self._makers.get(record.name)
        return plain_value(record) if make is None else make(record)

    def _load(self, storage: Storage) -> _Loaded:
        dtype = NUMBERS[storage.kind]
        place = storage.start, storage.size
        if place not in self._loaded:
            if self._mapped is not None and storage.start % dtype.itemsize == 0:
                memory = self._mapped[storage.start : storage.start + storage.size]
                if self._compare:
                    self._checksums.compare(storage, memory)
            else:
                memory = read_memory(self._file, storage.start, storage.size)
                if self._saved.swapped:
                    _compare(storage, memory)
                    memory.byteswap(dtype)  # type: ignore[no-untyped-call]
                else:
                    self._checksums.compare(storage, memory)
            self._loaded[place] = memory
        return _Loaded(self._loaded[place], dtype, storage.count)


def _compare(storage: Storage, memory: torch.UntypedStorage) -> None:
    if storage.checksum is not None and zlib.crc32(view_of(memory)) != storage.checksum:
        raise _Damaged(storage)


def _tensor(record: Name | Call) -> Tensor:
    match record:
        case Call(arguments=(_Loaded() as numbers, int(first), tuple(size), tuple(stride), *_)):
            pass
        case _:
            raise BadContent("it describes a tensor in an unknown way")
    shape = [*size, *stride, first]
    if (
        len(size) != len(stride)
        or len(size) > _MOST_DIMENSIONS
        or not all(type(n) is int and 0 <= n < 1 << 62 for n in shape)
    ):
        raise BadContent("it has a tensor of an impossible shape")
    count = math.prod(size)
    last = first + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if (count and last >= numbers.count) or count > numbers.count + _MOST_REPEATED:
        raise BadContent(f"it has a tensor of {count} numbers, and only {numbers.count} for it")
    if not count:
        return torch.empty(size, dtype=numbers.dtype, device="cpu")
    tensor = tensor_of(numbers.memory, numbers.dtype, size, stride, first)
    return (
        tensor.clone(memory_format=torch.contiguous_format) if _overlaps(size, stride) else tensor
    )


def _overlaps(size: tuple[int, ...], stride: tuple[int, ...]) -> bool:
    """Whether two elements of a tensor may be the same number in memory."""
    reach = 0
    for step, n in sorted((step, n) for n, step in zip(size, stride, strict=True) if n > 1):
        if step <= reach:
            return True
        reach += (n - 1) * step
    return False


def _parameter(record: Name | Call) -> Tensor:
    match record:
        case Call(arguments=(Tensor() as tensor, *_)):
            return tensor
    raise BadContent("it describes a parameter in an unknown way")


def _size(record: Name | Call) -> tuple[int, ...]:
    match record:
        case Call(arguments=(tuple(size),)) if all(type(n) is int for n in size):
            return size
    raise BadContent("it describes a size in an unknown way")


def _owners(saved: TorchFile) -> dict[Storage, str]:
    """The name of the first tensor that needs a storage, for the storages of a dict of tensors."""
    owners: dict[Storage, str] = {}
    for name, value in saved.value.items() if isinstance(saved.value, dict) else ():
        record = value
        while isinstance(record, Call) and record.arguments:
            (record, *_) = record.arguments
        if isinstance(record, Reference):
            owners.setdefault(saved.storages[record], repr(name))
    return owners
