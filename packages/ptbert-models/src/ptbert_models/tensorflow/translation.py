"""Turning variables of TensorFlow into a state dict: renaming and transposing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

# The state of optimizers, and counters.
_TRAINING_STATE = re.compile(
    r"(^|/)(global_step|beta[12]_power|adam_[mv]|Adam(_1)?|\w+Optimizer(_\d+)?|save_counter"
    r"|_CHECKPOINTABLE_OBJECT_GRAPH)(/|$)"
)


def is_training_state(name: str) -> bool:
    """Whether a variable is only used in training.

    Example:
        >>> is_training_state("bert/pooler/dense/kernel/adam_m"), is_training_state("bert/pooler")
        (True, False)
    """
    return _TRAINING_STATE.search(name) is not None


def translate_name(name: str, renames: Sequence[tuple[str, str]]) -> str:
    """Return the key of a state dict for a variable's name.

    Args:
        name: parts separated by slashes.
        renames: regular expressions and replacements, applied one after the other.

    Example:
        >>> translate_name("model/h0/ln_1/g", [(r"^model/h(\\d+)", r"h/\\1"), (r"/g$", "/weight")])
        'h.0.ln_1.weight'
    """
    for pattern, replacement in renames:
        name = re.sub(pattern, replacement, name)
    return name.replace("/", ".")


def translate(
    checkpoint: Mapping[str, npt.NDArray[np.generic]],
    renames: Sequence[tuple[str, str]],
    *,
    transposed: str = r"$^",
) -> dict[str, Tensor]:
    """Turn a checkpoint into a state dict, without the state of training.

    Args:
        checkpoint: arrays by variable name.
        renames: see ``translate_name``.
        transposed: regular expression for the names whose matrices are to be transposed.
    """
    return {
        translate_name(name, renames): to_tensor(
            checkpoint[name].T if re.search(transposed, name) else checkpoint[name]
        )
        for name in checkpoint
        if not is_training_state(name)
    }


def to_tensor(array: npt.NDArray[np.generic]) -> Tensor:
    """Return a contiguous tensor with memory of its own."""
    return torch.from_numpy(np.ascontiguousarray(array))
