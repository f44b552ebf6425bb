"""Logarithms of sums over scores that are too many to be held: in slices, also in compiled models.

Letters: R rows, E width of the vectors, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import forward_ad

from ptbert_models.parts.inputs import is_compiled, values_are_known
from ptbert_models.parts.losses import is_labelled

SLICE = 2**22  # scores that exist at once, on a CPU
_MORE = 16  # times as many elsewhere: there the calls of each slice cost more than memory
_HELD = 2**26  # scores that may be kept for the gradients, where computing them again takes longer
_PRODUCTS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def scores_at_once(states: Tensor) -> int:
    """How many scores of such states exist at once.

    Example:
        >>> scores_at_once(torch.zeros(2, 3))
        4194304
    """
    return SLICE if states.is_cpu else SLICE * _MORE


def product_dtype(states: Tensor) -> torch.dtype:
    """The type of the numbers that products are computed with."""
    device = states.device.type
    if states.dtype != torch.float64 and torch.is_autocast_enabled(device):
        return torch.get_autocast_dtype(device)
    return states.dtype


def suits_log_sums(states: Tensor, weight: Tensor) -> bool:
    """Whether the scores of rows are so many that they should not be held.

    While a model is compiled, its compiler would keep those of many slices, so few are enough.
    Exported models have ordinary operations only, and so have transforms and forward mode.

    Example:
        >>> suits_log_sums(torch.zeros(4, 2), torch.zeros(10, 2))
        False
    """
    compiled = is_compiled() and not _is_exported()
    if not compiled and not values_are_known(states, weight):
        return False
    if not compiled and forward_ad._current_level >= 0:  # noqa: SLF001  # has no public name
        return False
    limit = scores_at_once(states) if compiled else _HELD
    return states.size(0) * weight.size(0) > limit and product_dtype(states) in _PRODUCTS


def _is_exported() -> bool:
    """Whether calls are recorded for an export; yes where PyTorch does not tell, as in 2.6."""
    tell = getattr(torch.compiler, "is_exporting", None)
    return tell is None or bool(tell())


def log_sums(states: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return the logarithm of the sum of the exponentiated scores of each row.

    The plain definition is ``F.linear(states, weight, bias).logsumexp(-1)``. No more than a slice
    of the scores exists at once. For the gradients they are computed a second time. Compilers take
    the function as one operation, so they cannot keep what it does not keep.

    Args:
        states: (R, E).
        weight: (V, E).
        bias: (V,), or None.

    Returns:
        (R,), of single precision at least.

    Example:
        >>> log_sums(torch.zeros(2, 3), torch.zeros(5, 3)).exp().round()
        tensor([5., 5.])
    """
    kind = product_dtype(states)
    narrow = (None if each is None else each.to(kind) for each in (states, weight, bias))
    sums: Tensor = torch.ops.ptbert.log_sums(*narrow)
    return sums


def sliced_losses(states: Tensor, weight: Tensor, bias: Tensor | None, labels: Tensor) -> Tensor:
    """Return the cross entropies of rows, of whose scores few exist at once: (R,).

    Args:
        states: (R, E).
        weight: (V, E).
        bias: (V,), or None.
        labels: (R,), numbers below V.

    Example:
        >>> states, weight = torch.zeros(2, 3), torch.zeros(5, 3)
        >>> sliced_losses(states, weight, None, torch.tensor([0, 4])).exp().round()
        tensor([5., 5.])
    """
    sums = log_sums(states, weight, bias)
    kind = product_dtype(states)
    scores = (states.to(kind) * weight[labels].to(kind)).sum(-1).to(sums.dtype)
    return sums - (scores if bias is None else scores + bias[labels].to(sums.dtype))


def mean_sliced_loss(states: Tensor, weight: Tensor, bias: Tensor | None, labels: Tensor) -> Tensor:
    """Return the mean of ``sliced_losses`` where there are labels; no shape depends on these.

    Args:
        states: (R, E).
        weight: (V, E).
        bias: (V,), or None.
        labels: (R,), numbers below V; -1 or -100 where there is none.

    Raises:
        IndexError: if another number is there.

    Example:
        >>> states, weight = torch.zeros(2, 3), torch.zeros(5, 3)
        >>> mean_sliced_loss(states, weight, None, torch.tensor([0, -1])).exp().round()
        tensor(5.)
    """
    counts = is_labelled(labels)
    numbers = labels.long() if labels.dtype == torch.uint8 else labels  # its indices are a mask
    # Negative indices would count from the end of the vocabulary; one past the end is an error.
    known = numbers.where(numbers >= 0, weight.size(0)).where(counts, 0)
    losses = sliced_losses(states, weight, bias, known)
    return (losses.where(counts, 0.0).sum() / counts.sum()).to(states.dtype)


def _slices(states: Tensor, weight: Tensor) -> Iterator[slice]:
    """Parts of the vocabulary whose scores may exist at once."""
    size = max(1, scores_at_once(states) // max(1, states.size(0)))
    for start in range(0, weight.size(0), size):
        yield slice(start, start + size)


def _scores(states: Tensor, weight: Tensor, bias: Tensor | None, part: slice) -> Tensor:
    scores = F.linear(states, weight[part], None if bias is None else bias[part])
    return scores.to(torch.promote_types(scores.dtype, torch.float32))


def _log_sums(states: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    sums = None
    with torch.autocast(states.device.type, enabled=False):
        for part in _slices(states, weight):
            new = _scores(states, weight, bias, part).logsumexp(1)
            sums = new if sums is None else torch.logaddexp(sums, new)
    assert sums is not None
    return sums


def _like_log_sums(states: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    wide = torch.promote_types(states.dtype, torch.float32)
    return states.new_empty(states.size(0), dtype=wide)


def _gradients(
    gradient: Tensor, sums: Tensor, states: Tensor, weight: Tensor, bias: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    to_states = torch.zeros_like(states, dtype=sums.dtype)
    to_weight = torch.empty_like(weight)
    to_bias = weight.new_empty(weight.size(0))
    with torch.autocast(states.device.type, enabled=False):
        for part in _slices(states, weight):
            scores = _scores(states, weight, bias, part)
            shares = scores.sub_(sums[:, None]).exp_().mul_(gradient[:, None])
            to_bias[part] = shares.sum(0)
            narrow = shares.to(states.dtype)
            to_states += narrow @ weight[part]
            to_weight[part] = narrow.t() @ states
    return to_states.to(states.dtype), to_weight, to_bias


def _like_gradients(
    gradient: Tensor, sums: Tensor, states: Tensor, weight: Tensor, bias: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    return torch.empty_like(states), torch.empty_like(weight), weight.new_empty(weight.size(0))


def _remember(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    states, weight, bias = inputs
    ctx.save_for_backward(states, weight, bias, output)


def _backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
    states, weight, bias, sums = ctx.saved_tensors
    if torch.is_grad_enabled():  # somebody wants gradients of the gradients
        # Views, because states may depend on the weight, which is not meant here.
        saved = states, weight, bias
        inputs: Any = [None if each is None else each.view_as(each) for each in saved]
        needed = [each for each in inputs if each is not None and each.requires_grad]
        again = F.linear(*inputs).to(sums.dtype).logsumexp(1)
        found = iter(torch.autograd.grad(again, needed, gradient, create_graph=True))
        return tuple(
            next(found) if each is not None and each.requires_grad else None for each in inputs
        )
    to_states, to_weight, to_bias = torch.ops.ptbert.log_sums_gradients(
        gradient, sums, states, weight, bias
    )
    return to_states, to_weight, None if bias is None else to_bias


def _define(name: str, schema: str, compute: Callable[..., Any], like: Callable[..., Any]) -> None:
    """Make a function an operation of PyTorch; ``custom_op`` does so too, and takes 8 ms."""
    torch.library.define(name, schema)
    torch.library.impl(name, "default", compute)
    torch.library.impl(name, "meta", like)


if not hasattr(torch.ops.ptbert, "log_sums"):  # else the module is imported a second time
    _define(
        "ptbert::log_sums",
        "(Tensor states, Tensor weight, Tensor? bias) -> Tensor",
        _log_sums,
        _like_log_sums,
    )
    _define(
        "ptbert::log_sums_gradients",
        "(Tensor gradient, Tensor sums, Tensor states, Tensor weight, Tensor? bias) "
        "-> (Tensor, Tensor, Tensor)",
        _gradients,
        _like_gradients,
    )
    torch.library.register_autograd("ptbert::log_sums", _backward, setup_context=_remember)
