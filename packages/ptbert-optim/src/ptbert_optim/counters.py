"""Counters of updates that stay on the device, and what a CUDA graph may not record.

The rate of an update depends on its number. So tensors that have always been updated together share
one counter: then the rate is computed once for all of them, and one call updates them all.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = ["advance_together", "counters_by_value", "refuse_in_graph", "refuse_plain_groups"]

State = dict[str, Any]

_REMEDY = (
    "call step() at least once before the capture, with gradients for the same parameters as in it"
)


def advance_together(moving: Sequence[tuple[Tensor, State]], resting: Iterable[State]) -> None:
    """Count one more update of some tensors.

    Args:
        moving: the tensors that are updated now, with their states.
        resting: the states of all others; they keep their counters, which others had shared.

    Raises:
        RuntimeError: if a CUDA graph is captured and a counter would have to be made.

    Example:
        >>> weights, states = torch.zeros(3, 1), [{"step": 0}, {"step": 0}, {"step": 0}]
        >>> advance_together(list(zip(weights, states)), [])
        >>> advance_together(list(zip(weights, states))[:2], states[2:])
        >>> [state["step"].item() for state in states], states[0]["step"] is states[1]["step"]
        ([2.0, 2.0, 1.0], True)
    """
    kept = {id(state.get("step")) for state in resting}
    advanced: dict[object, Tensor] = {}
    for param, state in moving:
        step = state["step"]
        key = _key(step, param)
        if key not in advanced:
            if key == id(step) and key not in kept:
                advanced[key] = step.add_(1)
            else:
                refuse_in_graph(param, "a new counter of updates")
                counter = torch.as_tensor(step, dtype=torch.float32, device=param.device)
                advanced[key] = counter + 1
        state["step"] = advanced[key]


def _key(step: Any, param: Tensor) -> object:
    """Return what is equal for tensors whose counters are the same from now on.

    A counter on the device is known by its identity only, because reading it would wait.
    """
    if not isinstance(step, Tensor):
        return param.device, float(step)
    if step.device == param.device and step.dtype == torch.float32:
        return id(step)
    return (param.device, float(step)) if step.is_cpu else (param.device, id(step))


def counters_by_value(steps: Iterable[Any]) -> list[Any]:
    """Copy the counters of a saved state; those on one device with the same value are one tensor.

    Example:
        >>> one, other = counters_by_value([torch.tensor(3.0), torch.tensor(3.0)])
        >>> one is other
        True
    """
    known: dict[object, Tensor] = {}
    return [
        known.setdefault((step.device, step.dtype, float(step)), step.clone())
        if isinstance(step, Tensor)
        else step
        for step in steps
    ]


def refuse_in_graph(param: Tensor, what: str) -> None:
    """Raise ``RuntimeError`` if a CUDA graph would do again what is done once.

    Args:
        param: on the device in question.
        what: what would be done, for the message.
    """
    if is_captured(param.device):
        raise RuntimeError(
            f"a CUDA graph is captured, and this step needs {what} for a parameter of shape "
            f"{tuple(param.shape)}, which every replay would make again; {_REMEDY}"
        )


def refuse_plain_groups(groups: Iterable[Mapping[str, Any]]) -> None:
    """Raise ``RuntimeError`` if a CUDA graph is captured and a group counts outside of it."""
    for group in groups:
        if not group["capturable"] and any(map(is_captured, {p.device for p in group["params"]})):
            raise RuntimeError(
                "a CUDA graph is captured, and every replay would use the rate of this one step; "
                "make the optimizer with capturable=True"
            )


def is_captured(device: torch.device) -> bool:
    """Whether what is done on a device is recorded as a CUDA graph."""
    return (
        device.type == "cuda"
        and torch.cuda.is_available()
        and torch.cuda.is_current_stream_capturing()
    )
