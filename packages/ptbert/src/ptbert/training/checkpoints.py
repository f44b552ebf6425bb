"""Checkpoints of a training, written completely or not at all, and found again."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from ptbert.training.sharding import like, whole
from ptbert.training.writing import told_if_not_written
from ptbert_hub import atomic_write
from ptbert_hub.digests import file_digest
from ptbert_hub.files import sync_folder
from ptbert_models.errors import CorruptCheckpoint
from ptbert_models.files.json_files import read_json_object
from ptbert_models.files.weights import read_weights
from ptbert_models.pretrained import PreTrainedModel
from ptbert_optim.adam import ScheduledAdam

logger = logging.getLogger(__name__)

_MANIFEST, _STATE, _MOMENTS = "manifest.json", "state.json", "moments.bin"
_PARTIAL = ".partial"
_KEPT = 2


class Checkpoint(NamedTuple):
    """A training after some steps, on disk.

    Args:
        folder: has the model as ``from_pretrained`` reads it, and the state of the optimizer.
        state: what else the training needs to go on, with its ``step``.
    """

    folder: Path
    state: Mapping[str, Any]

    @property
    def step(self) -> int:
        """The number of steps that were done."""
        return int(self.state["step"])


def write_checkpoint(
    folder: Path,
    model: PreTrainedModel,
    moments: Mapping[str, torch.Tensor],
    state: Mapping[str, Any],
) -> Checkpoint:
    """Write a checkpoint, so that its folder appears when all of it is on the disk.

    Args:
        folder: the folder of all checkpoints; it is created.
        model: is saved as by ``save_pretrained``.
        moments: see ``moments_of``.
        state: plain values, with the number of the ``step``.

    Raises:
        OSError: if the disk is full or cannot be written to; those before stay as they are.
    """
    final = _folder_of(folder, state["step"])
    partial = final.with_name(final.name + _PARTIAL)
    with told_if_not_written(f"the checkpoint of step {state['step']}", folder):
        try:
            _remove(final)  # one that was damaged
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            model.save_pretrained(partial)
            with atomic_write(partial / _MOMENTS) as file:
                torch.save(dict(moments), file)
            _write_json(partial / _STATE, dict(state))
            _write_json(partial / _MANIFEST, dict(_digests(partial)))
            os.rename(partial, final)
            sync_folder(folder)
        except Exception:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    return Checkpoint(final, state)


def newest_checkpoint(folder: Path) -> Checkpoint | None:
    """Return the newest checkpoint whose files are complete and unchanged; None if there is none.

    Args:
        folder: the folder of all checkpoints.
    """
    for each in reversed(_all(folder)):
        try:
            _verify(each)
            return Checkpoint(each, read_json_object(each / _STATE))
        except (OSError, ValueError) as error:
            logger.warning("%s is left out: %s", each, error)
    return None


def remove_old_checkpoints(folder: Path, best: int | None) -> None:
    """Delete all checkpoints but the two newest and the best, and what was not finished.

    Args:
        folder: the folder of all checkpoints.
        best: the step of the best one, if one is known.
    """
    for each in folder.glob(f"*{_PARTIAL}"):
        shutil.rmtree(each, ignore_errors=True)
    for each in _all(folder)[:-_KEPT]:
        if best is None or each != _folder_of(folder, best):
            _remove(each)


def checkpoint_of(folder: Path, step: int) -> Checkpoint:
    """Return the checkpoint of a step.

    Raises:
        CorruptCheckpoint: if it is not complete.
    """
    path = _folder_of(folder, step)
    _verify(path)
    return Checkpoint(path, read_json_object(path / _STATE))


def moments_of(model: nn.Module, optimizer: ScheduledAdam) -> dict[str, torch.Tensor]:
    """Return the averages of an optimizer by name; all processes must call this.

    A parameter that had no step yet has zeros.
    """
    names = _names(model)
    return {
        _key(moment, names[id(parameter)]): whole(
            optimizer.state[parameter][moment]
            if optimizer.state.get(parameter)
            else torch.zeros_like(parameter)
        )
        for moment in optimizer.moments
        for parameter in _updated(optimizer)
    }


def resume_optimizer(checkpoint: Checkpoint, model: nn.Module, optimizer: ScheduledAdam) -> None:
    """Give an optimizer the averages of a checkpoint.

    Raises:
        CorruptCheckpoint: if they are not those of the model's parameters.
    """
    path = checkpoint.folder / _MOMENTS
    saved = read_weights(path, memory_map=True)  # by every process; each copies its part
    names = _names(model)
    packed = optimizer.state_dict()
    wanted = {
        _key(moment, names[id(p)]) for moment in optimizer.moments for p in _updated(optimizer)
    }
    if wanted != saved.keys():
        odd = min(wanted ^ saved.keys())
        raise CorruptCheckpoint(
            f"{str(path)!r} does not belong to this model ({odd!r} is in one of them only); "
            "train again with --restart"
        )
    packed["state"] = {
        number: {
            "step": checkpoint.state.get("updates", checkpoint.step),
            **{moment: like(saved[_key(moment, names[id(p)])], p) for moment in optimizer.moments},
        }
        for number, p in enumerate(_updated(optimizer))
    }
    optimizer.load_state_dict(packed)


def _updated(optimizer: ScheduledAdam) -> Iterator[torch.Tensor]:
    return (parameter for group in optimizer.param_groups for parameter in group["params"])


def _names(model: nn.Module) -> dict[int, str]:
    return {id(parameter): name for name, parameter in model.named_parameters()}


def _key(moment: str, name: str) -> str:
    return f"{moment}.{name}"


def _folder_of(folder: Path, step: int) -> Path:
    return folder / f"step-{step:08d}"


def _all(folder: Path) -> list[Path]:
    """All finished checkpoints, the oldest first."""
    return sorted(each for each in folder.glob("step-*") if each.suffix != _PARTIAL)


def _remove(path: Path) -> None:
    """Delete a checkpoint; if that is interrupted, what is left does not look like one."""
    if path.exists():
        doomed = path.with_name(path.name + _PARTIAL)
        shutil.rmtree(doomed, ignore_errors=True)
        os.rename(path, doomed)
        shutil.rmtree(doomed)


def _write_json(path: Path, values: Mapping[str, Any]) -> None:
    with atomic_write(path) as file:
        file.write(json.dumps(values, indent=2).encode() + b"\n")


def _digests(folder: Path) -> Iterator[tuple[str, list[Any]]]:
    for path in sorted(folder.iterdir()):
        yield path.name, [path.stat().st_size, file_digest(path)]


def _verify(folder: Path) -> None:
    for name, (size, digest) in read_json_object(folder / _MANIFEST).items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != size or file_digest(path) != digest:
            raise CorruptCheckpoint(f"{str(path)!r} is missing or was changed")
