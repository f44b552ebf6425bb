"""Clipping of gradients: each tensor by its own norm, as in 2019, or all by their common norm."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = ["clip_coefficients", "clip_together", "local_part", "scale_gradients"]

TINY = 1e-6  # keeps the quotient finite for a zero gradient, as torch.nn.utils.clip_grad_norm_ does


def clip_coefficients(grads: Sequence[Tensor], max_norm: float) -> Tensor:
    """Return the factor, at most 1, that brings each gradient's own L2 norm down to ``max_norm``.

    Args:
        grads: n gradients of one dtype on one device.
        max_norm: positive.

    Returns:
        (n,), on the device of the gradients.

    Example:
        >>> clip_coefficients([torch.tensor([3.0, 4.0]), torch.tensor([0.3, 0.4])], 1.0)
        tensor([0.2000, 1.0000])
    """
    return (max_norm / (_norms(grads) + TINY)).clamp(max=1.0)


def clip_together(groups: Iterable[Mapping[str, Any]]) -> None:
    """Scale in place all gradients of the groups that ask for it, by the norm of all of them.

    Args:
        groups: parameter groups; those with ``global_clip`` and a positive ``max_grad_norm`` count.
    """
    chosen = [group for group in groups if group["global_clip"] and group["max_grad_norm"] > 0]
    alike = defaultdict(list)
    for grad in (p.grad for group in chosen for p in group["params"] if p.grad is not None):
        alike[grad.device, grad.dtype, type(grad)].append(grad)
    if not alike:
        return
    norms = [torch.linalg.vector_norm(_norms(grads)) for grads in alike.values()]
    total = torch.linalg.vector_norm(torch.stack([norm.to(norms[0].device) for norm in norms]))
    for group in chosen:
        coefficient = (group["max_grad_norm"] / (total + TINY)).clamp(max=1.0)
        parts = defaultdict(list)
        for grad in (p.grad for p in group["params"] if p.grad is not None):
            parts[grad.device, grad.dtype].append(local_part(grad))
        for (device, _), grads in parts.items():
            scale_gradients(grads, coefficient.to(device))


def scale_gradients(grads: Sequence[Tensor], coefficients: Tensor) -> None:
    """Multiply n gradients in place by coefficients (n,), or all by one (), at most 1.

    Args:
        grads: of one dtype on one device, that of the coefficients.
        coefficients: those on a CPU are read, and a gradient is left alone where it is 1; to read
            them elsewhere would wait for the device.
    """
    if coefficients.is_cpu:
        for grad, coefficient in zip(grads, coefficients.expand(len(grads)).tolist(), strict=True):
            if coefficient < 1:
                grad.mul_(coefficient)
    else:
        factors: Any = coefficients.unbind() if coefficients.dim() else coefficients
        torch._foreach_mul_(list(grads), factors)


def local_part(tensor: Tensor) -> Tensor:
    """Return the part of a distributed tensor that is on this machine; another tensor as it is."""
    part: Tensor = tensor.to_local() if hasattr(tensor, "to_local") else tensor
    return part


def _norms(grads: Sequence[Tensor]) -> Tensor:
    # In float32 at least: the squares of a float16 gradient overflow.
    dtype = torch.promote_types(grads[0].dtype, torch.float32)
    norms = torch.stack(torch._foreach_norm(list(grads), 2, dtype))  # noqa: SLF001  # likewise
    whole: Tensor = norms.full_tensor() if hasattr(norms, "full_tensor") else norms
    return whole
