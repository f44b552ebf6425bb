"""Finding the weights in what training programs save: under usual keys, beside other things."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from ptbert_models.errors import CorruptCheckpoint

USUAL_KEYS = (
    "state_dict",
    "model_state_dict",
    "model",
    "model_state",
    "module",
    "network",
    "net",
    "weights",
)
_DEEPEST = 3


def find_state(loaded: Any, path: Path) -> dict[str, Tensor]:
    """Return the tensors of a loaded file by name.

    Args:
        loaded: what the file holds: a state dict, or a training checkpoint that holds one
            under one of ``USUAL_KEYS``.
        path: the file, for messages.

    Raises:
        CorruptCheckpoint: if there is no state dict, or more than one.
    """
    state = _innermost(loaded, path, _DEEPEST)
    if wrong := [name for name in state if not isinstance(name, str)]:
        raise CorruptCheckpoint(
            f"{str(path)!r} has a tensor of the name {wrong[0]!r}; names of weights are texts: "
            "save model.state_dict()"
        )
    return state


def _innermost(loaded: Any, path: Path, levels: int) -> dict[Any, Tensor]:
    if not isinstance(loaded, Mapping):
        raise CorruptCheckpoint(
            f"{str(path)!r} holds a {type(loaded).__name__}, not a dictionary of tensors; "
            "save model.state_dict()"
        )
    inside = {k: loaded[k] for k in USUAL_KEYS if _holds_tensors(loaded.get(k), levels)}
    distinct = {id(value) for value in inside.values()}
    if len(distinct) > 1:
        keys = ", ".join(map(repr, inside))
        raise CorruptCheckpoint(
            f"{str(path)!r} has weights under several keys: {keys}; choose one with "
            f"from_pretrained(..., state_dict=torch.load({path.name!r})[KEY])"
        )
    if inside:
        return _innermost(next(iter(inside.values())), path, levels - 1)
    tensors = {name: each for name, each in loaded.items() if isinstance(each, Tensor)}
    if tensors or not loaded:
        return tensors
    if {"state", "param_groups"} <= loaded.keys():
        raise CorruptCheckpoint(
            f"{str(path)!r} holds the state of an optimizer, not of a model; give the file that "
            "model.state_dict() was saved to"
        )
    keys = ", ".join(map(repr, list(loaded)[:10]))
    raise CorruptCheckpoint(
        f"{str(path)!r} holds a dictionary of {keys}, none of which is a tensor; if one of them "
        "has the weights, give it as state_dict=torch.load(...)[KEY]"
    )


def _holds_tensors(value: Any, levels: int) -> bool:
    """Whether a value is a dictionary of tensors, or of such a dictionary under a usual key."""
    if not isinstance(value, Mapping) or levels == 0:
        return False
    return any(isinstance(each, Tensor) for each in value.values()) or any(
        _holds_tensors(value.get(key), levels - 1) for key in USUAL_KEYS
    )
