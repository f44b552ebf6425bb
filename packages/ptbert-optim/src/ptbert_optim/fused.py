"""The fast path: PyTorch's fused AdamW kernel, used for an update that is not AdamW's.

One kernel call reads and writes each parameter, gradient and moment once. Both optimizers fit it
because their updates have the form ::

    param = (1 - decay) * param - step_size * m / (sqrt(v) + eps)

with numbers ``step_size``, ``eps`` and ``decay`` that change with the step. It is AdamW's form once
AdamW's own bias corrections ``1 - beta ** step`` are exactly 1: at a step so late that every power
rounds to 0.
"""

import math
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.optim.adamw import adamw

from ptbert_optim.clipping import scale_gradients

__all__ = ["LOW_PRECISION", "Coefficients", "fused_update", "kernel_works"]

LOW_PRECISION = (torch.float16, torch.bfloat16)

LATE_STEP = 1e30  # a float32; beta ** LATE_STEP is 0 for every double beta below 1
FLOAT32_GRID = 2.0**-24  # distance of float32 numbers just below 1
GOLDEN = (math.sqrt(5) - 1) / 2
CHUNK = 2**20  # elements of a low-precision tensor held in float32 at a time


class Coefficients(NamedTuple):
    """The three numbers of the common form, see the module docstring.

    Numbers, or 0-dimensional tensors on the device when the step counter lives there.
    """

    step_size: float | Tensor
    eps: float | Tensor
    decay: float | Tensor


def fused_update(
    params: list[Tensor],
    grads: list[Tensor],
    firsts: list[Tensor],
    seconds: list[Tensor],
    betas: tuple[float, float],
    coefficients: Coefficients,
    step: float | Tensor,
    clip: Tensor | None = None,
) -> bool:
    """Update parameters and moments in place if the kernel can; say whether it did.

    Args:
        params: contiguous tensors of one dtype on one device.
        grads: of the same shapes and dtype.
        firsts: running means of the gradients; float32 for parameters of lower precision.
        seconds: running means of the squared gradients, likewise.
        betas: decay rates of the two means.
        coefficients: of this update.
        step: number of this update, from 1.
        clip: (n,) factors of at most 1 for the n gradients, which are scaled in place.
    """
    if not all(map(_same_layout, params, grads, firsts, seconds)):
        return False
    if not kernel_works(params[0].device, firsts[0].dtype) or isinstance(coefficients.eps, Tensor):
        return False
    if not isinstance(step, Tensor):
        if firsts[0].dtype == torch.float32:
            coefficients = coefficients._replace(decay=float32_decay(coefficients.decay, step))
        if coefficients.step_size == 0 and coefficients.decay != 0:
            return False  # the kernel multiplies its decay by the rate
    grad_scale = None
    if clip is not None and clip.is_cpu and len(clip) == 1 and params[0].dtype == torch.float32:
        grad_scale = 1 / clip[0] if clip.item() < 1 else None  # the kernel divides and stores
    elif clip is not None:
        scale_gradients(grads, clip)
    if params[0].dtype in LOW_PRECISION:
        for param, grad, m, v in _chunks(params, grads, firsts, seconds):
            work = param.float()
            _kernel([work], [grad.float()], [m], [v], betas, coefficients)
            param.copy_(work)
    else:
        _kernel(params, grads, firsts, seconds, betas, coefficients, grad_scale)
    return True


def float32_decay(decay: float | Tensor, step: float) -> float:
    """Return a decay close to the given one for which ``1 - decay`` is a float32.

    The kernel rounds ``1 - decay`` to float32, and a usual decay of 5e-7 to 4.8e-7 or 5.4e-7, at
    every step alike. Rounding up at some steps and down at others is right on average.

    Example:
        >>> round(sum(float32_decay(5e-7, step) for step in range(1, 1001)), 7)
        0.0005
    """
    return math.floor(decay / FLOAT32_GRID + step * GOLDEN % 1.0) * FLOAT32_GRID


@cache
def kernel_works(device: torch.device, dtype: torch.dtype) -> bool:
    """Say whether the installed torch has the kernel for a device, and it computes what we rely on.

    The kernel is run once on four numbers and compared with the formula. A torch without it, or
    one whose kernel means something else, is served by the plain loop.
    """
    param, grad, m, v = (
        torch.tensor(values, dtype=dtype, device=device)
        for values in ([1.0, -2.0], [3.0, 0.5], [-1.0, 0.25], [4.0, 0.5])
    )
    scaled = grad / 2
    m_new, v_new = 0.75 * m + 0.25 * scaled, 0.5 * v + 0.5 * scaled * scaled
    moved = (1 - 0.0625) * param - 0.125 * m_new / (v_new.sqrt() + 0.25)
    coefficients, half = Coefficients(0.125, 0.25, 0.0625), torch.tensor(2.0, device=device)
    try:
        _kernel([param], [grad], [m], [v], (0.75, 0.5), coefficients, half)
    except (RuntimeError, TypeError, NotImplementedError):
        return False
    return all(map(torch.allclose, (param, grad, m, v), (moved, scaled, m_new, v_new)))


def _kernel(
    params: list[Tensor],
    grads: list[Tensor],
    firsts: list[Tensor],
    seconds: list[Tensor],
    betas: tuple[float, float],
    coefficients: Coefficients,
    grad_scale: Tensor | None = None,
) -> None:
    lr, eps, decay = coefficients
    if isinstance(lr, Tensor):  # the kernel takes a rate from the device, but not a decay
        lr, weight_decay = lr.float(), 0.0
        for param in params:
            param.addcmul_(param, torch.as_tensor(decay), value=-1)
    else:
        weight_decay = float(decay) / lr if lr else 0.0
    step = torch.tensor(LATE_STEP, device=params[0].device)
    adamw(
        params,
        grads,
        firsts,
        seconds,
        [],
        [step] * len(params),
        fused=True,
        grad_scale=grad_scale,
        amsgrad=False,
        beta1=betas[0],
        beta2=betas[1],
        lr=lr,
        weight_decay=weight_decay,
        eps=float(eps),
        maximize=False,
    )


def _same_layout(param: Tensor, grad: Tensor, first: Tensor, second: Tensor) -> bool:
    exact = torch.float32 if param.dtype in LOW_PRECISION else param.dtype
    return (
        all(t.is_contiguous() for t in (param, grad, first, second))
        and grad.dtype == param.dtype
        and first.dtype == second.dtype == exact
    )


def _chunks(*lists: list[Tensor]) -> Iterator[tuple[Tensor, ...]]:
    for tensors in zip(*lists, strict=True):
        yield from zip(*(t.view(-1).split(CHUNK) for t in tensors), strict=True)
