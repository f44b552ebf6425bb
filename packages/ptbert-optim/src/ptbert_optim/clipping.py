"""Clipping of gradients: each tensor by its own norm, as in 2019, or all by their common norm."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = ["clip_each", "clip_together", "local_part"]

TINY = 1e-6  # keeps the quotient finite for a zero gradient, as torch.nn.utils.clip_grad_norm_ does


def clip_each(grads: Sequence[Tensor], max_norm: float) -> None:
    """Scale in place each gradient whose own L2 norm is above ``max_norm``.

    Args:
        grads: of one dtype on one device.
        max_norm: positive.

    Example:
        >>> grads = [torch.tensor([3.0, 4.0]), torch.tensor([0.3, 0.4])]
        >>> clip_each(grads, 1.0)
        >>> grads
        [tensor([0.6000, 0.8000]), tensor([0.3000, 0.4000])]
    """
    _scale(grads, max_norm / (_norms(grads) + TINY))


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
        coefficient = group["max_grad_norm"] / (total + TINY)
        for grad in (p.grad for p in group["params"] if p.grad is not None):
            _scale([grad], coefficient[None].to(grad.device))


def local_part(tensor: Tensor) -> Tensor:
    """Return the part of a distributed tensor that is on this machine; another tensor as it is."""
    part: Tensor = tensor.to_local() if hasattr(tensor, "to_local") else tensor
    return part


def _norms(grads: Sequence[Tensor]) -> Tensor:
    # In float32 at least: the squares of a float16 gradient overflow.
    dtype = torch.promote_types(grads[0].dtype, torch.float32)
    norms = torch.stack([torch.linalg.vector_norm(grad, dtype=dtype) for grad in grads])
    whole: Tensor = norms.full_tensor() if hasattr(norms, "full_tensor") else norms
    return whole


def _scale(grads: Sequence[Tensor], coefficients: Tensor) -> None:
    if coefficients.device.type == "cpu":
        for grad, coefficient in zip(grads, coefficients.tolist(), strict=True):
            if coefficient < 1:
                local_part(grad).mul_(coefficient)
    else:  # without waiting for the device to tell which norms are too large
        for grad, factor in zip(grads, coefficients.clamp(max=1.0).unbind(), strict=True):
            local_part(grad).mul_(factor)
