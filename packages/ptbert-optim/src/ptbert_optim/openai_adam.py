"""The optimizer that OpenAI GPT was trained with."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from torch import Tensor
from torch.optim.optimizer import required

from ptbert_optim.adam import ScheduledAdam, UpdateSettings, bias_corrections
from ptbert_optim.fused import Coefficients

__all__ = ["OpenAIAdam"]


def openai_adam_update(
    param: Tensor,
    grad: Tensor,
    m: Tensor,
    v: Tensor,
    settings: UpdateSettings,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the new parameter and moments; the decay acts on the parameter already updated."""
    lr, _, weight_decay, group = settings
    b1, b2 = group["betas"]
    m = b1 * m + (1 - b1) * grad
    v = b2 * v + (1 - b2) * grad * grad
    m_share, v_share = bias_corrections(settings)
    # The step size has the corrections, so that e is added to the uncorrected root.
    param = param - lr * v_share**0.5 / m_share * m / (v.sqrt() + group["e"])
    return param - lr * weight_decay * param, m, v


def openai_adam_coefficients(settings: UpdateSettings) -> Coefficients:
    """Return the numbers with which the common form equals ``openai_adam_update``.

    There the decay comes before the step. Here it comes after and makes the step smaller too, so
    the step size is multiplied by ``1 - decay``.
    """
    lr, _, weight_decay, group = settings
    m_share, v_share = bias_corrections(settings)
    decay = lr * weight_decay
    return Coefficients(lr * v_share**0.5 / m_share * (1 - decay), group["e"], decay)


class OpenAIAdam(ScheduledAdam):
    """Adam as the authors of GPT used it: bias correction, and decay after the update.

    A parameter ``p`` with gradient ``g`` is updated, for step = 1, 2, 3, ..., by ::

        g = g * min(1, max_grad_norm / norm(g))
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        rate = lr * schedule(step)
        p = p - rate * sqrt(1 - b2**step) / (1 - b1**step) * m / (sqrt(v) + e)
        p = p - rate * weight_decay * p

    Vectors (biases, the weights of layer norms) do not decay unless ``vector_l2``. The schedule is
    read after the step is counted. By default gradients are not clipped.

    Args:
        params: see ``BertAdam``, as for every argument not named here.
        lr: peak step size for each update; required.
        vector_l2: let tensors of fewer than two dimensions decay, too.
        max_grad_norm: largest L2 norm of one tensor's gradient; -1 for no limit.
        bias_correction: False leaves the moments as they are, as ``BertAdam`` does.

    Raises:
        ValueError: if a rate is negative, a beta is outside [0, 1) or no schedule has that name.

    Source:
        Radford et al. 2018, "Improving Language Understanding by Generative Pre-Training", section
        4.1; update of its reference code.

    Example:
        >>> import torch
        >>> weight = torch.nn.Parameter(torch.ones(2))
        >>> optimizer = OpenAIAdam([weight], lr=0.1, warmup=0.5, t_total=4)
        >>> weight.sum().backward()
        >>> optimizer.step()
        >>> weight.detach(), optimizer.get_lr()
        (tensor([0.9500, 0.9500]), [0.05])
    """

    moments = ("exp_avg", "exp_avg_sq")
    counts_first = True
    update = staticmethod(openai_adam_update)
    coefficients = staticmethod(openai_adam_coefficients)
    later_options: ClassVar = {**ScheduledAdam.later_options, "bias_correction": True}

    def __init__(
        self,
        params: Iterable[Any],
        lr: Any = required,
        schedule: object = "warmup_linear",
        warmup: float = -1,
        t_total: float = -1,
        betas: tuple[float, float] = (0.9, 0.999),
        e: float = 1e-8,
        weight_decay: float = 0,
        vector_l2: bool = False,
        max_grad_norm: float = -1,
        *,
        b1: float | None = None,
        b2: float | None = None,
        global_clip: bool = False,
        bias_correction: bool = True,
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
            vector_l2=vector_l2,
            max_grad_norm=max_grad_norm,
            global_clip=global_clip,
            bias_correction=bias_correction,
            fused=fused,
            capturable=capturable,
        )

    def _weight_decay(self, param: Tensor, group: Mapping[str, Any]) -> float:
        return float(group["weight_decay"]) if param.ndim > 1 or group["vector_l2"] else 0.0
