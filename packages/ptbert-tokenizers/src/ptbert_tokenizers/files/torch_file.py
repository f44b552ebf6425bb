"""Reading plain Python objects from a file that ``torch.save`` wrote, without torch.

Such a file is a pickle. Since 2020 it is the member ``data.pkl`` of a zip archive. Before that it
was the fourth of several pickles in a row, after a magic number, a version and facts about the
machine. Unpickling can call any function that the file names. This reader allows only two names,
both of container types, so no other code can run.
"""

import collections
import io
import os
import pickle
import zipfile
from typing import Any

from ptbert_tokenizers.errors import BadVocabulary
from ptbert_tokenizers.files.vocabulary import PathLike

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_ZIP_START = b"PK\x03\x04"
_PICKLE_START = b"\x80"
_CONTAINERS = {
    ("collections", "Counter"): collections.Counter,
    ("collections", "OrderedDict"): collections.OrderedDict,
}


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _CONTAINERS[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}") from None

    def persistent_load(self, pid: Any) -> Any:
        raise pickle.UnpicklingError("it holds a tensor")


def is_torch_file(path: PathLike) -> bool:
    """Tell by its first bytes whether ``torch.save`` may have written a file."""
    with open(path, "rb") as file:
        start = file.read(4)
    return start == _ZIP_START or start.startswith(_PICKLE_START)


def read_plain_objects(path: PathLike) -> Any:
    """Return the object in a file of ``torch.save``, if it is made of plain containers only.

    Containers are dict, list, tuple, set, ``Counter`` and ``OrderedDict``. They may contain
    strings, bytes, numbers, booleans and None.

    Raises:
        BadVocabulary: if the file holds anything else, or is damaged.
    """
    with open(path, "rb") as file:
        data = file.read()
    try:
        return _from_zip(data) if data.startswith(_ZIP_START) else _from_legacy(data)
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise BadVocabulary(
            f"cannot read {os.fspath(path)!r} as plain objects saved by torch: {error}; if you "
            "trust its source, open it with torch.load and save the symbols one a line as vocab.txt"
        ) from error


def _from_zip(data: bytes) -> Any:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        if len(names) != 1:
            raise pickle.UnpicklingError("the archive has no data.pkl")
        return _PlainUnpickler(io.BytesIO(archive.read(names[0]))).load()


def _from_legacy(data: bytes) -> Any:
    stream = io.BytesIO(data)
    if _PlainUnpickler(stream).load() != _LEGACY_MAGIC:
        raise pickle.UnpicklingError("it does not begin with torch's magic number")
    for _ in ("version", "facts about the machine"):
        _PlainUnpickler(stream).load()
    return _PlainUnpickler(stream).load()
