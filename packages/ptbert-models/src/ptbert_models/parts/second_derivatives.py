"""Second derivatives for what a kernel computed that has only first ones"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def with_second_derivatives(
    result: Tensor, formula: Callable[..., Tensor], *inputs: Tensor | None
) -> Tensor:
    """Return what a kernel computed; if gradients of gradients are wanted, a formula gives them.

    Args:
        result: of the kernel, with its gradients.
        formula: computes the same from the inputs, step by step.
        *inputs: of the kernel.

    Example:
        >>> x = torch.tensor(3.0, requires_grad=True)
        >>> square = with_second_derivatives(x * x, lambda x: x * x, x)
        >>> (first,) = torch.autograd.grad(square, x, create_graph=True)
        >>> first.item(), torch.autograd.grad(first, x)[0].item()
        (6.0, 2.0)
    """
    passed: Tensor = _Passed.apply(result, formula, *inputs)  # type: ignore[no-untyped-call]
    return passed


class _Passed(torch.autograd.Function):
    """Passes a result on; where ``create_graph=True``, gradients are computed from the formula."""

    @staticmethod
    def forward(
        ctx: Any, result: Tensor, formula: Callable[..., Tensor], *inputs: Tensor | None
    ) -> Tensor:
        ctx.save_for_backward(*inputs)
        ctx.formula = formula
        return result.view_as(result)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        if not torch.is_grad_enabled():
            return *gradients, *[None] * (1 + len(ctx.saved_tensors))
        # Views, so that inputs are told apart where they are the same tensor.
        inputs: Any = [each if each is None else each.view_as(each) for each in ctx.saved_tensors]
        needed = [each is not None and each.requires_grad for each in inputs]
        wanted = [each for each, is_needed in zip(inputs, needed, strict=True) if is_needed]
        found = iter(
            torch.autograd.grad(ctx.formula(*inputs), wanted, gradients, create_graph=True)
        )
        return None, None, *(next(found) if each else None for each in needed)
