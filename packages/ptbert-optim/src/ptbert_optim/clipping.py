"""Clipping of gradients: each tensor by its own norm, as in 2019, or all by their common norm."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = [
    "clip_all",
    "clip_coefficients",
    "clip_together",
    "common_norm",
    "local_part",
    "scale_gradients",
    "usable_gradients",
]

Pair = tuple[Tensor, Tensor]  # a parameter and its gradient

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
    total = common_norm(p.grad for group in chosen for p in group["params"] if p.grad is not None)
    for group in chosen:
        _scale_together(group["params"], total, group["max_grad_norm"])


def clip_all(params: Iterable[Tensor], max_norm: float) -> Tensor:
    """Scale all gradients in place, so that their common L2 norm is at most ``max_norm``.

    Args:
        params: parameters; those without a gradient do not count.
        max_norm: positive.

    Returns:
        The norm before, a scalar; if it is not finite, neither are the gradients.

    Raises:
        RuntimeError: if a gradient is sparse, before anything is changed.

    Example:
        >>> weight = torch.nn.Parameter(torch.zeros(2))
        >>> weight.grad = torch.tensor([3.0, 4.0])
        >>> clip_all([weight], 1.0).item(), weight.grad.norm().item()
        (5.0, 0.9999998211860657)
    """
    params = [param for param in params if param.grad is not None]
    for param in params:
        if param.grad is not None and param.grad.layout != torch.strided:
            raise _unusable("clip_all()", "sparse", param)
    total = common_norm([_scalable_gradient(param) for param in params])
    _scale_together(params, total, max_norm)
    return total


def common_norm(grads: Iterable[Tensor]) -> Tensor:
    """Return the L2 norm of all gradients together, a scalar; 0 if there are none."""
    alike = defaultdict(list)
    for grad in grads:
        alike[grad.device, grad.dtype, type(grad)].append(grad)
    if not alike:
        return torch.zeros(())
    norms = [torch.linalg.vector_norm(_norms(each)) for each in alike.values()]
    return torch.linalg.vector_norm(torch.stack([norm.to(norms[0].device) for norm in norms]))


def _scale_together(params: Iterable[Tensor], total: Tensor, max_norm: float) -> None:
    coefficient = (max_norm / (total + TINY)).clamp(max=1.0)
    parts = defaultdict(list)
    for grad in (p.grad for p in params if p.grad is not None):
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


def usable_gradients(name: str, params: Iterable[Tensor]) -> list[Pair]:
    """Return the parameters that have a gradient, with it; all can be scaled in place.

    Args:
        name: of the optimizer, for the message.
        params: parameters; those without a gradient do not count.

    Raises:
        RuntimeError: if a gradient is sparse or complex, before anything is changed.
    """
    pairs = [(param, grad) for param in params if (grad := param.grad) is not None]
    for param, grad in pairs:
        if grad.layout != torch.strided or grad.is_complex():
            raise _unusable(name, "complex" if grad.is_complex() else "sparse", param)
    return [(p, grad if grad.is_contiguous() else _scalable_gradient(p)) for p, grad in pairs]


def _unusable(name: str, kind: str, param: Tensor) -> RuntimeError:
    return RuntimeError(
        f"{name} cannot use the {kind} gradient of a parameter of shape {tuple(param.shape)}; give "
        "dense real gradients (Embedding(sparse=False)), or leave this one to "
        "torch.optim.SparseAdam"
    )


def _scalable_gradient(param: Tensor) -> Tensor:
    """Return a parameter's gradient; one that is expanded is replaced by a copy before.

    Elements of an expanded tensor share their numbers in memory, so it cannot be changed in place.
    """
    grad = param.grad
    assert grad is not None
    if not grad.is_contiguous() and 0 in grad.stride():
        param.grad = grad = grad.contiguous()
    return grad


def local_part(tensor: Tensor) -> Tensor:
    """Return the part of a distributed tensor that is on this machine; another tensor as it is."""
    part: Tensor = tensor.to_local() if hasattr(tensor, "to_local") else tensor
    return part


def _norms(grads: Sequence[Tensor]) -> Tensor:
    # In float32 at least: the squares of a float16 gradient overflow.
    dtype = torch.promote_types(grads[0].dtype, torch.float32)
    alike, wanted = list(grads), {} if dtype == grads[0].dtype else {"dtype": dtype}
    if wanted and hasattr(grads[0], "full_tensor"):
        # PyTorch 2.15 takes the type for dimensions where tensors are distributed.
        alike, wanted = [grad.to(dtype) for grad in grads], {}
    norms = torch.stack(torch._foreach_norm(alike, 2, **wanted))  # noqa: SLF001  # likewise
    whole: Tensor = norms.full_tensor() if hasattr(norms, "full_tensor") else norms
    return whole
