"""Reading TensorFlow checkpoints, V2 and V1, without TensorFlow.

Nothing here knows about models: a checkpoint is a mapping from variable names to numpy arrays.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from ptbert_models.errors import CheckpointNotFound, CorruptCheckpoint
from ptbert_models.tensorflow.bundle import Bundle
from ptbert_models.tensorflow.table import is_table
from ptbert_models.tensorflow.translation import is_training_state
from ptbert_models.tensorflow.v1 import V1Checkpoint

__all__ = ["model_shapes", "open_checkpoint"]

_USUAL_NAMES = ("model.ckpt", "bert_model.ckpt")
_OWN_SUFFIX = re.compile(r"\.(index|meta|data-\d{5}-of-\d{5})$")
_SHARD_SUFFIX = re.compile(r"-\d{5}-of-\d{5}$")


def open_checkpoint(path: str | os.PathLike[str]) -> Bundle | V1Checkpoint:
    """Open a TensorFlow checkpoint of either format.

    Args:
        path: the prefix that TensorFlow was given, such as ``bert_model.ckpt``; any file of the
            checkpoint; or a folder, whose newest checkpoint is taken.

    Returns:
        Arrays by variable name. They are read, and their checksums verified, when they are used.
        ``shapes()`` gives their shapes without reading them.

    Raises:
        CheckpointNotFound: if there is no checkpoint.
        CorruptCheckpoint: if a file is damaged.
    """
    prefix = Path(os.path.expanduser(path))
    if prefix.is_dir():
        prefix = _newest(prefix)
    prefix = prefix.with_name(_OWN_SUFFIX.sub("", prefix.name))
    if prefix.with_name(f"{prefix.name}.index").is_file():
        return Bundle(prefix)
    base = _base(prefix)
    shards = sorted(prefix.parent.glob(f"{_literal(base)}-[0-9]*-of-[0-9]*"))
    files = [prefix] if base == prefix.name and prefix.is_file() else shards
    if not files:
        raise CheckpointNotFound(
            f"there is no TensorFlow checkpoint at {os.fspath(path)!r}: neither "
            f"{prefix.name}.index nor a file of the older format; give the prefix of its files, "
            "such as bert_model.ckpt"
        )
    for file in files:
        if not is_table(file):
            raise CorruptCheckpoint(
                f"{str(file)!r} is not a TensorFlow checkpoint, or it is cut off; copy it again"
            )
    return V1Checkpoint(files)


def model_shapes(path: str | os.PathLike[str]) -> dict[str, tuple[int, ...]]:
    """Return the shapes of a checkpoint's variables by name, without the state of training.

    Args:
        path: as for ``open_checkpoint``.
    """
    shapes = open_checkpoint(path).shapes()
    return {name: shape for name, shape in shapes.items() if not is_training_state(name)}


def _newest(folder: Path) -> Path:
    """The prefix that a folder's file ``checkpoint`` names, or that of its only checkpoint."""
    record = folder / "checkpoint"
    if record.is_file():
        text = record.read_text(encoding="utf-8", errors="replace")
        if named := re.search(r'^model_checkpoint_path: "(.+)"', text, re.MULTILINE):
            # An absolute path is that of the machine that wrote it: look here first.
            here = folder / Path(named[1]).name
            return here if here.with_name(f"{here.name}.index").is_file() else folder / named[1]
    indexes = [file.with_suffix("") for file in folder.glob("*.index")]
    first_shards = [file for file in folder.glob("*-00000-of-*") if ".data-" not in file.name]
    prefixes = {*indexes, *(file.with_name(_base(file)) for file in first_shards)}
    usual = [folder / name for name in _USUAL_NAMES]
    found = [each for each in usual if each in prefixes or each.is_file()] or sorted(prefixes)
    if len(found) == 1:
        return found[0]
    several = f"several: {', '.join(prefix.name for prefix in found)}" if found else "none"
    raise CheckpointNotFound(
        f"looked in {str(folder)!r} for one TensorFlow checkpoint and found {several}; "
        "give the prefix of its files, such as bert_model.ckpt"
    )


def _base(file: Path) -> str:
    """The name of a V1 checkpoint of which this may be one of several files."""
    return _SHARD_SUFFIX.sub("", file.name)


def _literal(name: str) -> str:
    return re.sub(r"([*?[])", r"[\1]", name)
