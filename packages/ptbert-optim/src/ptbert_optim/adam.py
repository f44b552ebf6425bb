"""What both optimizers share: options, state, clipping, rates, and the loop over tensors."""

import logging
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.optimizer import required

from ptbert_optim.clipping import clip_each, clip_together, local_part
from ptbert_optim.fused import LOW_PRECISION, Coefficients, fused_update
from ptbert_optim.schedules import _LRSchedule, plain_schedule, resolve_schedule

__all__ = ["ScheduledAdam", "bias_corrections"]

logger = logging.getLogger(__name__)

SMALL = 512  # elements; the vectors of BERT-base have 768

Group = dict[str, Any]
Moments = tuple[Tensor, Tensor, Tensor]


def bias_corrections(
    step: float | Tensor, group: Mapping[str, Any]
) -> tuple[float | Tensor, float | Tensor]:
    """Return the weight that ``step`` gradients have in each moment; 1 when not asked for.

    Source:
        Kingma and Ba 2014, arXiv:1412.6980, section 3.
    """
    if not group["bias_correction"]:
        return 1.0, 1.0
    b1, b2 = group["betas"]
    return 1 - b1**step, 1 - b2**step


@dataclass(frozen=True)
class Bucket:
    """Tensors of one group that are updated alike: same device, dtype, decay and step.

    Lists of equal length; of a distributed tensor ``params``, ``firsts`` and ``seconds`` hold the
    part on this machine, ``grads`` the whole.
    """

    group: Group
    params: list[Tensor]
    grads: list[Tensor]
    firsts: list[Tensor]
    seconds: list[Tensor]
    step: float | Tensor
    lr: float | Tensor
    weight_decay: float


class ScheduledAdam(Optimizer):
    """Adam with a learning rate schedule and a clipped gradient; see the two subclasses.

    A subclass names its two state entries, says whether the schedule is read before or after the
    step is counted, and supplies its update twice: as a formula on one tensor and as the numbers
    that make the fused kernel compute the same.
    """

    moments: ClassVar[tuple[str, str]]
    counts_first: ClassVar[bool]
    later_options: ClassVar[dict[str, Any]] = {  # which the optimizers of 2019 files lack
        "global_clip": False,
        "bias_correction": False,
        "fused": None,
        "capturable": False,
    }
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
        options["betas"] = _pair(options["betas"], b1, b2)
        options["schedule"] = resolve_schedule(schedule, warmup, t_total)
        super().__init__(params, {"lr": lr, **options})

    def add_param_group(self, param_group: Group) -> None:
        """Add a group of parameters with options of its own.

        Args:
            param_group: ``params`` and any argument of the constructor.

        Raises:
            ValueError: if an option is outside its range.
        """
        group = _completed(param_group, self.defaults)
        super().add_param_group(group)

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

        Args:
            closure: computes the loss and its gradients again, and returns the loss.

        Returns:
            What the closure returned, None without one.

        Raises:
            RuntimeError: if a gradient is sparse or complex, before anything is changed.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        self._check_gradients()
        if any(group["global_clip"] for group in self.param_groups):
            clip_together(self.param_groups)
        for group in self.param_groups:
            group["b1"], group["b2"] = group["betas"]
            for bucket in self._buckets(group):
                if group["max_grad_norm"] > 0 and not group["global_clip"]:
                    clip_each(bucket.grads, group["max_grad_norm"])
                self._apply(bucket)
        return loss

    def state_dict(self) -> dict[str, Any]:
        """Return the state as tensors and plain numbers, for ``torch.load(weights_only=True)``.

        A schedule of a class that is not in this package stays an object.
        """
        packed = super().state_dict()
        for group in packed["param_groups"]:
            group["schedule"] = plain_schedule(group["schedule"])
        return packed

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a saved state, of this class or of its 2019 namesake.

        Read are groups with ``betas`` or with ``b1`` and ``b2``, and schedules as objects, as plain
        numbers, or by name.

        Raises:
            ValueError: if the state is of another optimizer or of other shapes.
        """
        seen: dict[str, Any] = {}
        last = self.register_load_state_dict_pre_hook(lambda _, loaded: seen.update(loaded))
        try:
            super().load_state_dict(state_dict)
        finally:
            last.remove()
        saved_order = chain.from_iterable(group["params"] for group in seen["param_groups"])
        params = chain.from_iterable(group["params"] for group in self.param_groups)
        for key, param in zip(saved_order, params, strict=True):
            if saved := seen["state"].get(key):
                self._adopt(key, param, saved)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.defaults = {**self.later_options, **self.defaults}
        self.param_groups = [_completed(group, self.defaults) for group in self.param_groups]

    def _adopt(self, key: object, param: Tensor, saved: Mapping[str, Any]) -> None:
        # torch casts moments to the parameter's dtype, and keeps the caller's tensors where it can.
        for name in self.moments:
            moment = saved.get(name)
            if moment is None or moment.shape != param.shape:
                shapes = {k: tuple(getattr(v, "shape", ())) for k, v in saved.items()}
                raise ValueError(
                    f"the state of parameter {key!r} holds {shapes}, but {type(self).__name__} "
                    f"needs {' and '.join(self.moments)} of shape {tuple(param.shape)}; "
                    "load the file of this optimizer and model"
                )
            self.state[param][name] = moment.to(param.device, _state_dtype(param), copy=True)

    def _check_gradients(self) -> None:
        for group in self.param_groups:
            for param in group["params"]:
                grad = param.grad
                if grad is not None and (grad.layout != torch.strided or grad.is_complex()):
                    kind = "complex" if grad.is_complex() else "sparse"
                    raise RuntimeError(
                        f"{type(self).__name__} cannot use the {kind} gradient of a parameter of "
                        f"shape {tuple(param.shape)}; give dense real gradients "
                        "(Embedding(sparse=False)), or torch.optim.SparseAdam these parameters"
                    )

    def _buckets(self, group: Group) -> Iterator[Bucket]:
        buckets: dict[object, Bucket] = {}
        for param in group["params"]:
            if param.grad is None:
                continue
            state = self._advanced_state(param, group)
            step, weight_decay = state["step"], self._weight_decay(param, group)
            alone = group["capturable"] or param.device.type == "cpu"
            # One tensor at a time on the CPU: its gradient is still in the cache after clipping.
            key = id(param) if alone else (param.device, param.dtype, step, weight_decay)
            if key not in buckets:
                lr = group["lr"] if group["capturable"] else float(group["lr"])
                lr *= _multiplier(group["schedule"], step if self.counts_first else step - 1)
                buckets[key] = Bucket(group, [], [], [], [], step, lr, weight_decay)
            bucket = buckets[key]
            bucket.grads.append(param.grad)
            bucket.params.append(local_part(param))
            bucket.firsts.append(local_part(state[self.moments[0]]))
            bucket.seconds.append(local_part(state[self.moments[1]]))
        yield from buckets.values()

    def _advanced_state(self, param: Tensor, group: Group) -> dict[str, Any]:
        state: dict[str, Any] = self.state[param]
        if not state:
            state["step"] = 0
            for name in self.moments:
                state[name] = torch.zeros_like(param, dtype=_state_dtype(param))
        if group["capturable"]:
            state["step"] = torch.as_tensor(state["step"], dtype=torch.float32, device=param.device)
            state["step"] += 1
        else:
            state["step"] = int(state["step"]) + 1
        return state

    def _weight_decay(self, param: Tensor, group: Group) -> float:
        return float(group["weight_decay"])

    def _apply(self, bucket: Bucket) -> None:
        group, rule = bucket.group, (bucket.lr, bucket.step, bucket.weight_decay, bucket.group)
        params, firsts, seconds = bucket.params, bucket.firsts, bucket.seconds
        grads = [local_part(grad) for grad in bucket.grads]
        # A small tensor costs little either way, and the formula rounds exactly as 2019 did.
        small = len(params) == 1 and params[0].is_cpu and params[0].numel() < SMALL
        wanted = not small if group["fused"] is None else group["fused"]
        if wanted and fused_update(
            params, grads, firsts, seconds, group["betas"], self.coefficients(*rule), bucket.step
        ):
            return
        for param, grad, m, v in zip(params, grads, firsts, seconds, strict=True):
            updated = self.update(param.to(m.dtype), grad.to(m.dtype), m, v, *rule)
            for old, new in zip((param, m, v), updated, strict=True):
                old.copy_(new)


def _completed(group: Mapping[str, Any], defaults: Mapping[str, Any]) -> Group:
    group = dict(group)
    if "betas" not in group:
        group["betas"] = _pair(defaults["betas"], group.get("b1"), group.get("b2"))
    group["b1"], group["b2"] = group["betas"] = _pair(group["betas"], None, None)
    group["schedule"] = resolve_schedule(
        group.get("schedule", defaults["schedule"]),
        group.pop("warmup", -1),  # kept in the groups until 0.6.1
        group.pop("t_total", -1),
    )
    group = {**{k: v for k, v in defaults.items() if v is not required}, **group}
    _check_options(group)
    return group


def _pair(betas: Any, b1: float | None, b2: float | None) -> tuple[float, float]:
    try:
        first, second = betas
    except (TypeError, ValueError):
        raise ValueError(f"betas={betas!r} is no pair; give (b1, b2), or b1= and b2=") from None
    return first if b1 is None else b1, second if b2 is None else b2


def _check_options(group: Group) -> None:
    for name in ("lr", "e", "weight_decay"):
        if name in group and not group[name] >= 0:
            raise ValueError(f"{name}={group[name]!r} is refused; choose a number of at least 0")
    for name in ("b1", "b2"):
        if not 0 <= group[name] < 1:
            raise ValueError(f"{name}={group[name]!r} is refused; choose a number in [0, 1)")
    if math.isnan(group["max_grad_norm"]):
        raise ValueError("max_grad_norm=nan is refused; choose a number, -1 for no clipping")


def _state_dtype(param: Tensor) -> torch.dtype:
    return torch.float32 if param.dtype in LOW_PRECISION else param.dtype


def _multiplier(schedule: _LRSchedule, step: float | Tensor) -> float | Tensor:
    if not isinstance(step, Tensor):
        return schedule.get_lr(step)
    # A step counter on the device cannot be read without waiting for it: look the multiplier up.
    table = _tables.setdefault(schedule, {})
    if step.device not in table:
        last = max(int(schedule.t_total), 0)
        values = [schedule.get_lr(i, nowarn=True) for i in range(last + 1)]
        table[step.device] = torch.tensor(values, dtype=torch.float64, device=step.device)
    return table[step.device][step.long().clamp(max=len(table[step.device]) - 1)]


_tables: WeakKeyDictionary[_LRSchedule, dict[torch.device, Tensor]] = WeakKeyDictionary()
