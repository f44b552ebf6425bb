"""Reading and writing weights files: both formats of PyTorch, and safetensors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ptbert_hub import WEIGHTS_NAME, atomic_write
from ptbert_hub.errors import BadContent
from ptbert_hub.readers.pickles import ForeignName
from ptbert_models.errors import CheckpointNotFound, CorruptCheckpoint, UnsafeCheckpoint
from ptbert_models.files.formats import looks_like, weights_format
from ptbert_models.files.json_files import read_json_object
from ptbert_models.files.nesting import find_state
from ptbert_models.files.saved_tensors import NUMBERS, Makers, read_tensors

SAFETENSORS_NAME = "model.safetensors"
_LONGEST_NAME = 255  # bytes, on all usual file systems
_LONGEST_HEADER = 8 << 20  # bytes, for some 60,000 tensors; its parser takes many times as much


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
    kind = weights_format(path)
    if kind == "index":
        return _read_indexed(path, memory_map=memory_map)
    if kind == "safetensors":
        return _read_safetensors(path, memory_map=memory_map)
    if kind is None and (other := looks_like(path)):
        raise _corrupt(path, f"torch.save did not write it; {other}")
    return _read_torch(path, memory_map=memory_map)


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
        names = {
            (t.data_ptr(), t.dtype, t.shape, t.stride()): name
            for name, t in reversed(list(state.items()))
        }
        single = {name: _alone(state[name]) for name in names.values()}
        with atomic_write(path) as file:
            file.write(save(single, metadata={"format": "pt"}))
    else:
        with atomic_write(path) as file:
            torch.save(state, file)
    other.unlink(missing_ok=True)
    return path


def with_later_names(
    state: Mapping[str, Tensor], later_suffixes: Mapping[str, str]
) -> dict[str, Tensor]:
    """Return weights with their names in later libraries too, before ours, where these differ.

    Args:
        state: tensors by name.
        later_suffixes: ending of a name in later libraries → ending here.

    Example:
        >>> list(with_later_names({"wte.weight": None, "head.decoder.weight": None},
        ...                       {"head.weight": "head.decoder.weight"}))
        ['wte.weight', 'head.weight', 'head.decoder.weight']
    """
    named = {}
    for name, tensor in state.items():
        for there, here in later_suffixes.items():
            if name.endswith(here):
                named[name.removesuffix(here) + there] = tensor
        named[name] = tensor
    return named


def _alone(tensor: Tensor) -> Tensor:
    """Return a contiguous tensor that is no part of a larger one, which safetensors asks for."""
    tensor = tensor.contiguous()
    return tensor if tensor.untyped_storage().nbytes() == tensor.nbytes else tensor.clone()


def _read_torch(path: Path, *, memory_map: bool) -> dict[str, Tensor]:
    try:
        loaded = read_tensors(path, memory_map=memory_map, makers=_things_beside_weights())
    except ForeignName as error:
        advice = (
            "If you trust it, load it with torch.load(..., weights_only=False), and save its "
            "state_dict()"
        )
        if error.name.startswith("torch.nn.modules."):
            raise UnsafeCheckpoint(
                f"{str(path)!r} holds a whole model (it needs {error.name!r}), not only weights, "
                f"so it was not opened. {advice}"
            ) from error
        if error.name.startswith("torch."):
            raise CorruptCheckpoint(
                f"{str(path)!r} holds more than plain tensors (it needs {error.name!r}), which "
                "models of this library cannot have; make them dense floats and save them again"
            ) from error
        raise UnsafeCheckpoint(
            f"opening {str(path)!r} would run {error.name!r}, which weights never need, so it was "
            f"not opened. {advice}"
        ) from error
    except BadContent as error:
        raise _corrupt(path, error) from error
    return find_state(loaded, path)


def _things_beside_weights() -> Makers:
    """Makers of what training checkpoints may have beside weights, and nobody needs here.

    These are devices, types of numbers, and the names that ``torch.load`` was told to be safe, such
    as those of schedules. They stay records.
    """
    safe = (
        each[1] if isinstance(each, tuple) else f"{each.__module__}.{each.__qualname__}"
        for each in torch.serialization.get_safe_globals()
    )
    names = {*safe, "torch.device", *map(str, NUMBERS.values())}
    return dict.fromkeys(names, lambda record: record)


def _read_safetensors(path: Path, *, memory_map: bool) -> dict[str, Tensor]:
    safetensors = _import_safetensors(path)
    with open(path, "rb") as start:
        if int.from_bytes(start.read(8), "little") > _LONGEST_HEADER:
            raise _corrupt(path, f"its header has more than {_LONGEST_HEADER} bytes")
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
    try:
        weight_map = read_json_object(index).get("weight_map")
    except ValueError as error:
        raise CorruptCheckpoint(f"{error}; or download it again") from error
    if not isinstance(weight_map, dict) or not all(map(_is_file_name, weight_map.values())):
        raise CorruptCheckpoint(
            f"{str(index)!r} has no 'weight_map' from weights to names of files; download it again"
        )
    tensors: dict[str, Tensor] = {}
    for name in sorted(set(weight_map.values())):
        part = index.with_name(name)
        if not part.is_file():
            raise CheckpointNotFound(
                f"{str(index)!r} names {name!r}, which is not beside it; download that file too"
            )
        if weights_format(part) == "index":
            raise CorruptCheckpoint(f"{str(index)!r} names {name!r}, which is no weights file")
        tensors.update(read_weights(part, memory_map=memory_map))
    return tensors


def _is_file_name(name: Any) -> bool:
    if not isinstance(name, str) or Path(name).name != name or name in {"", "."}:
        return False
    return name.isprintable() and len(name.encode()) <= _LONGEST_NAME


def _corrupt(path: Path, problem: Exception | str) -> CorruptCheckpoint:
    reason = str(problem).strip().partition("\n")[0] or type(problem).__name__
    return CorruptCheckpoint(
        f"{str(path)!r} is not a weights file, or it is cut off ({reason}); "
        "download or save it again"
    )
