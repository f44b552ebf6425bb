"""Weights in several files: the index that names them, and how weights are divided among them."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from ptbert_models.errors import CorruptCheckpoint
from ptbert_models.files.json_files import read_json_object

_UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([KMGT]B)", re.ASCII | re.IGNORECASE)
_LONGEST_NAME = 255  # bytes, on all usual file systems
_SHARD = re.compile(r"(pytorch_model|model)[\w.-]*\.(bin|safetensors)", re.ASCII)


def bytes_of(size: Any) -> int:
    """Return a size in bytes.

    Args:
        size: a number of bytes, or a text such as "5GB"; KB, MB, GB and TB are powers of 1000.

    Raises:
        TypeError: if it is neither.
        ValueError: if it is not above 0, or the text says no size.

    Example:
        >>> bytes_of("1.5MB"), bytes_of(300)
        (1500000, 300)
    """
    advice = 'give a number of bytes above 0, or a text such as "5GB" (KB, MB, GB or TB)'
    if isinstance(size, str):
        found = _SIZE.fullmatch(size.strip())
        count = int(float(found[1]) * _UNITS[found[2].upper()]) if found else 0
    elif isinstance(size, int) and not isinstance(size, bool):
        count = size
    else:
        raise TypeError(f"max_shard_size={size!r} is a {type(size).__name__}; {advice}")
    if count < 1:
        raise ValueError(f"max_shard_size={size!r} is no size of a file; {advice}")
    return count


def divided(state: Mapping[str, Tensor], most: int) -> list[list[str]]:
    """Divide the names of weights among files, in their order.

    Weights that are the same tensor stay together and count once.

    Args:
        state: tensors by name.
        most: bytes of the weights of a file; a single larger weight has a file of its own.

    Example:
        >>> import torch
        >>> a, b, c = torch.zeros(2), torch.zeros(3), torch.zeros(1)
        >>> divided({"a": a, "b": b, "same as a": a, "c": c}, most=16)
        [['a', 'same as a'], ['b', 'c']]
    """
    if sum(map(_size, state.values())) <= most:  # tensors without memory of their own can be saved
        return [list(state)]
    same: dict[Any, list[str]] = {}
    for name, tensor in state.items():
        same.setdefault(identity(tensor), []).append(name)
    files: list[list[str]] = []
    room = 0
    for names in same.values():
        size = _size(state[names[0]])
        if not files or size > room:
            files.append([])
            room = most
        files[-1] += names
        room -= size
    return files


def _size(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()


def identity(tensor: Tensor) -> Any:
    """Return what two tensors have in common if they are the same numbers in memory."""
    return tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride()


def new_names(folder: Path, stem: str, suffix: str, count: int) -> list[str]:
    """Return names for the files of weights, none of which is in the folder already.

    A file that an index names is never replaced: who reads by the old index must not get
    new weights for some of the names.
    """
    while True:
        names = [f"{stem}-{n:05}-of-{count:05}{suffix}" for n in range(1, count + 1)]
        if not any((folder / name).exists() for name in names):
            return names
        stem = f"{stem.partition('-')[0]}-{secrets.token_hex(4)}"


def index_text(files: Mapping[str, Collection[str]], state: Mapping[str, Tensor]) -> str:
    """Return the text of an index.

    Args:
        files: the names of weights by the name of their file.
        state: tensors by name.
    """
    single = {identity(tensor): _size(tensor) for tensor in state.values()}
    weight_map = {weight: name for name, weights in files.items() for weight in weights}
    index = {"metadata": {"total_size": sum(single.values())}, "weight_map": weight_map}
    return json.dumps(index, indent=2) + "\n"


def read_index(index: Path) -> dict[str, set[str]]:
    """Read which weights are in which file, by the names of files.

    Raises:
        CorruptCheckpoint: if it says that of no file beside it.
    """
    try:
        weight_map = read_json_object(index).get("weight_map")
    except ValueError as error:
        raise CorruptCheckpoint(f"{error}; or download it again") from error
    if (
        not isinstance(weight_map, dict)
        or not weight_map
        or not all(map(_is_file_name, weight_map.values()))
    ):
        raise CorruptCheckpoint(
            f"{str(index)!r} has no 'weight_map' from weights to names of files; download it again"
        )
    files: dict[str, set[str]] = {}
    for weight, name in sorted(weight_map.items(), key=lambda item: item[1]):
        files.setdefault(name, set()).add(weight)
    return files


def check_shard(
    index: Path, name: str, found: Collection[str], files: Mapping[str, Collection[str]]
) -> None:
    """Compare the names of weights in a file with what the index says of it.

    Raises:
        CorruptCheckpoint: if they are others.
    """
    wanted = set(files[name])
    for weight in sorted(wanted.symmetric_difference(found)):
        other = next((file for file in files if file != name and weight in files[file]), None)
        if weight in wanted:
            problem = f"{weight!r} is in {name!r}, and it is not"
        elif other is not None:
            problem = f"{weight!r} is in {other!r}, and it is in {name!r} too"
        else:
            problem = f"nothing of {weight!r}, which is in {name!r}"
        raise CorruptCheckpoint(
            f"{str(index)!r} says {problem}; index and files do not belong together: save or "
            "download all of them again"
        )


def shards_of(index: Path) -> Iterable[Path]:
    """Return the files that an index names, if they have names that shards have."""
    try:
        names = read_index(index)
    except (OSError, ValueError):
        return []
    return [index.with_name(name) for name in names if _SHARD.fullmatch(name)]


def _is_file_name(name: Any) -> bool:
    """Whether this is the name of a file, and never one elsewhere, on no system."""
    if not isinstance(name, str) or not name.strip(". ") or any(each in "/\\:" for each in name):
        return False
    return name.isprintable() and len(name.encode()) <= _LONGEST_NAME
