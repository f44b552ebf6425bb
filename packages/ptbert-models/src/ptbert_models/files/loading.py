"""Fitting a dictionary of weights into a model: rename, match, report, fill.

Families contribute data, not code: see the class attributes of
`ptbert_models.pretrained.PreTrainedModel`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from ptbert_models.errors import NothingLoaded, ShapeMismatch

WRAPPER_PREFIX = "module."  # what DataParallel puts before every key


@dataclass(frozen=True)
class LoadReport:
    """What became of the weights, by the model's key names and by the checkpoint's.

    Args:
        loaded: the model's keys that were filled.
        missing: the model's keys that the checkpoint lacks.
        unused: the checkpoint's keys that the model lacks.
    """

    loaded: tuple[str, ...]
    missing: tuple[str, ...]
    unused: tuple[str, ...]


@dataclass(frozen=True)
class LoadPlan:
    """Which tensor fills which key of a model, decided before anything is touched."""

    sources: Mapping[str, Tensor]
    report: LoadReport


def modern_key(
    key: str, legacy_suffixes: Mapping[str, str], ignored_suffixes: Iterable[str]
) -> str | None:
    """Return today's spelling of a key, or None for what is stored no longer.

    Args:
        key: a key of a ``state_dict``.
        legacy_suffixes: old ending → new ending.
        ignored_suffixes: endings of keys that old files hold and models no longer need.

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


def fitting_key(key: str, wanted: Mapping[str, Tensor], base_prefix: str) -> str | None:
    """Return the key of a model that a checkpoint's key stands for, if there is one.

    A bare model's file fits a model with a head and the reverse: the base prefix is added or
    stripped as needed, and so is the prefix of a wrapper.

    Example:
        >>> wanted = {"bert.pooler.weight": None}
        >>> fitting_key("module.pooler.weight", wanted, "bert.")
        'bert.pooler.weight'
        >>> fitting_key("bert.pooler.weight", {"pooler.weight": None}, "bert.")
        'pooler.weight'
    """
    bare = key.removeprefix(WRAPPER_PREFIX)
    for candidate in (key, bare, base_prefix + bare, bare.removeprefix(base_prefix)):
        if candidate in wanted:
            return candidate
    return None


def plan_loading(
    model: nn.Module,
    state: Mapping[str, Tensor],
    *,
    base_prefix: str,
    legacy_suffixes: Mapping[str, str],
    ignored_suffixes: Iterable[str],
) -> LoadPlan:
    """Decide which tensor goes where; nothing is changed.

    Raises:
        NothingLoaded: if no tensor fits.
        ShapeMismatch: if a tensor has another shape than the parameter that it is for.
    """
    wanted = model.state_dict(keep_vars=True)
    sources: dict[str, Tensor] = {}
    unused = []
    for key, tensor in state.items():
        new_key = modern_key(key, legacy_suffixes, ignored_suffixes)
        if new_key is None:
            continue
        target = fitting_key(new_key, wanted, base_prefix)
        if target is None:
            unused.append(key)
        else:
            sources[target] = tensor
    if not sources:
        raise NothingLoaded(
            f"none of the {len(state)} weights given belongs to {type(model).__name__}: it has "
            f"keys such as {_some(wanted)}, and the checkpoint has {_some(state)}"
        )
    filled = {id(wanted[key]) for key in sources}  # a tied parameter has several keys
    missing = [  # buffers have the values that the constructor computed
        key
        for key, parameter in wanted.items()
        if isinstance(parameter, nn.Parameter) and id(parameter) not in filled
    ]
    _check_shapes(wanted, sources)
    return LoadPlan(sources, LoadReport(tuple(sources), tuple(missing), tuple(unused)))


def fill(model: nn.Module, plan: LoadPlan, *, take: bool) -> None:
    """Put the planned tensors into the model.

    Args:
        model: the model the plan was made for.
        plan: see `plan_loading`.
        take: whether the model may keep the tensors themselves. False copies them, so that
            training does not change the caller's.
    """
    wanted = model.state_dict(keep_vars=True)
    owners: dict[int, Tensor] = {}
    for key, tensor in plan.sources.items():
        target = wanted[key]
        if not take:
            target.data.copy_(tensor.detach())
            continue
        converted = tensor.detach().to(dtype=target.dtype, device=target.device)
        # Two keys of a file may share memory where this model's parameters are separate.
        if owners.setdefault(converted.data_ptr(), target) is not target:
            converted = converted.clone()
        target.data = converted


def _check_shapes(wanted: Mapping[str, Tensor], sources: Mapping[str, Tensor]) -> None:
    wrong = [
        f"{key}: {tuple(tensor.shape)} in the checkpoint, {tuple(wanted[key].shape)} in the model"
        for key, tensor in sources.items()
        if tensor.shape != wanted[key].shape
    ]
    if wrong:
        raise ShapeMismatch(
            f"{len(wrong)} weights have other shapes than the model: {'; '.join(wrong[:10])}. "
            "Build the model with the sizes of the checkpoint"
        )


def _some(keys: Iterable[str]) -> str:
    return ", ".join(repr(key) for key in list(keys)[:3]) or "nothing at all"
