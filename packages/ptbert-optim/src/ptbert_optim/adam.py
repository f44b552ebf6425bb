"""What both optimizers share: state, clipping, rates, and the loop over tensors."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, zip_longest
from typing import Any, ClassVar, NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from torch.optim import Optimizer

from ptbert_optim.clipping import (
    Pair,
    clip_coefficients,
    clip_together,
    local_part,
    scale_gradients,
    usable_gradients,
)
from ptbert_optim.compiler import without_compiler
from ptbert_optim.counters import (
    advance_together,
    counters_by_value,
    refuse_in_graph,
    refuse_plain_groups,
)
from ptbert_optim.fused import LOW_PRECISION, Coefficients, Row, fused_update
from ptbert_optim.options import Group, completed_group, pair_of_betas, settle_group
from ptbert_optim.schedules import (
    _LRSchedule,
    plain_schedule,
    resolve_schedule,
    resumed_schedule,
)

__all__ = ["ScheduledAdam", "UpdateSettings", "bias_corrections"]

logger = logging.getLogger(__name__)

SMALL = 64  # elements; such a tensor is left to the plain loop

Moments = tuple[Tensor, Tensor, Tensor]
Member = tuple[Tensor, Tensor, dict[str, Any]]  # and its state


class UpdateSettings(NamedTuple):
    """What the update of a tensor depends on besides the tensor's own state.

    ``step`` counts this update, from 1. ``lr`` is already multiplied with the schedule.
    """

    lr: float | Tensor
    step: float | Tensor
    weight_decay: float
    group: Mapping[str, Any]


def bias_corrections(settings: UpdateSettings) -> tuple[float | Tensor, float | Tensor]:
    """Return the sum of the weights of all gradients in each moment; 1 without bias correction.

    Source:
        Kingma and Ba 2014, arXiv:1412.6980, section 3.
    """
    if not settings.group["bias_correction"]:
        return 1.0, 1.0
    b1, b2 = settings.group["betas"]
    return 1 - b1**settings.step, 1 - b2**settings.step


@dataclass
class Bucket:
    """Tensors of one group that are updated with the same settings, all of one type."""

    settings: UpdateSettings
    rows: list[Row] = field(default_factory=list)

    def local_rows(self) -> list[Row]:
        """The rows, of distributed tensors the parts that are on this machine."""
        if not hasattr(self.rows[0].param, "to_local"):
            return self.rows
        return [Row(*map(local_part, row)) for row in self.rows]


class ScheduledAdam(Optimizer):
    """Adam with a learning rate schedule and a clipped gradient; see the two subclasses.

    A subclass names its two state entries, says whether the schedule is read before or after the
    step is counted, and supplies its update twice: as a formula on one tensor and as the numbers
    that make the fused kernel compute the same.
    """

    moments: ClassVar[tuple[str, str]]
    counts_first: ClassVar[bool]
    later_options: ClassVar[dict[str, Any]] = {  # options that files of 2019 do not have
        "global_clip": False,
        "bias_correction": False,
        "fused": None,
        "capturable": False,
    }
    _warned_of_zero = False
    update: ClassVar[Callable[..., Moments]]
    coefficients: ClassVar[Callable[..., Coefficients]]

    def __init__(
        self,
        params: Iterable[Any],
        lr: Any,
        *,
        schedule: object,
        warmup: float,
        t_total: float,
        b1: float | None,
        b2: float | None,
        unknown: Mapping[str, object],
        **options: Any,
    ) -> None:
        if unknown:
            logger.warning(
                "%s ignores the unknown arguments %s; it knows lr, schedule, warmup, t_total, %s",
                type(self).__name__,
                ", ".join(unknown),
                ", ".join(["b1", "b2", *options]),
            )
        options["betas"] = pair_of_betas(options["betas"], b1, b2)
        options["schedule"] = resolve_schedule(schedule, warmup, t_total)
        super().__init__(params, {"lr": lr, **options})

    def add_param_group(self, param_group: Group) -> None:
        """Add a group of parameters with options of its own.

        Args:
            param_group: ``params`` and any argument of the constructor.

        Raises:
            ValueError: if an option is outside its range.
        """
        group = completed_group(param_group, self.defaults)
        without_compiler(super().add_param_group)(group)
        self._betas = [*getattr(self, "_betas", ()), group["betas"]]

    def get_lr(self) -> list[float]:
        """Return the scheduled rate of each tensor updated so far; ``[0]`` if none was."""
        rates = [
            float(group["lr"]) * group["schedule"].get_lr(float(state["step"]))
            for group in self.param_groups
            for param in group["params"]
            if (state := self.state.get(param))
        ]
        return rates or [0]

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient; clipping scales the gradients in place.

        An expanded gradient is replaced by a copy before.

        Args:
            closure: computes the loss and its gradients again, and returns the loss.

        Returns:
            What the closure returned, None without one.

        Raises:
            RuntimeError: if a gradient is sparse or complex, before anything is changed.
        """
        if torch.compiler.is_dynamo_compiling():  # in this thread; is_compiling means all threads
            # A step is one kernel call, so compiling gains nothing, and a new rate would recompile.
            return torch.compiler.disable(self._step)(closure)  # type: ignore[no-untyped-call]
        return self._step(closure)

    def _step(self, closure: Callable[[], Any] | None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        grads = [
            usable_gradients(type(self).__name__, group["params"]) for group in self.param_groups
        ]
        refuse_plain_groups(self.param_groups)
        known = zip_longest(self.param_groups, self._betas[: len(self.param_groups)])
        self._betas = [settle_group(group, betas) for group, betas in known]
        if any(group["global_clip"] for group in self.param_groups):
            clip_together(self.param_groups)
        for group, members in zip(self.param_groups, self._advanced(grads), strict=True):
            for bucket in self._buckets(group, members):
                self._apply(bucket)
        return loss

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients.

        Args:
            set_to_none: False to fill them with zeros.
        """
        without_compiler(super().zero_grad)(set_to_none)

    def state_dict(self) -> dict[str, Any]:
        """Return the state as tensors and plain numbers, for ``torch.load(weights_only=True)``.

        A schedule of a class that is not in this package stays an object.
        """
        packed: dict[str, Any] = without_compiler(super().state_dict)()
        for group in packed["param_groups"]:
            group["schedule"] = plain_schedule(group["schedule"])
        return packed

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load a saved state of this class, or of the class of this name in 2019.

        Groups may have ``betas``, or ``b1`` and ``b2``. Schedules may be objects, plain numbers or
        names. A schedule that this optimizer was given counts more than the saved one, so training
        can go on with another ``t_total``; one warning names both.

        Raises:
            ValueError: if the state is of another optimizer or of other shapes.
        """
        seen: dict[str, Any] = {}
        own = [group["schedule"] for group in self.param_groups]

        def look(_: Optimizer, loaded: dict[str, Any]) -> None:
            seen.update(loaded)
            for key, param in _saved_order(loaded, self.param_groups):
                _refuse_other_state(self, key, param, loaded["state"].get(key) or {})

        last = self.register_load_state_dict_pre_hook(look)
        try:
            without_compiler(super().load_state_dict)(state_dict)
        finally:
            last.remove()
        for group, schedule in zip(self.param_groups, own, strict=True):
            group["schedule"] = resumed_schedule(schedule, group["schedule"])
        # torch casts moments to the parameter's dtype, and keeps the caller's tensors where it can.
        pairs = [
            (param, saved)
            for key, param in _saved_order(seen, self.param_groups)
            if (saved := seen["state"].get(key))
        ]
        steps = counters_by_value(saved["step"] for _, saved in pairs)
        for (param, saved), step in zip(pairs, steps, strict=True):
            for name in self.moments:
                moment = saved[name].to(param.device, _state_dtype(param), copy=True)
                self.state[param][name] = moment
            self.state[param]["step"] = step

    def __setstate__(self, state: dict[str, Any]) -> None:
        defaults = self.later_options | state.get("defaults", getattr(self, "defaults", {}))
        groups = [completed_group(group, defaults) for group in state["param_groups"]]
        self._betas = [group["betas"] for group in groups]
        super().__setstate__({**state, "defaults": defaults, "param_groups": groups})

    def _buckets(self, group: Group, members: Iterable[Member]) -> Iterable[Bucket]:
        buckets: dict[object, Bucket] = {}
        first, second = self.moments
        for param, grad, state in members:
            step, weight_decay = state["step"], self._weight_decay(param, group)
            kind = param.device, param.dtype, type(param), _is_small(param)
            key = kind, id(step) if isinstance(step, Tensor) else step, weight_decay
            bucket = buckets.get(key)
            if bucket is None:
                bucket = buckets[key] = Bucket(self._settings(group, step, weight_decay))
            bucket.rows.append(Row(param, grad, state[first], state[second]))
        return buckets.values()

    def _settings(self, group: Group, step: float | Tensor, weight_decay: float) -> UpdateSettings:
        step = step.double() if isinstance(step, Tensor) else step
        lr = group["lr"] if group["capturable"] else float(group["lr"])
        lr = lr * _multiplier(group["schedule"], step if self.counts_first else step - 1)
        if not self._warned_of_zero and _is_stuck(lr, step, group):
            self._warned_of_zero = True
        return UpdateSettings(lr, step, weight_decay, group)

    def _advanced(self, grads: Iterable[Sequence[Pair]]) -> list[list[Member]]:
        """Give new tensors a state, count this update of all, and return them with their states."""
        together, members = [], []
        for group, pairs in zip(self.param_groups, grads, strict=True):
            found = [(param, grad, self.state[param]) for param, grad in pairs]
            members.append(found)
            for param, _, state in found:
                if not state:
                    self._begin(param, state)
                if not group["capturable"]:
                    state["step"] = int(state["step"]) + 1
            if group["capturable"]:
                together += [(param, state) for param, _, state in found]
        if together:
            moving = {id(param) for param, _ in together}
            # Also of tensors that were taken out of the groups: they may be put back.
            resting = [state for param, state in self.state.items() if id(param) not in moving]
            advance_together(together, resting)
        return members

    def _begin(self, param: Tensor, state: dict[str, Any]) -> None:
        refuse_in_graph(param, "new moments")
        state["step"] = 0
        for name in self.moments:
            state[name] = torch.zeros_like(param, dtype=_state_dtype(param))

    def _weight_decay(self, param: Tensor, group: Group) -> float:
        return float(group["weight_decay"])

    def _apply(self, bucket: Bucket) -> None:
        settings, group = bucket.settings, bucket.settings.group
        clip = None
        if _clips(group):  # by the norms of whole gradients, where they are distributed
            clip = clip_coefficients([row.grad for row in bucket.rows], group["max_grad_norm"])
        rows = bucket.local_rows()
        use_kernel = group["fused"]
        if use_kernel is None:
            use_kernel = not _is_small(bucket.rows[0].param)
        if use_kernel:
            coefficients = self.coefficients(settings)
            if fused_update(rows, group["betas"], coefficients, settings.step, clip):
                return
        if clip is not None:
            scale_gradients([row.grad for row in rows], clip)
        for row in rows:
            param, grad = row.param.to(row.m.dtype), row.grad.to(row.m.dtype)
            updated = self.update(param, grad, row.m, row.v, settings)
            for old, new in zip((row.param, row.m, row.v), updated, strict=True):
                old.copy_(new)


def _saved_order(
    saved: Mapping[str, Any], groups: Iterable[Group]
) -> Iterator[tuple[object, Tensor]]:
    """Pair the keys of a saved state with the parameters that they belong to."""
    keys = chain.from_iterable(group["params"] for group in saved["param_groups"])
    return zip(keys, chain.from_iterable(group["params"] for group in groups), strict=False)


def _refuse_other_state(
    optimizer: ScheduledAdam, key: object, param: Tensor, saved: Mapping[str, Any]
) -> None:
    wanted = dict.fromkeys(optimizer.moments, tuple(param.shape))
    shapes = {k: tuple(v.shape) for k, v in saved.items() if isinstance(v, Tensor)}
    if saved and not ("step" in saved and wanted.items() <= shapes.items()):
        raise ValueError(
            f"parameter {key!r} has a saved state of shapes {shapes}, but "
            f"{type(optimizer).__name__} needs step and {wanted}; load what it saved for this model"
        )


def _clips(group: Mapping[str, Any]) -> bool:
    return group["max_grad_norm"] > 0 and not group["global_clip"]


def _is_small(param: Tensor) -> bool:
    # For a small tensor both ways are fast, and the formula rounds exactly as in 2019.
    return param.is_cpu and param.numel() < SMALL


def _state_dtype(param: Tensor) -> torch.dtype:
    return torch.float32 if param.dtype in LOW_PRECISION else param.dtype


def _multiplier(schedule: _LRSchedule, step: float | Tensor) -> float | Tensor:
    if not isinstance(step, Tensor):
        return schedule.get_lr(step)
    # Reading a step counter on the device would wait for the device. So the multiplier is looked up
    # in a table. The table is made once, so a schedule must not be changed afterwards.
    table = _tables.setdefault(schedule, {})
    if step.device not in table:
        last = max(int(schedule.t_total), 0)
        values = [schedule.get_lr(i) for i in range(last + 1)]
        table[step.device] = torch.tensor(values, dtype=torch.float64, device=step.device)
    multipliers = table[step.device]
    return multipliers.take(step.long().clamp(max=len(multipliers) - 1))


def _is_stuck(lr: float | Tensor, step: float | Tensor, group: Group) -> bool:
    """Warn, and return True, if the rate is 0 for good, not only at the beginning of a warmup."""
    schedule = group["schedule"]
    if isinstance(lr, Tensor) or lr != 0:
        return False
    if float(group["lr"]) != 0 and not 0 < schedule.t_total < step:
        return False
    logger.warning(
        "the learning rate is 0 at update %s (lr=%s, %r), so parameters stay as they are; set lr "
        "or t_total, or leave them out",
        step,
        group["lr"],
        schedule,
    )
    return True


_tables: WeakKeyDictionary[_LRSchedule, dict[torch.device, Tensor]] = WeakKeyDictionary()
