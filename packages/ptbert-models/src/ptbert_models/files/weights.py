"""Reading and writing weights files: both formats of PyTorch, and safetensors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ptbert_hub import WEIGHTS_NAME, atomic_write
from ptbert_hub.errors import BadContent
from ptbert_hub.files import remove
from ptbert_hub.readers.pickles import ForeignName
from ptbert_models.errors import CheckpointNotFound, CorruptCheckpoint, UnsafeCheckpoint
from ptbert_models.files.formats import looks_like, weights_format
from ptbert_models.files.nesting import find_state
from ptbert_models.files.safetensors_files import read_safetensors
from ptbert_models.files.saved_tensors import NUMBERS, Makers, read_tensors
from ptbert_models.files.shards import (
    bytes_of,
    check_shard,
    divided,
    identity,
    index_text,
    new_names,
    read_index,
    shards_of,
)

SAFETENSORS_NAME = "model.safetensors"
_INDEX = ".index.json"
# The names of a folder's weights; the first that is there counts.
WEIGHTS_NAMES = (
    WEIGHTS_NAME,
    SAFETENSORS_NAME,
    f"{WEIGHTS_NAME}{_INDEX}",
    f"{SAFETENSORS_NAME}{_INDEX}",
)
MAX_SHARD_SIZE = "50GB"  # as in transformers 5; no model of 2019 is as large


def read_weights(path: Path, *, memory_map: bool, compare: bool | None = None) -> dict[str, Tensor]:
    """Read the tensors of a weights file, or of all files that an index names.

    Args:
        path: a file written by ``torch.save`` (zip or legacy format), a ``.safetensors`` file, or
            an ``.index.json`` beside the files that it names.
        memory_map: whether tensors may stay on disk until they are used. Only for files that are
            never written in place: a program that overwrites a mapped file changes the weights
            of the model or kills the process.
        compare: whether to compare the checksums of PyTorch's files; None to do so where numbers
            do not stay on disk.

    Returns:
        The tensors by name, on the CPU. The caller may change them.

    Raises:
        CheckpointNotFound: if a file that an index names is missing.
        CorruptCheckpoint: if a file is cut off, or is no weights file.
        UnsafeCheckpoint: if opening a file would run code.
        RuntimeError: in modes that make tensors without numbers, such as FakeTensorMode.
    """
    if type(torch.empty(0, device="cpu")) is not Tensor:
        raise RuntimeError(
            f"{str(path)!r} cannot be read in FakeTensorMode, whose tensors have no numbers; build "
            "the model of its configuration there, as in BertModel(BertConfig.from_pretrained(...))"
        )
    kind = weights_format(path)
    if kind == "index":
        return _read_indexed(path, memory_map=memory_map, compare=compare)
    if kind == "safetensors":
        try:
            return read_safetensors(path, memory_map=memory_map)
        except BadContent as error:
            raise _corrupt(path, error) from error
    if kind is None and (other := looks_like(path)):
        raise _corrupt(path, f"torch.save did not write it; {other}")
    return _read_torch(path, memory_map=memory_map, compare=compare)


def given_weights(state_dict: Any) -> Mapping[str, Tensor]:
    """Return weights that a caller gave in the place of a file's.

    Raises:
        TypeError: if they are no dictionary with names as keys.

    Example:
        >>> given_weights({1: torch.zeros(2)})
        Traceback (most recent call last):
        TypeError: state_dict has the key 1; give weights by name, such as model.state_dict()
    """
    if not isinstance(state_dict, Mapping):
        raise TypeError(
            f"state_dict is of type {type(state_dict).__name__}; give a dictionary of tensors, "
            "such as model.state_dict()"
        )
    for key in state_dict:
        if not isinstance(key, str):
            raise TypeError(
                f"state_dict has the key {key!r}; give weights by name, such as model.state_dict()"
            )
    return state_dict


def write_weights(
    state: Mapping[str, Tensor],
    folder: Path,
    *,
    safe_serialization: bool,
    max_shard_size: int | str = MAX_SHARD_SIZE,
) -> Path:
    """Write the weights of a folder's model, and remove all that were there before.

    Programs that read the folder meanwhile get the old weights, the new ones, or the error that a
    file is missing, and never some of both. After an error the old ones are there. For this, files
    get names that are not taken, and one step decides: the new index or single file replaces
    another one, or the old one goes.

    Args:
        state: tensors by name. In safetensors, tensors that share memory are written once;
            loading ties them again.
        folder: where to write.
        safe_serialization: as ``model.safetensors`` instead of ``pytorch_model.bin``.
        max_shard_size: bytes of weights, or a text such as "5GB"; if there are more, they are
            written to several files with an index.

    Returns:
        The path of the file, or of the index.
    """
    most = bytes_of(max_shard_size)
    name = SAFETENSORS_NAME if safe_serialization else WEIGHTS_NAME
    if safe_serialization:
        _import_safetensors(folder / name)
        names = {identity(tensor): name for name, tensor in reversed(list(state.items()))}
        state = {name: state[name] for name in reversed(names.values())}
    indexes = [each for each in WEIGHTS_NAMES if each.endswith(_INDEX)]
    old = {part for each in indexes for part in shards_of(folder / each)}
    shards = divided(state, most)
    if len(shards) == 1:
        path = folder / name
        new = {path}
        _write(path, state, safe_serialization=safe_serialization)
    else:
        path = folder / f"{name}{_INDEX}"
        new = _write_shards(path, state, shards, safe_serialization=safe_serialization)
    for other in reversed(WEIGHTS_NAMES):  # what is read first goes last
        if other != path.name:
            remove(folder / other)
    for part in old - new:
        remove(part)
    return path


def _write_shards(
    index: Path, state: Mapping[str, Tensor], shards: list[list[str]], *, safe_serialization: bool
) -> set[Path]:
    stem, dot, suffix = index.name.removesuffix(_INDEX).partition(".")
    names = new_names(index.parent, stem, dot + suffix, len(shards))
    paths = {index.with_name(name) for name in names}
    try:
        for name, weights in zip(names, shards, strict=True):
            alone: dict[Any, Tensor] = {}  # weights that are the same stay so
            shard = {
                weight: alone.setdefault(identity(state[weight]), _alone(state[weight]))
                for weight in weights
            }
            _write(index.with_name(name), shard, safe_serialization=safe_serialization)
        with atomic_write(index) as file:
            file.write(index_text(dict(zip(names, shards, strict=True)), state).encode("utf-8"))
    except BaseException:
        if paths.isdisjoint(shards_of(index)):
            for path in paths:
                remove(path)
        raise
    return paths


def _write(path: Path, state: Mapping[str, Tensor], *, safe_serialization: bool) -> None:
    with atomic_write(path) as file:
        if safe_serialization:
            single = {name: _alone(tensor) for name, tensor in state.items()}
            file.write(_import_safetensors(path).torch.save(single, metadata={"format": "pt"}))
        else:
            torch.save(_without_device(state), file)


def _without_device(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights in the memory of the CPU; those that are the same stay so.

    ``torch.load`` puts a tensor where it was, and fails where there is no such device.
    """
    moved: dict[Any, Tensor] = {}
    return {
        name: tensor if tensor.is_cpu else moved.setdefault(identity(tensor), tensor.cpu())
        for name, tensor in state.items()
    }


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


def _read_torch(path: Path, *, memory_map: bool, compare: bool | None) -> dict[str, Tensor]:
    try:
        loaded = read_tensors(
            path, memory_map=memory_map, compare=compare, makers=_things_beside_weights()
        )
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


def _import_safetensors(path: Path) -> Any:
    try:
        import safetensors.torch  # optional: only to write, and few programs do
    except ImportError as error:
        raise ImportError(
            f"to write {str(path)!r} needs the package safetensors; install it with: "
            "pip install safetensors"
        ) from error
    return safetensors


def _read_indexed(index: Path, **options: Any) -> dict[str, Tensor]:
    while True:
        before = _stamp(index)
        files = read_index(index)
        try:
            tensors = _read_shards(index, files, **options)
        except FileNotFoundError:
            if _stamp(index) == before:
                raise
        else:
            if _stamp(index) == before:
                return tensors
        # Another program has saved a model in the meantime.


def _stamp(path: Path) -> tuple[int, ...]:
    status = path.stat()
    return status.st_ino, status.st_mtime_ns, status.st_size


def _read_shards(index: Path, files: Mapping[str, set[str]], **options: Any) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    for name in files:
        part = index.with_name(name)
        if not part.is_file():
            raise CheckpointNotFound(
                f"{str(index)!r} names {name!r}, which is not beside it; download that file too"
            )
        if weights_format(part) == "index":
            raise CorruptCheckpoint(f"{str(index)!r} names {name!r}, which is no weights file")
        shard = read_weights(part, **options)
        check_shard(index, name, shard, files)
        tensors.update(shard)
    return tensors


def _corrupt(path: Path, problem: Exception | str) -> CorruptCheckpoint:
    reason = str(problem).strip().partition("\n")[0] or type(problem).__name__
    return CorruptCheckpoint(
        f"{str(path)!r} is not a weights file, or it is cut off ({reason}); "
        "download or save it again"
    )
