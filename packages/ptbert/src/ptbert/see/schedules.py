"""The curve of a schedule, or of the five of 2019, as SVG"""

from __future__ import annotations

import inspect
import math
from collections.abc import Sequence
from typing import Any

from ptbert.training.picture import Curve, Panel, drawn
from ptbert_optim.plot import reference_schedules
from ptbert_optim.schedules import schedule_class

_LONGEST = 10_000_000  # updates; more are no training, and a list of them no picture
_POINTS = 600


def schedule_picture(
    schedule: Any = None,
    *,
    warmup: float = 0.1,
    t_total: int = 1000,
    cycles: float | None = None,
) -> str:
    """Draw the multiplier of the learning rate by step.

    Args:
        schedule: a schedule object with a ``t_total``, a list of such objects, or the name of a
            class or a key of ``SCHEDULES``; the five of the documentation of 2019 when None.
        warmup: of a schedule given by name.
        t_total: of a schedule given by name, at most 10 million.
        cycles: of a cosine schedule given by name.

    Returns:
        SVG that needs nothing else, for light and for dark pages.

    Raises:
        ValueError: if there is no such schedule, one has no usable ``t_total``, or none that has
            ``cycles``.

    Example:
        >>> "WarmupLinearSchedule" in schedule_picture("warmup_linear", warmup=0.2)
        True
    """
    if schedule is None:
        schedules: Sequence[Any] = reference_schedules()
    elif isinstance(schedule, str):
        chosen = schedule_class(schedule)
        more = {} if cycles is None else {"cycles": cycles}
        if more and "cycles" not in inspect.signature(chosen).parameters:
            raise ValueError(
                f"cycles={cycles} has no effect on {chosen.__name__}; leave it out, or choose "
                "a cosine schedule"
            )
        schedules = [chosen(warmup=warmup, t_total=t_total, **more)]
    else:
        schedules = schedule if isinstance(schedule, Sequence) else [schedule]
    panels = [Panel(str(each), [_curve(each)]) for each in schedules]
    return drawn(panels, f"{', '.join(panel.title for panel in panels)} by step")


def _curve(schedule: Any) -> Curve:
    total = schedule.t_total
    if not 1 <= total <= _LONGEST:
        raise ValueError(
            f"{schedule!r} has no length to draw; give it a t_total from 1 to {_LONGEST:,}"
        )
    last = math.ceil(total) - 1  # steps are counted from 0
    steps = [*range(0, last, math.ceil(total / _POINTS)), last]
    return Curve("multiplier", steps, [schedule.get_lr(step, nowarn=True) for step in steps], False)
