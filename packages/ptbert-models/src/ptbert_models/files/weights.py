"""Reading and writing weights files: both formats of PyTorch, and safetensors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ptbert_hub import WEIGHTS_NAME, atomic_write
from ptbert_hub.errors import BadContent
from ptbert_hub.pickles import ForeignName
from ptbert_hub.torch_files import begins_like_torch
from ptbert_models.errors import CheckpointNotFound, CorruptCheckpoint, UnsafeCheckpoint
from ptbert_models.files.json_files import read_json_object
from ptbert_models.files.saved_tensors import read_tensors

SAFETENSORS_NAME = "model.safetensors"


def read_weights(path: Path, *, memory_map: bool) -> dict[str, Tensor]:
    """Read the tensors of a weights file, or of all files that an index names.

    Args:
        path: a file written by ``torch.save`` (zip or legacy format), a ``.safetensors`` file, or
            an ``.index.json`` beside the files that it names.
        memory_map: whether tensors may stay on disk until they are used. Only for files that are
            never written in place: a program that overwrites a mapped file changes the weights
            of the model or kills the process.

    Returns:
        The tensors by name, on the CPU. The caller may change them.

    Raises:
        CheckpointNotFound: if a file that an index names is missing.
        CorruptCheckpoint: if a file is cut off, or is no weights file.
        UnsafeCheckpoint: if opening a file would run code.
    """
    if path.name.endswith(".index.json"):
        return _read_indexed(path, memory_map=memory_map)
    if path.suffix == ".safetensors":
        return _read_safetensors(path, memory_map=memory_map)
    return _read_torch(path, memory_map=memory_map)


def is_torch_file(path: Path) -> bool:
    """Whether this is a file that begins like those of ``torch.save``, whatever its name is."""
    if not path.is_file():
        return False
    with open(path, "rb") as file:
        return begins_like_torch(file.read(4))


def write_weights(state: Mapping[str, Tensor], folder: Path, *, safe_serialization: bool) -> Path:
    """Write the weights of a folder's model, and remove those of the other format.

    Args:
        state: tensors by name. In safetensors, tensors that share memory are written once;
            loading ties them again.
        folder: where to write.
        safe_serialization: as ``model.safetensors`` instead of ``pytorch_model.bin``.

    Returns:
        The path of the file.
    """
    path, other = folder / WEIGHTS_NAME, folder / SAFETENSORS_NAME
    if safe_serialization:
        path, other = other, path
        save = _import_safetensors(path).torch.save
        owners = {(t.data_ptr(), t.shape): name for name, t in reversed(list(state.items()))}
        single = {name: state[name].contiguous() for name in owners.values()}
        with atomic_write(path) as file:
            file.write(save(single, metadata={"format": "pt"}))
    else:
        with atomic_write(path) as file:
            torch.save(state, file)
    other.unlink(missing_ok=True)
    return path


def _read_torch(path: Path, *, memory_map: bool) -> dict[str, Tensor]:
    try:
        loaded = read_tensors(path, memory_map=memory_map)
    except ForeignName as error:
        if error.name.startswith("torch."):
            raise CorruptCheckpoint(
                f"{str(path)!r} holds more than plain tensors (it needs {error.name!r}), which "
                "models of this library cannot have; make them dense floats and save them again"
            ) from error
        raise UnsafeCheckpoint(
            f"opening {str(path)!r} would run {error.name!r}, which weights never need, so it was "
            "not opened. If you trust it, load it with torch.load(..., weights_only=False), and "
            "save its state_dict()"
        ) from error
    except BadContent as error:
        raise _corrupt(path, error) from error
    if not isinstance(loaded, Mapping):
        raise CorruptCheckpoint(
            f"{str(path)!r} holds a {type(loaded).__name__}, not a dictionary of tensors; "
            "save model.state_dict()"
        )
    tensors = {name: tensor for name, tensor in loaded.items() if isinstance(tensor, Tensor)}
    if unnamed := [key for key in tensors if not isinstance(key, str)]:
        raise CorruptCheckpoint(
            f"{str(path)!r} has a tensor called {unnamed[0]!r}, which is no name; "
            "save model.state_dict()"
        )
    return tensors


def _read_safetensors(path: Path, *, memory_map: bool) -> dict[str, Tensor]:
    safetensors = _import_safetensors(path)
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            if not memory_map:
                tensors = {name: tensor.clone() for name, tensor in tensors.items()}
    except safetensors.SafetensorError as error:
        raise _corrupt(path, error) from error
    return tensors


def _import_safetensors(path: Path) -> Any:
    try:
        import safetensors.torch  # optional: few checkpoints of this library's models need it
    except ImportError as error:
        raise ImportError(
            f"{str(path)!r} needs the package safetensors; install it with: pip install safetensors"
        ) from error
    return safetensors


def _read_indexed(index: Path, *, memory_map: bool) -> dict[str, Tensor]:
    weight_map = read_json_object(index).get("weight_map")
    if not isinstance(weight_map, dict):
        raise CorruptCheckpoint(f"{str(index)!r} has no 'weight_map'; download it again")
    tensors: dict[str, Tensor] = {}
    for name in sorted(set(weight_map.values())):
        part = index.with_name(name)
        if not part.is_file():
            raise CheckpointNotFound(
                f"{str(index)!r} names {name!r}, which is not beside it; download that file too"
            )
        tensors.update(read_weights(part, memory_map=memory_map))
    return tensors


def _corrupt(path: Path, problem: Exception | str) -> CorruptCheckpoint:
    reason = str(problem).strip().partition("\n")[0] or type(problem).__name__
    return CorruptCheckpoint(
        f"{str(path)!r} is not a weights file, or it is cut off ({reason}); "
        "download or save it again"
    )
