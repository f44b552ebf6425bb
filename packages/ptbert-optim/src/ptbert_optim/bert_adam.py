"""The optimizer that BERT was trained with."""

from collections.abc import Iterable
from typing import Any

from torch import Tensor
from torch.optim.optimizer import required

from ptbert_optim.adam import ScheduledAdam, UpdateSettings, bias_corrections
from ptbert_optim.fused import Coefficients

__all__ = ["BertAdam"]


def bert_adam_update(
    param: Tensor,
    grad: Tensor,
    m: Tensor,
    v: Tensor,
    settings: UpdateSettings,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the new parameter and moments; the decay is part of the direction."""
    lr, _, weight_decay, group = settings
    b1, b2 = group["betas"]
    m = b1 * m + (1 - b1) * grad
    v = b2 * v + (1 - b2) * grad * grad
    m_share, v_share = bias_corrections(settings)
    direction = (m / m_share) / ((v / v_share).sqrt() + group["e"])
    return param - lr * (direction + weight_decay * param), m, v


def bert_adam_coefficients(settings: UpdateSettings) -> Coefficients:
    """Return the numbers with which the common form equals ``bert_adam_update``."""
    lr, _, weight_decay, group = settings
    m_share, v_share = bias_corrections(settings)
    root = v_share**0.5
    return Coefficients(lr * root / m_share, group["e"] * root, lr * weight_decay)


class BertAdam(ScheduledAdam):
    """Adam as the BERT authors used it: decoupled decay, no bias correction.

    A parameter ``p`` with gradient ``g`` is updated, for step = 0, 1, 2, ..., by ::

        g = g * min(1, max_grad_norm / norm(g))
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        p = p - lr * schedule(step) * (m / (sqrt(v) + e) + weight_decay * p)

    Each tensor's gradient is clipped by its own norm. The schedule is read before the step is
    counted, so the first update of a warmup has the rate 0 and changes no parameter.

    Args:
        params: parameters, groups of them, or named parameters, as for any torch optimizer.
        lr: peak step size for each update; required.
        warmup: share of ``t_total`` spent rising from 0, in [0, 1); -1 for none.
        t_total: planned number of optimizer updates; -1 keeps ``lr`` constant.
        schedule: a key of ``SCHEDULES``, or an ``_LRSchedule`` with its own ``warmup`` and
            ``t_total``.
        betas: decay rates of the two moments, each in [0, 1).
        e: added to the root of the second moment.
        weight_decay: share of a parameter, times the rate, taken off at each update.
        max_grad_norm: largest L2 norm of one tensor's gradient; -1 for no limit.
        b1: replaces the first of ``betas``; the older name for it.
        b2: replaces the second.
        global_clip: apply ``max_grad_norm`` to the norm of all gradients together.
        bias_correction: divide ``m`` by ``1 - b1**(step + 1)`` and ``v`` by ``1 - b2**(step + 1)``,
            as AdamW does.
        fused: True uses PyTorch's fused kernel wherever possible, False never. None uses it except
            for CPU tensors of fewer than 64 elements, where the plain loop rounds as in 2019.
        capturable: keep step and rate on the device, so that a CUDA graph can hold ``step()``; call
            it once before the capture. Past ``t_total`` the schedule keeps the value it has there,
            and a ``lr`` to be changed between replays must be a tensor. Tensors that have always
            been updated together share one ``step``.
        **unknown: ignored, with one warning that names them.

    Raises:
        ValueError: if a rate is negative, a beta is outside [0, 1) or no schedule has that name.

    Source:
        Devlin et al. 2018, arXiv:1810.04805, appendix A.2; update of its reference code.

    Example:
        >>> import torch
        >>> weight = torch.nn.Parameter(torch.ones(2))
        >>> optimizer = BertAdam([weight], lr=0.1, warmup=0.5, t_total=4, weight_decay=0.0)
        >>> optimizer.get_lr()
        [0]
        >>> for _ in range(2):
        ...     weight.sum().backward()
        ...     optimizer.step()
        >>> optimizer.get_lr()
        [0.1]
    """

    moments = ("next_m", "next_v")
    counts_first = False
    update = staticmethod(bert_adam_update)
    coefficients = staticmethod(bert_adam_coefficients)

    def __init__(
        self,
        params: Iterable[Any],
        lr: Any = required,
        warmup: float = -1,
        t_total: float = -1,
        schedule: object = "warmup_linear",
        betas: tuple[float, float] = (0.9, 0.999),
        e: float = 1e-6,
        weight_decay: float = 0.01,
        max_grad_norm: float = 1.0,
        *,
        b1: float | None = None,
        b2: float | None = None,
        global_clip: bool = False,
        bias_correction: bool = False,
        fused: bool | None = None,
        capturable: bool = False,
        **unknown: Any,
    ) -> None:
        super().__init__(
            params,
            lr,
            schedule=schedule,
            warmup=warmup,
            t_total=t_total,
            b1=b1,
            b2=b2,
            unknown=unknown,
            betas=betas,
            e=e,
            weight_decay=weight_decay,
            max_grad_norm=max_grad_norm,
            global_clip=global_clip,
            bias_correction=bias_correction,
            fused=fused,
            capturable=capturable,
        )
