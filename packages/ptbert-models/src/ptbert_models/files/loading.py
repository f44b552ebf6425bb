"""Fitting a dictionary of weights into a model: rename, match, report, fill.

Families contribute data, not code: see the class attributes of
``ptbert_models.pretrained.PreTrainedModel``.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from ptbert_hub.messages import readable
from ptbert_models.errors import MostlyMissing, NothingLoaded, UnusableWeights
from ptbert_models.files.shapes import other_shapes, shape_mismatch

logger = logging.getLogger(__name__)

# What stands in keys of models that were wrapped when they were saved: by DataParallel and half
# precision, by trainers, by torch.compile, and by sharding and checkpointing.
WRAPPERS = frozenset(
    {
        "module",
        "model",
        "_orig_mod",
        "_forward_module",
        "_fsdp_wrapped_module",
        "_checkpoint_wrapped_module",
    }
)
_IN_LAYER = re.compile(r"(\w+\.\d+)\.")  # such as layer.3. and h.3.
_FLOATING = frozenset({torch.float16, torch.bfloat16, torch.float32, torch.float64})


@dataclass(frozen=True)
class LoadReport:
    """What happened to each weight, by the key names of the model and of the checkpoint.

    Args:
        loaded: the model's keys that were filled.
        missing: the model's keys that the checkpoint does not fill, and whose values are new.
        unused: the checkpoint's keys that the model lacks.
        mismatched: those of ``missing`` that have another shape in the checkpoint, with both
            shapes in words.
    """

    loaded: tuple[str, ...]
    missing: tuple[str, ...]
    unused: tuple[str, ...]
    mismatched: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LoadPlan:
    """Which tensor fills which key of a model, decided before anything is changed."""

    sources: Mapping[str, Tensor]
    report: LoadReport


def modern_key(
    key: str, legacy_suffixes: Mapping[str, str], ignored_suffixes: Iterable[str]
) -> str | None:
    """Return a key in today's spelling, or None if models no longer have it.

    Args:
        key: a key of a ``state_dict``.
        legacy_suffixes: old ending → new ending.
        ignored_suffixes: endings of keys that only old files have.

    Example:
        >>> modern_key("LayerNorm.gamma", {".gamma": ".weight"}, ())
        'LayerNorm.weight'
        >>> modern_key("h.0.attn.bias", {}, (".attn.bias",))
    """
    if any(f".{key}".endswith(suffix) for suffix in ignored_suffixes):
        return None
    for old, new in legacy_suffixes.items():
        if key.endswith(old):
            return key.removesuffix(old) + new
    return key


def unwrapped_keys(key: str) -> Iterator[str]:
    """Yield a key as it is, without wrappers in front, and without wrappers anywhere.

    Example:
        >>> list(unwrapped_keys("module._orig_mod.bert._orig_mod.pooler"))
        ['module._orig_mod.bert._orig_mod.pooler', 'bert._orig_mod.pooler', 'bert.pooler']
    """
    yield key
    parts = key.split(".")
    if WRAPPERS.isdisjoint(parts):
        return
    inner = [part for part in parts if part not in WRAPPERS]
    yield ".".join(parts[parts.index(inner[0]) if inner else len(parts) :])
    yield ".".join(inner)


def fitting_key(key: str, model_state: Mapping[str, Tensor], base_prefix: str) -> str | None:
    """Return the model's key that belongs to a key of a checkpoint, or None.

    A file of a bare model fits a model with a head, and the reverse: the base prefix is added or
    removed as needed. The names of wrappers are removed.

    Example:
        >>> model_state = {"bert.pooler.weight": None}
        >>> fitting_key("module.pooler.weight", model_state, "bert.")
        'bert.pooler.weight'
        >>> fitting_key("bert.pooler.weight", {"pooler.weight": None}, "bert.")
        'pooler.weight'
    """
    for bare in unwrapped_keys(key):
        for candidate in (bare, base_prefix + bare, bare.removeprefix(base_prefix)):
            if candidate in model_state:
                return candidate
    return None


def plan_loading(
    model: nn.Module,
    state: Mapping[str, Tensor],
    *,
    base_prefix: str,
    legacy_suffixes: Mapping[str, str],
    ignored_suffixes: Iterable[str],
    saved_arguments: Mapping[str, str | None] = MappingProxyType({}),
    ignore_mismatched_sizes: bool = False,
) -> LoadPlan:
    """Decide which tensor goes where; nothing is changed.

    Args:
        model: the model; it may have no memory (device "meta").
        state: tensors by name.
        base_prefix: the name of the bare model within one with a head, and a dot.
        legacy_suffixes: see ``modern_key``.
        ignored_suffixes: likewise.
        saved_arguments: arguments of the class, by the key of the weights that has as many rows.
        ignore_mismatched_sizes: leave out tensors that have another shape than the parameter that
            they are for, instead of raising an error. ``fill`` warns of them.

    Raises:
        NothingLoaded: if no tensor fits.
        MostlyMissing: if more than half of the bare model's parameters are missing.
        UnusableWeights: if a tensor has no floating-point numbers, or if two tensors for one
            parameter differ.
        ShapeMismatch: if a tensor has another shape than the parameter that it is for.
    """
    model_state = model.state_dict(keep_vars=True)
    sources: dict[str, Tensor] = {}
    names: dict[int, str] = {}  # of the tensors, by the parameter that each is for
    unused = []
    for key, tensor in state.items():
        new_key = modern_key(key, legacy_suffixes, ignored_suffixes)
        if new_key is None:
            continue
        target = fitting_key(new_key, model_state, base_prefix)
        if target is None:
            unused.append(key)
            continue
        if not isinstance(tensor, Tensor):
            raise TypeError(
                f"{key} is a {type(tensor).__name__}; make it a tensor (torch.as_tensor)"
            )
        _check_value(target, model_state[target], tensor)
        first = names.setdefault(id(model_state[target]), key)
        if first != key and not _is_same(state[first], tensor):
            raise UnusableWeights(
                f"{first!r} and {key!r} are the same parameter in {type(model).__name__}, and have "
                "different values in the checkpoint; remove one, or use a class that has both"
            )
        sources[target] = tensor
    if not sources:
        raise NothingLoaded(
            f"none of the {len(state)} weights given belongs to {type(model).__name__}: it has "
            f"keys such as {_some(model_state)}, and the checkpoint has {_some(state)}"
        )
    wrong = other_shapes(model_state, sources)
    if wrong and not ignore_mismatched_sizes:
        config = getattr(model, "config", None)
        raise shape_mismatch(config, model_state, sources, wrong, saved_arguments)
    for key in wrong:
        names.pop(id(model_state[key]), None)
        del sources[key]
    missing = [  # buffers have the values that the constructor computed
        key
        for key, parameter in model_state.items()
        if isinstance(parameter, nn.Parameter) and id(parameter) not in names
    ]
    _check_missing(model, missing, base_prefix, state, wrong)
    return LoadPlan(sources, LoadReport(tuple(sources), tuple(missing), tuple(unused), wrong))


def foreign_to_layers(report: LoadReport) -> list[str]:
    """Return the unused keys that belong to layers of the model, which then compute otherwise.

    Example:
        >>> report = LoadReport(("bert.layer.0.dense.weight",), (), (
        ...     "bert.layer.0.adapter.weight", "bert.layer.9.dense.weight", "head.weight"))
        >>> foreign_to_layers(report)
        ['bert.layer.0.adapter.weight']
    """
    layers = {found[1] for key in report.loaded if (found := _IN_LAYER.search(key))}
    unused = ((key, _IN_LAYER.search(key)) for key in report.unused)
    return [key for key, found in unused if found and found[1] in layers]


def log_report(
    report: LoadReport, model_name: str, source: str, *, unread: Collection[str] = ()
) -> None:
    """Warn of what should have been in a checkpoint or cannot be used, in one message each.

    Args:
        report: on the loading.
        model_name: the name of the model's class.
        source: where the weights come from.
        unread: names of the model's weights on which nothing depends that it computes.
    """
    lacking = [key for key in report.missing if key not in report.mismatched]
    if absent := [key for key in lacking if key not in unread]:
        logger.warning(
            "%s has weights that are not in %s; they are newly initialised and need training: %s",
            model_name,
            source,
            ", ".join(absent),
        )
    if needless := [key for key in lacking if key in unread]:
        what = "%s has weights that are not in %s, and on which nothing depends: %s"
        logger.info(what, model_name, source, ", ".join(needless))
    if foreign := foreign_to_layers(report):
        logger.warning(
            "%s has layers without these weights of %s, which were made for layers that compute "
            "something else: %s",
            model_name,
            source,
            readable(", ".join(foreign)),
        )
    if report.unused:
        unused = readable(", ".join(report.unused))
        logger.info("%s does not use these weights of %s: %s", model_name, source, unused)


def fill(
    model: nn.Module,
    plan: LoadPlan,
    *,
    take: bool,
    dtype: torch.dtype | None = None,
    device: torch.device | str | int | None = None,
) -> None:
    """Put the planned tensors into the model.

    With a type or a device, every tensor goes there on its own, and the whole model is there in the
    end. If the tensors are mapped from a file, that takes no more memory than the model itself.

    Args:
        model: the model the plan was made for.
        plan: see ``plan_loading``.
        take: whether the model may keep the tensors themselves, where each has memory of its own.
            False copies them, so that training does not change the caller's.
        dtype: the type of all floating-point numbers; None leaves the model's.
        device: where the model goes; None leaves it where it is.

    Raises:
        TypeError: if ``dtype`` is no type of floating-point numbers.
        ValueError: if ``device`` has no memory.
    """
    dtype, device = checked_destination(dtype, device)
    model_state = model.state_dict(keep_vars=True)
    if plan.report.mismatched:
        logger.warning(
            "%s has weights of other shapes than the checkpoint; they are newly initialised and "
            "need training: %s",
            type(model).__name__,
            "; ".join(plan.report.mismatched.values()),
        )
    moves = dtype is not None or device is not None
    if not take and not moves:
        for key, tensor in plan.sources.items():
            model_state[key].data.copy_(tensor.detach())
        return
    targets: dict[int, Tensor] = {}
    kept: dict[int, Tensor] = {}  # a tied parameter has several keys
    for key, tensor in plan.sources.items():
        target = model_state[key]
        if id(target) not in targets:
            targets[id(target)] = target
            kind = dtype if dtype is not None and target.is_floating_point() else target.dtype
            kept[id(target)] = tensor.detach().to(device or target.device, kind, copy=not take)
            if moves:
                target.data = kept[id(target)]  # what it had before goes now
    shared = _sharing_memory(kept)
    for number, tensor in kept.items():
        targets[number].data = (
            tensor.clone(memory_format=torch.contiguous_format) if (number in shared) else tensor
        )
    if moves:
        model.to(device=device, dtype=dtype)


def checked_destination(dtype: Any, device: Any) -> tuple[torch.dtype | None, torch.device | None]:
    """Return a type and a device for ``fill``, each None where it was not given.

    Raises:
        TypeError: if ``dtype`` is no type of floating-point numbers.
        ValueError: if ``device`` is none, or has no memory, or this computer has no such device.
    """
    if dtype is not None and dtype not in _FLOATING:
        kinds = ", ".join(sorted(map(str, _FLOATING)))
        raise TypeError(f"dtype={dtype!r} is no type that weights can have; give one of {kinds}")
    if device is None:
        return dtype, None
    try:
        place = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f'device={device!r} is no device; give one such as "cuda:0"') from error
    if place.type == "meta":
        raise ValueError(
            'device="meta" has no memory for weights; build the model from its configuration there'
        )
    try:
        torch.empty(0, device=place)
    except (AssertionError, NotImplementedError, RuntimeError) as error:
        raise ValueError(
            f"device={device!r} cannot be used here ({str(error).splitlines()[0]}); leave it out "
            "for the CPU"
        ) from error
    return dtype, place


def _sharing_memory(tensors: Mapping[int, Tensor]) -> set[int]:
    """Return the keys of tensors that share memory with one before, or have one number twice."""
    shared = {key for key, tensor in tensors.items() if not tensor.is_contiguous()}
    ranges = sorted(
        (tensor.data_ptr(), tensor.data_ptr() + tensor.nbytes, key)
        for key, tensor in tensors.items()
        if key not in shared and tensor.nbytes
    )
    end = 0
    for first, last, key in ranges:
        if first < end:
            shared.add(key)
        end = max(end, last)
    return shared


def _is_same(one: Tensor, other: Tensor) -> bool:
    if one.shape != other.shape:
        return False
    if one.data_ptr() == other.data_ptr() and one.stride() == other.stride():
        return True
    return torch.equal(one, other)


def _check_missing(
    model: nn.Module,
    missing: Iterable[str],
    base_prefix: str,
    state: Mapping[str, Tensor],
    mismatched: Mapping[str, str],
) -> None:
    """Refuse a checkpoint with less than half of the bare model: a head may be new, it not."""
    parameters = [name for name, _ in model.named_parameters(remove_duplicate=False)]
    bare = {name for name in parameters if name.startswith(base_prefix)} or set(parameters)
    lacking = [name for name in missing if name in bare]
    if 2 * len(lacking) > len(bare):
        others = sum(name in mismatched for name in lacking)
        raise MostlyMissing(
            f"{len(lacking)} of the {len(bare)} weights of {type(model).__name__} without its head "
            f"are missing, {f'{others} of them with other shapes, ' if others else ''}such as "
            f"{_some(lacking)}; the checkpoint has {_some(state)}. Give the "
            "checkpoint of such a model, or copy single weights with load_state_dict(strict=False)"
        )


def _check_value(key: str, target: Tensor, tensor: Tensor) -> None:
    if not target.is_floating_point():
        return
    is_dense = tensor.layout == torch.strided and not tensor.is_nested
    if tensor.dtype in _FLOATING and is_dense and not tensor.is_meta:
        return
    kind = str(tensor.dtype if tensor.layout == torch.strided else tensor.layout)
    kind = "nested" if tensor.is_nested else kind.removeprefix("torch.")
    remedy = "if it was quantized, load it with the library that did that, and save it as float32"
    if tensor.is_meta:
        kind, remedy = "without values", "give those of a model that is not on the meta device"
    raise UnusableWeights(
        f"{key} is {kind} in the checkpoint, and weights are dense floating-point numbers; {remedy}"
    )


def _some(keys: Iterable[str]) -> str:
    return ", ".join(repr(key) for key in list(keys)[:3]) or "nothing at all"
