"""The fast path: both updates, computed by PyTorch's fused AdamW kernel.

One kernel call reads and writes each parameter, gradient and moment once. Both optimizers fit it
because their updates have the form ::

    param = (1 - decay) * param - step_size * m / (sqrt(v) + eps)

with numbers ``step_size``, ``eps`` and ``decay`` that change with the step. AdamW's update has this
form too if its bias corrections ``1 - beta ** step`` are exactly 1. So the kernel is told a step so
late that every power rounds to 0.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from operator import attrgetter
from typing import NamedTuple

import torch
from torch import Tensor

from ptbert_optim.clipping import scale_gradients

__all__ = ["LOW_PRECISION", "Coefficients", "Row", "fused_update", "kernel_works"]

LOW_PRECISION = (torch.float16, torch.bfloat16)

LATE_STEP = 1e30  # a float32; beta ** LATE_STEP is 0 for every double beta below 1
FLOAT32_GRID = 2.0**-24  # distance of float32 numbers just below 1
GOLDEN = (math.sqrt(5) - 1) / 2
CHUNK = 2**20  # elements of low-precision tensors held in float32 at a time
CHUNK_ELSEWHERE = 2**24  # on an accelerator, where each call costs as much as some million numbers

_dtype = attrgetter("dtype")


class Coefficients(NamedTuple):
    """The three numbers of the common form, see the module docstring.

    Numbers, or 0-dimensional tensors on the device if the step counter is there.
    """

    step_size: float | Tensor
    eps: float | Tensor
    decay: float | Tensor


class Row(NamedTuple):
    """One parameter, with the tensors for its update; all four have the same shape."""

    param: Tensor
    grad: Tensor
    m: Tensor
    v: Tensor


def fused_update(
    rows: Sequence[Row],
    betas: tuple[float, float],
    coefficients: Coefficients,
    step: float | Tensor,
    clip: Tensor | None = None,
) -> bool:
    """Update parameters and moments in place if the kernel can; say whether it did.

    Args:
        rows: n of one dtype on one device; moments of a lower precision are in float32.
        betas: decay rates of the two moments.
        coefficients: of this update.
        step: number of this update, from 1.
        clip: (n,) factors of at most 1, by which the gradients are scaled in place.
    """
    if not _same_layout(rows):
        return False
    dtype = rows[0].m.dtype
    if not kernel_works(rows[0].m.device, dtype) or isinstance(coefficients.eps, Tensor):
        return False
    if dtype == torch.float32:
        coefficients = coefficients._replace(decay=float32_decay(coefficients.decay, step))
    if not isinstance(step, Tensor) and coefficients.step_size == 0 and coefficients.decay != 0:
        return False  # the kernel multiplies its decay by the rate
    if clip is not None:
        scale_gradients([row.grad for row in rows], clip)
    if rows[0].param.dtype in LOW_PRECISION:
        for pieces in batches(rows, CHUNK if rows[0].m.is_cpu else CHUNK_ELSEWHERE):
            params, grads, firsts, seconds = map(list, zip(*pieces, strict=True))
            exact = _in_float32(params)
            moments = zip(exact, _in_float32(grads), firsts, seconds, strict=True)
            _kernel([Row(*tensors) for tensors in moments], betas, coefficients)
            torch._foreach_copy_(params, exact)
    else:
        _kernel(rows, betas, coefficients)
    return True


def float32_decay(decay: float | Tensor, step: float | Tensor) -> float | Tensor:
    """Return a decay close to the given one for which ``1 - decay`` is a float32.

    The kernel rounds ``1 - decay`` to float32. That changes a usual decay of 5e-7 to 4.8e-7 or
    5.4e-7, the same at every step. This function rounds up at some steps and down at others, so
    that the decay is right on average.

    Example:
        >>> round(sum(float32_decay(5e-7, step) for step in range(1, 1001)), 7)
        0.0005
    """
    multiple = decay / FLOAT32_GRID + step * GOLDEN % 1.0
    whole = multiple.floor() if isinstance(multiple, Tensor) else math.floor(multiple)
    return whole * FLOAT32_GRID


@cache
def kernel_works(device: torch.device, dtype: torch.dtype) -> bool:
    """Say whether the installed torch has the kernel for a device, with the expected results.

    The kernel is run once on four numbers and compared with the formula. If torch
    has no such kernel, or it gives other results, the plain loop is used.
    """
    row = Row(
        *(
            torch.tensor(values, dtype=dtype, device=device)
            for values in ([1.0, -2.0], [3.0, 0.5], [-1.0, 0.25], [4.0, 0.5])
        )
    )
    m, v = 0.75 * row.m + 0.25 * row.grad, 0.5 * row.v + 0.5 * row.grad**2
    param = (1 - 0.0625) * row.param - 0.125 * m / (v.sqrt() + 0.25)
    try:
        _kernel([row], (0.75, 0.5), Coefficients(0.125, 0.25, 0.0625))
    except (RuntimeError, TypeError, AttributeError, NotImplementedError):
        return False
    return all(map(torch.allclose, row, (param, row.grad, m, v)))


def _kernel(
    rows: Sequence[Row],
    betas: tuple[float, float],
    coefficients: Coefficients,
) -> None:
    params, grads, firsts, seconds = map(list, zip(*rows, strict=True))
    lr, eps, decay = coefficients
    if isinstance(lr, Tensor):  # the kernel takes a rate from the device, but not a decay
        lr, weight_decay = lr.float(), 0.0
        kept = 1 - torch.as_tensor(decay, dtype=torch.float64)
        torch._foreach_mul_(params, kept.to(params[0].dtype))
    else:
        weight_decay = float(decay) / lr if lr else 0.0
    step = torch.full((), LATE_STEP, dtype=torch.float32, device=params[0].device)
    # ``torch.optim.adamw.adamw`` calls this too, after work that is in vain here: it sorts the
    # tensors by device and type, and counts their steps.
    torch._fused_adamw_(
        params,
        grads,
        firsts,
        seconds,
        [],
        [step] * len(params),
        amsgrad=False,
        beta1=betas[0],
        beta2=betas[1],
        lr=lr,
        weight_decay=weight_decay,
        eps=float(eps),
        maximize=False,
    )


def _same_layout(rows: Sequence[Row]) -> bool:
    """Whether the kernel can go through the four tensors of each row side by side."""
    dtype = rows[0].param.dtype
    exact = torch.float32 if dtype in LOW_PRECISION else dtype
    return all(
        set(map(_dtype, tensors)) == {wanted} and all(map(Tensor.is_contiguous, tensors))
        for tensors, wanted in zip(
            zip(*rows, strict=True), (dtype, dtype, exact, exact), strict=True
        )
    )


def batches(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    """Cut rows into flat pieces, and yield as many at a time as hold at most so many elements."""
    batch: list[Row] = []
    room = size
    for row in rows:
        for piece in map(Row, *(torch.split(tensor.view(-1), size) for tensor in row)):
            if piece.param.numel() > room:
                yield batch
                batch, room = [], size
            batch.append(piece)
            room -= piece.param.numel()
    yield batch


def _in_float32(tensors: list[Tensor]) -> list[Tensor]:
    copies = [torch.empty_like(tensor, dtype=torch.float32) for tensor in tensors]
    torch._foreach_copy_(copies, tensors)
    return copies
