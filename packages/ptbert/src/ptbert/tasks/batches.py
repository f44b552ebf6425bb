"""Texts as batches of similar length: how they are formed, and how a model is run on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ptbert_tokenizers import Batch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CPU_TOKENS = 1024  # of a batch. More do not fit the caches of a processor, and run slower.
ACCELERATOR_TOKENS = 16384


def neighbours(lengths: Sequence[int], budget: int, most: int | None = None) -> list[list[int]]:
    """Group texts of similar length, the longest first, so that there is little padding.

    Args:
        lengths: of the texts, in any unit.
        budget: the longest text of a group times the number of its texts is at most this, unless
            the group is a single text.
        most: largest number of texts in a group.

    Returns:
        Positions of the texts, group by group.

    Example:
        >>> neighbours([3, 10, 4, 9], budget=20)
        [[1, 3], [2, 0]]
    """
    groups: list[list[int]] = []
    for position in sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True):
        group = groups[-1] if groups else []
        fits = group and (len(group) + 1) * max(lengths[group[0]], 1) <= budget
        if fits and (most is None or len(group) < most):
            group.append(position)
        else:
            groups.append([position])
    return groups


def device_of(model: nn.Module) -> torch.device:
    """Return the device of a model's first parameter, where its inputs go."""
    return next((each.device for each in model.parameters()), torch.device("cpu"))


def usual_tokens(model: nn.Module) -> int:
    """Return how many tokens a batch may have on the device of a model."""
    return CPU_TOKENS if device_of(model).type == "cpu" else ACCELERATOR_TOKENS


def outputs(
    model: nn.Module,
    batch: Batch,
    read: Callable[[Any, dict[str, Tensor]], Tensor],
    *,
    tokens: int,
    most: int | None = None,
) -> list[NDArray[np.float32]]:
    """Run a model on the rows of a batch, in smaller batches of similar length.

    Args:
        model: takes the batch's inputs, and is in evaluation mode.
        batch: with padding on the right.
        read: makes one tensor (rows, ...) of what the model returns and of its inputs.
        tokens: largest number of tokens in a small batch, with padding.
        most: largest number of rows in a small batch.

    Returns:
        What ``read`` returned for each row, in the order of the rows. The length of a row may be
        longer than its tokens, but never shorter.
    """
    device = device_of(model)
    lengths = batch.attention_mask.sum(1).tolist()
    found: list[Any] = [None] * len(lengths)
    for rows in neighbours(lengths, tokens, most):
        width = lengths[rows[0]]
        inputs = batch.inputs(lambda array: torch.from_numpy(array[rows, :width]).to(device))  # noqa: B023
        values = read(model(**inputs), inputs).float().cpu().numpy()
        for row, own in zip(rows, values, strict=True):
            found[row] = own
    return found
