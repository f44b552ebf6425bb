"""The options of a parameter group: defaults, older names, and checks of values."""

import math
from collections.abc import Mapping
from typing import Any

from torch.optim.optimizer import required

from ptbert_optim.schedules import resolve_schedule

__all__ = ["Group", "completed_group", "pair_of_betas"]

Group = dict[str, Any]


def completed_group(group: Mapping[str, Any], defaults: Mapping[str, Any]) -> Group:
    """Return a group with every option, from a user's group or from one of an optimizer file.

    The optimizer uses ``betas``. The group also gets ``b1`` and ``b2``, the names until 0.6.2, for
    programs that read them. If ``betas`` is missing, it is made from ``b1`` and ``b2``.

    Args:
        group: ``params`` and some options.
        defaults: options for those that are missing.

    Raises:
        ValueError: if an option is outside its range.
    """
    full = {k: v for k, v in defaults.items() if v is not required} | dict(group)
    if "betas" not in group:
        pair = full.get("betas", (full.get("b1"), full.get("b2")))
        full["betas"] = pair_of_betas(pair, group.get("b1"), group.get("b2"))
    full["b1"], full["b2"] = full["betas"] = pair_of_betas(full["betas"])
    # Arguments of the schedule rather than options; until 0.6.1 they were kept beside its name.
    given = {name: full.pop(name) for name in ("warmup", "t_total") if name in group}
    if "schedule" in group:
        full["schedule"] = resolve_schedule(group["schedule"], **given)
    elif given:
        schedule = full["schedule"]
        full["schedule"] = type(schedule)(**{**schedule.arguments(), **given})
    _check(full)
    return full


def pair_of_betas(
    betas: Any, b1: float | None = None, b2: float | None = None
) -> tuple[float, float]:
    """Return ``betas``, where ``b1`` and ``b2`` replace its members if they are given."""
    try:
        first, second = betas
    except (TypeError, ValueError):
        raise ValueError(f"betas={betas!r} is no pair; give (b1, b2), or b1= and b2=") from None
    return first if b1 is None else b1, second if b2 is None else b2


def _check(group: Group) -> None:
    for name in ("lr", "e", "weight_decay"):
        if name in group and not 0 <= group[name] < math.inf:
            raise ValueError(f"{name}={group[name]!r} is refused; choose a finite number >= 0")
    for name in ("b1", "b2"):
        if not 0 <= group[name] < 1:
            raise ValueError(f"{name}={group[name]!r} is refused; choose a number in [0, 1)")
    if math.isnan(group["max_grad_norm"]):
        raise ValueError("max_grad_norm=nan is refused; choose a number, -1 for no clipping")
