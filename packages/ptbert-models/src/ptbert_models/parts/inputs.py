"""Checking the inputs of models, and leaving out arguments that are None."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def values_are_known() -> bool:
    """Whether the values of tensors can be read.

    False while a model is compiled, exported or traced: then only shapes are known, and the code
    may not depend on values.
    """
    tracing = torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
    return not (tracing or torch.compiler.is_compiling())


def check_ids(ids: Tensor, limit: int, *, name: str, remedy: str) -> None:
    """Raise an error for an id that an embedding has no row for.

    Nothing is checked where values are not known. On an accelerator the check waits for the device.
    Without it a wrong id would make the device unusable for the rest of the process.

    Args:
        ids: integers of any shape.
        limit: number of rows.
        name: name of the argument, for the message.
        remedy: what to do about it, for the message.

    Raises:
        ValueError: if an id is negative or not below the limit.

    Example:
        >>> check_ids(torch.tensor([0, 9]), 5, name="input_ids", remedy="use its tokenizer")
        Traceback (most recent call last):
        ...
        ValueError: input_ids holds 9, and this model takes 0 to 4; use its tokenizer
    """
    if not values_are_known() or ids.is_meta or not ids.numel():
        return
    lowest, highest = (int(extreme) for extreme in torch.aminmax(ids))
    if lowest < 0 or highest >= limit:
        wrong = lowest if lowest < 0 else highest
        raise ValueError(f"{name} holds {wrong}, and this model takes 0 to {limit - 1}; {remedy}")


def without_none(**arguments: Any) -> dict[str, Any]:
    """Leave out arguments that are None, because a program's own parts may not accept them.

    Example:
        >>> without_none(head_mask=None, attention_bias=1)
        {'attention_bias': 1}
    """
    return {name: value for name, value in arguments.items() if value is not None}
