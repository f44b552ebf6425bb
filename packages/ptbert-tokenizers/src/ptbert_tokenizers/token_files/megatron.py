"""Megatron's indexed datasets: ids in `.bin`, and in `.idx` their type, and where documents begin

``NAME.idx`` has the bytes ``MMIDIDX\\0\\0``, the version 1 (8 bytes), a code for the type of the
ids (1 byte), the numbers of sequences and of bounds (8 bytes each); then the length of each
sequence in ids (int32), where it begins in ``NAME.bin`` in bytes (int64), and the bounds of
documents, in sequences (int64, from 0 on). Here each document is one sequence. All numbers are
little-endian.

Source:
    megatron-core, ``megatron.core.datasets.indexed_dataset``, whose writer made the files that this
    was compared with.
"""

import struct
import tempfile
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from ptbert_tokenizers.token_files.arrays import file_size, map_array, open_token_file
from ptbert_tokenizers.token_files.tokens import Tokens
from ptbert_tokenizers.token_files.writing import TokenWriter

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_START = b"MMIDIDX\x00\x00"
_HEADER = struct.Struct("<9sQBQQ")
_VERSION = 1
_CODES = {1: "u1", 2: "i1", 3: "<i2", 4: "<i4", 5: "<i8", 8: "<u2"}
_BLOCK = 2**20  # lengths


class MegatronWriter(TokenWriter):
    """Ids, and an index that is written at the end from the lengths of the documents."""

    kinds: ClassVar[dict[int, str]] = {16: "<u2", 32: "<i4"}
    name: ClassVar[str] = "megatron"

    def __init__(self, files: Sequence[BinaryIO], path: str, bits: int) -> None:
        super().__init__(files, path, bits)
        self._end = 0
        self._lengths = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close

    def write_ends(self, ends: "NDArray[np.int64]") -> None:
        """Note the lengths of documents."""
        import numpy as np

        lengths = np.diff(ends, prepend=self._end)
        if lengths.max(initial=0) >= 2**31:
            raise ValueError(
                f"{self.path!r}: a document has {lengths.max()} ids, and one of the format "
                f"megatron has at most {2**31 - 1}; cut it into windows"
            )
        self._end = int(ends[-1]) if len(ends) else self._end
        self.write_bytes(self._lengths, lengths.astype("<i4").tobytes())

    def finish(self) -> None:
        """Write the index."""
        import numpy as np

        index, count = self.files[1], self.documents
        code = next(code for code, kind in _CODES.items() if kind == self.kind)
        index.write(_HEADER.pack(_START, _VERSION, code, count, count + 1))
        for lengths in self._blocks():
            index.write(lengths.tobytes())
        start = 0
        for lengths in self._blocks():
            ends = start + lengths.cumsum(dtype="<i8") * (self.bits // 8)
            index.write((ends - lengths.astype("<i8") * (self.bits // 8)).tobytes())
            start = int(ends[-1])
        for first in range(0, count + 1, _BLOCK):
            index.write(np.arange(first, min(first + _BLOCK, count + 1), dtype="<i8").tobytes())

    def close(self) -> None:
        """Remove the lengths."""
        self._lengths.close()

    def _blocks(self) -> "Iterator[NDArray[np.int32]]":
        """The lengths again, from the first on."""
        import numpy as np

        self._lengths.seek(0)
        while data := self._lengths.read(_BLOCK * 4):
            yield np.frombuffer(data, "<i4")


def megatron_paths(path: str) -> list[str]:
    """Return the files of a dataset by one of them: the ids, and the index."""
    name = path.removesuffix(".idx").removesuffix(".bin")
    return [f"{name}.bin", f"{name}.idx"]


def open_megatron(path: str) -> Tokens:
    """Open a dataset of Megatron, mapped into memory. Sequences of one document are joined.

    Raises:
        FileNotFoundError: if one of the two files does not exist.
        ValueError: if one is damaged, they do not belong together, or they have another byte order.
    """
    import numpy as np

    path, of_index = megatron_paths(path)
    with open_token_file(of_index) as index:
        kind, sequences, marks = _read_header(index, of_index)
        lengths = map_array(index, of_index, "<i4", _HEADER.size, sequences)
        first = _HEADER.size + lengths.nbytes
        starts = map_array(index, of_index, "<i8", first, sequences)
        bounds = map_array(index, of_index, "<i8", first + starts.nbytes, marks)
    with open_token_file(path) as file:
        size = file_size(file)
        count = size // np.dtype(kind).itemsize
        ids: Any = map_array(file, path, kind, 0, count)
    ends = np.concatenate([np.zeros(1, np.int64), lengths.cumsum(dtype=np.int64)])
    fit = (
        not (lengths < 0).any()
        and ends[-1] * ids.itemsize == size
        and (starts == ends[:-1] * ids.itemsize).all()
        and len(bounds) > 0
        and bounds[0] == 0
        and bounds[-1] == sequences
        and not (bounds[1:] < bounds[:-1]).any()
    )
    if not fit:
        raise ValueError(
            f"{of_index!r} does not say where the documents of {path!r} begin, because one of the "
            "two is older or damaged; write both again"
        )
    return Tokens(ids, ends[bounds], "megatron")


def _read_header(index: BinaryIO, path: str) -> tuple[str, int, int]:
    """The type of the ids, and the numbers of sequences and of bounds."""
    header = index.read(_HEADER.size)
    if len(header) < _HEADER.size or not header.startswith(_START):
        raise ValueError(f"{path!r} is not an index of Megatron; write it again")
    _, version, code, sequences, marks = _HEADER.unpack(header)
    if version == int.from_bytes(_VERSION.to_bytes(8, "little"), "big"):
        raise ValueError(
            f"{path!r} was written with the byte order of another machine, big-endian; write it "
            "again as little-endian"
        )
    if version != _VERSION:
        raise ValueError(
            f"{path!r} has version {version} of Megatron's format, and only version {_VERSION} is "
            "known; write it again"
        )
    if code not in _CODES:
        raise ValueError(
            f"{path!r} says that its ids have the type {code}, which no ids have; write it again"
        )
    return _CODES[code], sequences, marks
