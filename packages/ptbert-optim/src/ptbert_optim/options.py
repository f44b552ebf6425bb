"""The options of a parameter group: defaults, older names, and checks of values."""

import math
from collections.abc import Mapping
from typing import Any

from torch.optim.optimizer import required

from ptbert_optim.schedules import _LRSchedule, check_number, resolve_schedule

__all__ = ["Group", "completed_group", "pair_of_betas", "settle_group"]

Group = dict[str, Any]

NO_LIMIT = -1  # what max_grad_norm is in files of 2019 if gradients are not clipped


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
    if full["max_grad_norm"] is None:
        full["max_grad_norm"] = NO_LIMIT
    # Arguments of the schedule rather than options; until 0.6.1 they were kept beside its name.
    given = {name: full.pop(name) for name in ("warmup", "t_total") if name in group}
    if "schedule" in group:
        full["schedule"] = resolve_schedule(group["schedule"], **given)
    elif given:
        schedule = full["schedule"]
        full["schedule"] = type(schedule)(**{**schedule.arguments(), **given})
    _check(full)
    return full


def settle_group(group: Group, known: tuple[float, float]) -> tuple[float, float]:
    """Let values count that a program has set in a group by hand, whatever their names.

    These are ``b1`` and ``b2`` beside ``betas``, arguments and names of schedules, and a
    ``max_grad_norm`` of None.

    Args:
        group: is changed in place.
        known: the ``betas`` when they last agreed with ``b1`` and ``b2``.

    Returns:
        The ``betas`` that count now.

    Example:
        >>> group = {"betas": (0.9, 0.99), "b1": 0.8, "b2": 0.99, "max_grad_norm": 1.0,
        ...          "schedule": resolve_schedule("none")}
        >>> settle_group(group, (0.9, 0.99))
        (0.8, 0.99)
    """
    betas = pair_of_betas(group["betas"])
    if betas == known:
        betas = pair_of_betas(betas, group.get("b1"), group.get("b2"))
    group["b1"], group["b2"] = group["betas"] = betas
    if group["max_grad_norm"] is None:
        group["max_grad_norm"] = NO_LIMIT
    given: dict[str, float] = {
        name: group.pop(name) for name in ("warmup", "t_total") if name in group
    }
    schedule = group["schedule"]
    if not isinstance(schedule, _LRSchedule):
        group["schedule"] = resolve_schedule(schedule, **given)
    elif given:
        group["schedule"] = type(schedule)(**(schedule.arguments() | given))
    return betas


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
        if name in group:
            check_number(name, group[name])
            if not 0 <= group[name] < math.inf:
                raise ValueError(f"{name}={group[name]!r} is refused; choose a finite number >= 0")
    for name in ("b1", "b2"):
        check_number(name, group[name])
        if not 0 <= group[name] < 1:
            raise ValueError(f"{name}={group[name]!r} is refused; choose a number in [0, 1)")
    norm = group["max_grad_norm"]
    if not isinstance(norm, (int, float)) or math.isnan(norm):
        raise ValueError(f"max_grad_norm={norm!r} is refused; choose a number, -1 for no clipping")
