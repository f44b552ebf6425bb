"""The loss of scores that are too many to be held: computed slice by slice, with its gradients.

Letters: R rows (labelled positions of a batch), E model width, V vocabulary.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import forward_ad

from ptbert_models.parts.inputs import values_are_known
from ptbert_models.parts.log_sums import product_dtype, scores_at_once


def suits_slices(states: Tensor, weight: Tensor) -> bool:
    """Whether the scores of rows are so many that slices save memory, and slices give the same.

    With numbers of half precision small gradients are lost unless the loss is scaled first, and
    slices compute them before. So those are computed as a whole, and so is forward mode.

    Example:
        >>> suits_slices(torch.zeros(4, 2), torch.zeros(10, 2))
        False
    """
    return (
        values_are_known(states)
        and forward_ad._current_level < 0  # noqa: SLF001  # has no public name
        and states.size(0) * weight.size(0) > scores_at_once(states)
        and product_dtype(states) in (torch.float32, torch.float64, torch.bfloat16)
    )


def sliced_loss(states: Tensor, weight: Tensor, labels: Tensor) -> Tensor:
    """Return the mean cross entropy of scores ``states @ weight.T``, of which few exist at once.

    The plain definition is ``F.cross_entropy(states @ weight.T, labels)``. Gradients are computed
    together with the loss, so that no score is computed twice, and kept until they are asked for.

    Args:
        states: (R, E).
        weight: (V, E).
        labels: (R,), numbers below V.

    Returns:
        A scalar.

    Example:
        >>> states, weight = torch.eye(2, requires_grad=True), torch.zeros(3, 2)
        >>> sliced_loss(states, weight, torch.tensor([0, 2])).exp()  # all tokens are equal
        tensor(3., grad_fn=<ExpBackward0>)
    """
    loss: Tensor = _SlicedLoss.apply(states, weight, labels.long())  # type: ignore[no-untyped-call]
    return loss


class _SlicedLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, states: Tensor, weight: Tensor, labels: Tensor) -> Tensor:
        kind = product_dtype(states)
        with torch.autocast(states.device.type, enabled=False):
            total, gradients = _sums(states, weight, labels, kind, ctx.needs_input_grad[:2])
        ctx.gradients = gradients
        ctx.save_for_backward(states, weight, labels)
        return (total / len(labels)).to(states.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        labels = ctx.saved_tensors[2]
        if torch.is_grad_enabled():  # somebody wants gradients of the gradients
            # Views, because states may depend on the weight, which is not meant here.
            states, weight = (each.view_as(each) for each in ctx.saved_tensors[:2])
            needed = [each for each in (states, weight) if each.requires_grad]
            loss = F.cross_entropy(F.linear(states, weight), labels)
            found = iter(torch.autograd.grad(loss, needed, gradient, create_graph=True))
            return *(next(found) if each.requires_grad else None for each in (states, weight)), None
        share = gradient.to(torch.promote_types(gradient.dtype, torch.float32)) / len(labels)
        scaled = (None if g is None else g * share.to(g.dtype) for g in ctx.gradients)
        return *scaled, None


def _sums(
    states: Tensor, weight: Tensor, labels: Tensor, kind: torch.dtype, needed: tuple[bool, bool]
) -> tuple[Tensor, tuple[Tensor | None, Tensor | None]]:
    """Return the sum of the losses, and its gradients where they are needed."""
    of_states, of_weight = needed
    narrow, table = states.to(kind), weight.to(kind)
    exact = torch.float64 if kind == torch.float64 else torch.float32
    to_states = torch.empty_like(states) if of_states else None
    to_weight = torch.zeros_like(weight, dtype=exact) if of_weight else None
    total = torch.zeros((), dtype=exact, device=states.device)
    rows = max(1, scores_at_once(states) // weight.size(0))
    for start in range(0, len(labels), rows):
        some, wanted = narrow[start : start + rows], labels[start : start + rows, None]
        scores = F.linear(some, table).to(exact)  # (rows, V)
        sums = scores.logsumexp(1, keepdim=True)
        total += (sums - scores.gather(1, wanted)).sum()
        if to_states is None and to_weight is None:
            continue
        shares = scores.sub_(sums).exp_()
        shares.scatter_add_(1, wanted, shares.new_full(wanted.shape, -1.0))
        shares = shares.to(kind)
        if to_states is not None:
            to_states[start : start + rows] = shares @ table
        if to_weight is not None and kind == exact:
            to_weight.addmm_(shares.t(), some)
        elif to_weight is not None:
            to_weight += shares.t() @ some
    return total, (to_states, None if to_weight is None else to_weight.to(weight.dtype))
