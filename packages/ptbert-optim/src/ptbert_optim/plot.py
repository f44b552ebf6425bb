"""Pictures of learning rate schedules."""

import os
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from ptbert_optim.schedules import (
    WarmupConstantSchedule,
    WarmupCosineSchedule,
    WarmupCosineWithHardRestartsSchedule,
    WarmupCosineWithWarmupRestartsSchedule,
    WarmupLinearSchedule,
    _LRSchedule,
)

__all__ = ["plot_schedules", "reference_schedules"]


def reference_schedules() -> list[_LRSchedule]:
    """Return the five schedules that the documentation shows, over 1000 updates.

    Example:
        >>> reference_schedules()[0]
        WarmupConstantSchedule(warmup=0.1, t_total=1000)
    """
    return [
        WarmupConstantSchedule(warmup=0.1, t_total=1000),
        WarmupLinearSchedule(warmup=0.1, t_total=1000),
        WarmupCosineSchedule(warmup=0.1, t_total=1000),
        WarmupCosineWithHardRestartsSchedule(warmup=0.1, t_total=1000, cycles=5),
        WarmupCosineWithWarmupRestartsSchedule(warmup=0.05, t_total=1000, cycles=5),
    ]


def plot_schedules(path: str | os.PathLike[str], schedules: Sequence[_LRSchedule]) -> None:
    """Draw schedules side by side into a picture file, which appears only when it is whole.

    Args:
        path: of the picture; its ending chooses the format, PNG without one.
        schedules: each with a ``t_total``.

    Raises:
        ImportError: if matplotlib is not installed.
        ValueError: if a schedule has no ``t_total`` of at least 1, or the format is unknown.
        OSError: if the file cannot be written.
    """
    try:
        figures = import_module("matplotlib.figure")
    except ImportError as error:
        raise ImportError("drawing needs matplotlib; pip install matplotlib") from error
    figure = figures.Figure(figsize=(3.6 * len(schedules), 2.6), dpi=80, layout="constrained")
    row = figure.subplots(1, len(schedules), squeeze=False)[0]
    for axes, schedule in zip(row, schedules, strict=True):
        steps = range(int(schedule.t_total))
        if not steps:
            raise ValueError(f"{schedule!r} has no length to draw; give it a t_total of 1 or more")
        axes.plot(steps, [schedule.get_lr(step) for step in steps])
        axes.set_title(str(schedule).replace("(", "\n(", 1), fontsize=8)
        axes.set_xlabel("step")
        axes.set_ylabel("multiplier")
    target = Path(path)
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{target} is in no existing folder; create {target.parent} first")
    partial = target.with_name(f".{os.getpid()}-{target.name}")
    try:
        figure.savefig(partial, format=target.suffix[1:] or "png")
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
