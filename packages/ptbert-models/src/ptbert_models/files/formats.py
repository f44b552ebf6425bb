"""What a file is, told by its first bytes, because files in a cache have names without endings."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from ptbert_hub import is_archive
from ptbert_hub.digests import PAGE, POINTER, other_content
from ptbert_hub.readers.torch_files import begins_like_torch
from ptbert_models.tensorflow.table import is_table

_LONGEST_HEADER = 100 << 20  # of a safetensors file, by its definition

Format = Literal["torch", "safetensors", "index"]

_INSTEAD = {
    POINTER: "it is a pointer of Git LFS to the file: run git lfs pull where it came from",
    PAGE: "it is a web page: get the file itself, not the page that shows it",
}


def weights_format(path: Path) -> Format | None:
    """Return the format of a weights file, or None if it begins like none.

    Args:
        path: an existing file.
    """
    with open(path, "rb") as file:
        head = file.read(64)
    if _is_safetensors(head):  # first: its length may have the byte that begins a pickle
        return "safetensors"
    if begins_like_torch(head):
        return "torch"
    if path.name.endswith(".index.json") or head.lstrip().startswith(b"{"):
        return "index"
    return "safetensors" if path.suffix == ".safetensors" else None


def is_torch_file(path: Path) -> bool:
    """Whether this is a file that begins like those of ``torch.save``, whatever its name is."""
    return path.is_file() and weights_format(path) == "torch"


def looks_like(path: Path) -> str:
    """Say what a file that is no weights file looks like, and what to do; empty if unknown."""
    with open(path, "rb") as file:
        head = file.read(512)
    if not head:
        return "it is empty"
    if instead := _INSTEAD.get(other_content(head)):
        return instead
    if head.startswith(b"\x89HDF"):
        return "it is an HDF5 file of Keras: save it for PyTorch with the library that wrote it"
    if head.startswith(b"\x93NUMPY"):
        return "it is an array of NumPy: give OpenAI's folder of them, with from_tf=True"
    if is_table(path):
        return "it is a TensorFlow checkpoint: read it with from_tf=True"
    if is_archive(path):
        return "it is an archive: give its own path instead of a folder"
    return ""


def _is_safetensors(head: bytes) -> bool:
    """Whether a file begins with the length of a header and the header, a JSON object."""
    length = int.from_bytes(head[:8], "little")
    return len(head) > 8 and 2 <= length <= _LONGEST_HEADER and head[8:9] == b"{"
