"""Fitting a dictionary of weights into a model: rename, match, report, fill.

Families contribute data, not code: see the class attributes of
``ptbert_models.pretrained.PreTrainedModel``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from ptbert_models.errors import NothingLoaded, ShapeMismatch

WRAPPER_PREFIX = "module."  # what DataParallel puts before every key


@dataclass(frozen=True)
class LoadReport:
    """What happened to each weight, by the key names of the model and of the checkpoint.

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


def fitting_key(key: str, model_state: Mapping[str, Tensor], base_prefix: str) -> str | None:
    """Return the model's key that belongs to a key of a checkpoint, or None.

    A file of a bare model fits a model with a head, and the reverse: the base prefix is added or
    removed as needed. The prefix of a wrapper is removed.

    Example:
        >>> model_state = {"bert.pooler.weight": None}
        >>> fitting_key("module.pooler.weight", model_state, "bert.")
        'bert.pooler.weight'
        >>> fitting_key("bert.pooler.weight", {"pooler.weight": None}, "bert.")
        'pooler.weight'
    """
    bare = key.removeprefix(WRAPPER_PREFIX)
    for candidate in (key, bare, base_prefix + bare, bare.removeprefix(base_prefix)):
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
) -> LoadPlan:
    """Decide which tensor goes where; nothing is changed.

    Raises:
        NothingLoaded: if no tensor fits.
        ShapeMismatch: if a tensor has another shape than the parameter that it is for.
    """
    model_state = model.state_dict(keep_vars=True)
    sources: dict[str, Tensor] = {}
    unused = []
    for key, tensor in state.items():
        new_key = modern_key(key, legacy_suffixes, ignored_suffixes)
        if new_key is None:
            continue
        target = fitting_key(new_key, model_state, base_prefix)
        if target is None:
            unused.append(key)
        else:
            sources[target] = tensor
    if not sources:
        raise NothingLoaded(
            f"none of the {len(state)} weights given belongs to {type(model).__name__}: it has "
            f"keys such as {_some(model_state)}, and the checkpoint has {_some(state)}"
        )
    filled = {id(model_state[key]) for key in sources}  # a tied parameter has several keys
    missing = [  # buffers have the values that the constructor computed
        key
        for key, parameter in model_state.items()
        if isinstance(parameter, nn.Parameter) and id(parameter) not in filled
    ]
    _check_shapes(model_state, sources)
    return LoadPlan(sources, LoadReport(tuple(sources), tuple(missing), tuple(unused)))


def fill(model: nn.Module, plan: LoadPlan, *, take: bool) -> None:
    """Put the planned tensors into the model.

    Args:
        model: the model the plan was made for.
        plan: see ``plan_loading``.
        take: whether the model may keep the tensors themselves. False copies them, so that
            training does not change the caller's.
    """
    model_state = model.state_dict(keep_vars=True)
    owners: dict[int, Tensor] = {}
    for key, tensor in plan.sources.items():
        target = model_state[key]
        if not take:
            target.data.copy_(tensor.detach())
            continue
        converted = tensor.detach().to(dtype=target.dtype, device=target.device)
        # Two keys of a file may share memory where this model's parameters are separate.
        if owners.setdefault(converted.data_ptr(), target) is not target:
            converted = converted.clone()
        target.data = converted


def _check_shapes(model_state: Mapping[str, Tensor], sources: Mapping[str, Tensor]) -> None:
    wrong = [
        f"{key}: {tuple(tensor.shape)} in the checkpoint, "
        f"{tuple(model_state[key].shape)} in the model"
        for key, tensor in sources.items()
        if tensor.shape != model_state[key].shape
    ]
    if wrong:
        raise ShapeMismatch(
            f"{len(wrong)} weights have other shapes than the model: {'; '.join(wrong[:10])}. "
            "Build the model with the sizes of the checkpoint"
        )


def _some(keys: Iterable[str]) -> str:
    return ", ".join(repr(key) for key in list(keys)[:3]) or "nothing at all"
