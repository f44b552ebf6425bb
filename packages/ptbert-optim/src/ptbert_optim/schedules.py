"""Learning rate schedules: each class holds the arguments of one curve of ``curves.py``."""

import copy
import difflib
import logging
import math
from abc import ABC, abstractmethod
from numbers import Real
from typing import Any

import torch

from ptbert_optim.curves import (
    warmup_constant,
    warmup_cosine_hard_restarts,
    warmup_cosine_warmup_restarts,
    warmup_cosine_waves,
    warmup_linear_decay,
)

__all__ = [
    "SCHEDULES",
    "ConstantLR",
    "WarmupConstantSchedule",
    "WarmupCosineSchedule",
    "WarmupCosineWithHardRestartsSchedule",
    "WarmupCosineWithWarmupRestartsSchedule",
    "WarmupLinearSchedule",
    "_LRSchedule",
]

logger = logging.getLogger(__name__)


class _LRSchedule(ABC):  # the underscore is 2019's: published programs subclass this name
    """Hold a schedule's arguments; subclasses define ``get_lr_``.

    A schedule is also a function of the step, for ``torch.optim.lr_scheduler.LambdaLR``.

    Args:
        warmup: share of ``t_total`` spent rising from 0 to 1, in [0, 1); -1 for none.
        t_total: planned number of optimizer updates; -1 keeps the multiplier at 1.
        **kw: ignored, so that a subclass can be called with the arguments of another one.

    Raises:
        ValueError: if an argument is outside its range.

    Example:
        >>> class Squared(_LRSchedule):
        ...     def get_lr_(self, progress):
        ...         return (1 - progress) ** 2
        >>> Squared(t_total=10).get_lr(5)
        0.25
    """

    needs_t_total = True  # whether the schedule has no effect without t_total
    warn_t_total = False  # whether to say once that training went past t_total
    warned_for_t_total_at_progress = -1.0  # key name of 2019's pickled schedules

    def __init__(self, warmup: float = 0.002, t_total: float = -1, **kw: Any) -> None:
        check_number("warmup", warmup, "-1 for no warmup")
        check_number("t_total", t_total, "-1 for a constant rate")
        if not (0 <= warmup < 1 or warmup == -1):
            raise ValueError(
                f"warmup={warmup!r} is no share of the training; "
                "choose a number in [0, 1), or -1 for no warmup"
            )
        if not (0 < t_total < math.inf or t_total == -1):
            raise ValueError(
                f"t_total={t_total!r} is no number of updates; "
                "choose a positive number, or -1 for a constant rate"
            )
        self.warmup = max(float(warmup), 0.0)
        self.t_total = float(t_total)
        if t_total == -1 and warmup > 0 and self.needs_t_total:
            logger.warning("%r has no effect without t_total; give the number of updates", self)

    def get_lr(self, step: float, nowarn: object = False) -> float:
        """Return the multiplier of the learning rate after ``step`` updates.

        Args:
            step: updates done so far.
            nowarn: anything true silences the warning about steps past ``t_total``.
        """
        if self.t_total < 0:
            return 1.0
        progress = float(step) / self.t_total
        warned = self.warned_for_t_total_at_progress >= 0
        if progress > 1 and self.warn_t_total and not nowarn and not warned:
            self.warned_for_t_total_at_progress = progress
            logger.warning(
                "step %s is past t_total=%g of %r; the rate no longer follows your plan: "
                "set t_total to the number of optimizer updates",
                step,
                self.t_total,
                self,
            )
        return self.get_lr_(progress)

    def __call__(self, step: int) -> float:
        return self.get_lr(step)

    @abstractmethod
    def get_lr_(self, progress: float) -> float:
        """Return the multiplier at ``progress``, the share of ``t_total`` done."""

    def arguments(self) -> dict[str, float]:
        """Return the arguments with which the constructor makes an equal schedule."""
        held = vars(self)
        return {name: held[name] for name in ("warmup", "t_total", "cycles") if name in held}

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value:g}" for name, value in self.arguments().items())
        return f"{type(self).__name__}({arguments})"


class ConstantLR(_LRSchedule):
    """Keep the multiplier at 1.

    Example:
        >>> ConstantLR().get_lr(1000)
        1.0
    """

    needs_t_total = False

    def get_lr_(self, progress: float) -> float:
        """Return 1."""
        return 1.0


class WarmupConstantSchedule(_LRSchedule):
    """Hold the arguments of ``warmup_constant``.

    Example:
        >>> WarmupConstantSchedule(warmup=0.1, t_total=100).get_lr(5)
        0.5
    """

    def get_lr_(self, progress: float) -> float:
        """Return ``warmup_constant`` of the progress."""
        return warmup_constant(progress, self.warmup)


class WarmupLinearSchedule(_LRSchedule):
    """Hold the arguments of ``warmup_linear_decay``.

    Example:
        >>> schedule = WarmupLinearSchedule(warmup=0.1, t_total=100)
        >>> schedule
        WarmupLinearSchedule(warmup=0.1, t_total=100)
        >>> [schedule.get_lr(step) for step in (0, 5, 10, 100)]
        [0.0, 0.5, 1.0, 0.0]
    """

    warn_t_total = True

    def get_lr_(self, progress: float) -> float:
        """Return ``warmup_linear_decay`` of the progress."""
        return warmup_linear_decay(progress, self.warmup)


class WarmupCosineSchedule(_LRSchedule):
    """Hold the arguments of ``warmup_cosine_waves``.

    Args:
        warmup: as in ``_LRSchedule``; so are ``t_total`` and ``kw``.
        cycles: waves of the cosine after the warmup; one half ends at 0.

    Example:
        >>> WarmupCosineSchedule(warmup=0.0, t_total=100).get_lr(50)
        0.5
    """

    warn_t_total = True
    least_cycles = 0.0

    def __init__(
        self, warmup: float = 0.002, t_total: float = -1, cycles: float = 0.5, **kw: Any
    ) -> None:
        check_number("cycles", cycles)
        if not self.least_cycles <= cycles < math.inf:
            raise ValueError(
                f"cycles={cycles!r} is refused by {type(self).__name__}; "
                f"choose a number of at least {self.least_cycles:g}"
            )
        self.cycles = float(cycles)
        super().__init__(warmup, t_total, **kw)

    def get_lr_(self, progress: float) -> float:
        """Return ``warmup_cosine_waves`` of the progress."""
        return warmup_cosine_waves(progress, self.warmup, self.cycles)


class WarmupCosineWithHardRestartsSchedule(WarmupCosineSchedule):
    """Hold the arguments of ``warmup_cosine_hard_restarts``.

    Args:
        warmup: as in ``_LRSchedule``; so are ``t_total`` and ``kw``.
        cycles: number of falls from 1 to 0, at least 1.

    Example:
        >>> schedule = WarmupCosineWithHardRestartsSchedule(warmup=0.0, t_total=100, cycles=2)
        >>> schedule.get_lr(25), schedule.get_lr(50)
        (0.5, 1.0)
    """

    least_cycles = 1.0

    def __init__(
        self, warmup: float = 0.002, t_total: float = -1, cycles: float = 1.0, **kw: Any
    ) -> None:
        super().__init__(warmup, t_total, cycles, **kw)

    def get_lr_(self, progress: float) -> float:
        """Return ``warmup_cosine_hard_restarts`` of the progress."""
        return warmup_cosine_hard_restarts(progress, self.warmup, self.cycles)


class WarmupCosineWithWarmupRestartsSchedule(WarmupCosineWithHardRestartsSchedule):
    """Hold the arguments of ``warmup_cosine_warmup_restarts``.

    Args:
        warmup: share of ``t_total`` that **each** cycle spends rising; ``warmup * cycles`` is below
            1. The attribute ``warmup`` is this product, the share of one cycle, as in 2019.
        cycles: number of equal parts, at least 1; the rest as in ``_LRSchedule``.

    Example:
        >>> schedule = WarmupCosineWithWarmupRestartsSchedule(warmup=0.1, t_total=100, cycles=2)
        >>> [schedule.get_lr(step) for step in (0, 5, 10, 50)]
        [0.0, 0.5, 1.0, 0.0]
    """

    def __init__(
        self, warmup: float = 0.002, t_total: float = -1, cycles: float = 1.0, **kw: Any
    ) -> None:
        check_number("warmup", warmup, "-1 for no warmup")
        check_number("cycles", cycles)
        if 0 <= warmup < 1 <= warmup * cycles:
            raise ValueError(
                f"warmup={warmup!r} in each of cycles={cycles!r} leaves no time to fall; "
                "choose warmup * cycles below 1"
            )
        super().__init__(warmup * cycles if warmup >= 0 else warmup, t_total, cycles, **kw)

    def get_lr_(self, progress: float) -> float:
        """Return ``warmup_cosine_warmup_restarts`` of the progress."""
        return warmup_cosine_warmup_restarts(progress, self.warmup, self.cycles)

    def arguments(self) -> dict[str, float]:
        """Return the arguments with which the constructor makes an equal schedule."""
        arguments = super().arguments()
        return {**arguments, "warmup": arguments["warmup"] / self.cycles}


SCHEDULES: dict[str | None, type[_LRSchedule]] = {
    None: ConstantLR,
    "none": ConstantLR,
    "warmup_cosine": WarmupCosineSchedule,
    "warmup_constant": WarmupConstantSchedule,
    "warmup_linear": WarmupLinearSchedule,
}

_CLASSES: dict[str, type[_LRSchedule]] = {
    kind.__name__: kind
    for kind in (
        ConstantLR,
        WarmupConstantSchedule,
        WarmupLinearSchedule,
        WarmupCosineSchedule,
        WarmupCosineWithHardRestartsSchedule,
        WarmupCosineWithWarmupRestartsSchedule,
    )
}

# Optimizer files of 2019 hold pickled schedule objects. With this, torch.load(weights_only=True)
# reads those files, whether or not the library that wrote them is installed.
torch.serialization.add_safe_globals(
    [
        (kind, f"{module}.{name}")
        for name, kind in _CLASSES.items()
        for module in (__name__, "pytorch_pretrained_bert.optimization")
    ]
)


def resolve_schedule(schedule: object, warmup: float = -1, t_total: float = -1) -> _LRSchedule:
    """Return the schedule that an optimizer argument or an optimizer file means.

    Args:
        schedule: an object, a name for ``schedule_class``, or what ``plain_schedule`` gave.
        warmup: of a schedule given by name.
        t_total: of a schedule given by name.

    Raises:
        ValueError: if nothing of that name exists.
    """
    if isinstance(schedule, _LRSchedule):
        if warmup != -1 or t_total != -1:
            logger.warning(
                "warmup=%r and t_total=%r are ignored beside the schedule %r; set them there",
                warmup,
                t_total,
                schedule,
            )
        return schedule
    if isinstance(schedule, dict):
        kind = schedule_class(schedule.get("class"))
        restored = kind.__new__(kind)
        vars(restored).update({k: v for k, v in schedule.items() if k != "class"})
        return restored
    return schedule_class(schedule)(warmup=warmup, t_total=t_total)


def plain_schedule(schedule: _LRSchedule) -> _LRSchedule | dict[str, Any]:
    """Return a schedule as plain numbers and its class name; unchanged if the class is not ours."""
    name = type(schedule).__name__
    return {"class": name, **vars(schedule)} if type(schedule) is _CLASSES.get(name) else schedule


def resumed_schedule(own: _LRSchedule, saved: _LRSchedule) -> _LRSchedule:
    """Return the schedule with which training goes on from a saved state.

    Args:
        own: of the optimizer that the state is loaded into. It counts if the program has said
            something: a ``t_total``, or another class than the usual one.
        saved: of the state.
    """
    says_nothing = type(own) is WarmupLinearSchedule and own.t_total < 0
    if says_nothing:
        again = copy.copy(saved)
        again.warned_for_t_total_at_progress = -1.0  # it has not warned in this process
        return again
    if type(own) is not type(saved) or own.arguments() != saved.arguments():
        logger.warning(
            "training was saved with %r and goes on with %r, which this optimizer was given",
            saved,
            own,
        )
    return own


def schedule_class(name: object) -> type[_LRSchedule]:
    """Return the class for a key of ``SCHEDULES`` or the name of a class of this module.

    Raises:
        ValueError: if there is none; the message suggests a name of similar spelling.
    """
    known: dict[Any, type[_LRSchedule]] = {**SCHEDULES, **_CLASSES}
    if isinstance(name, str | None) and name in known:
        return known[name]
    nearest = difflib.get_close_matches(str(name), filter(None, known))
    advice = f"did you mean {nearest[0]!r}? Give" if nearest else "give"
    raise ValueError(
        f"{name!r} is no schedule; {advice} one of {', '.join(map(repr, known))}, "
        "or an object of a subclass of _LRSchedule"
    )


def check_number(name: str, value: object, usual: str = "") -> None:
    """Refuse an argument that is no single number, such as a text from a command line.

    Raises:
        TypeError: if it is none; the message names the type.

    Example:
        >>> check_number("lr", 0.1)
    """
    if isinstance(value, Real) or (isinstance(value, torch.Tensor) and value.numel() == 1):
        return
    kind = type(value).__name__
    advice = f"such as float({value!r})" if isinstance(value, str) else usual or "such as 0.001"
    raise TypeError(f"{name}={value!r} is of type {kind}; give a number, {advice}")
