"""The configuration of a model as it is now, whatever was changed since it was built."""

from __future__ import annotations

import copy
import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import suppress
from operator import attrgetter
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ptbert_hub import CONFIG_NAME, atomic_write
from ptbert_hub.messages import shown
from ptbert_models.config import PreTrainedConfig
from ptbert_models.files.loading import unwrapped_keys
from ptbert_models.files.shards import bytes_of
from ptbert_models.files.weights import with_later_names, write_weights
from ptbert_models.parts.activations import activation_name
from ptbert_models.parts.initialization import NoInitialization

logger = logging.getLogger(__name__)

# What a program sets for its own run, and gives to from_pretrained again if it wants to.
_OF_THE_RUN = frozenset(
    {
        "config",
        "gradient_checkpointing",
        "keep_multihead_output",
        "last_hidden_state_only",
        "leave_out_padding",
        "max_klen",  # shows in the shapes of tables, if there are any
        "multihead_output",
        "output_attentions",
        "training",
    }
)
_PLAIN = (bool, int, float, str, list, tuple, type(None))


def is_ours(model_class: type[nn.Module]) -> bool:
    """Whether the constructor of a class is known to need nothing but a configuration."""
    return model_class.__init__.__module__.startswith(f"{__package__}.")


def save(model: Any, folder: Path, *, safe_serialization: bool, max_shard_size: int | str) -> None:
    """Write a model's configuration and weights; see ``PreTrainedModel.save_pretrained``."""
    bytes_of(max_shard_size)  # fails before anything is written
    state = model.state_dict()
    check_values(state)
    config = described(model, state)
    if is_ours(type(model)):
        check_rebuilding(model, config, state)
    text = config.to_json_string()  # fails before anything is written
    folder.mkdir(parents=True, exist_ok=True)
    state = with_later_names(state, model.later_names(model.config))
    write_weights(
        state, folder, safe_serialization=safe_serialization, max_shard_size=max_shard_size
    )
    with atomic_write(folder / CONFIG_NAME) as file:
        file.write(text.encode("utf-8"))
    old = model.config
    for part in model.modules():  # the bare model has the same configuration
        if getattr(part, "config", None) is old:
            part.config = config


def check_values(state: Mapping[str, Tensor]) -> None:
    """Raise ``ValueError`` for weights that have only a shape and a type.

    Example:
        >>> check_values(nn.Linear(1, 1).state_dict())
    """
    for name, tensor in state.items():
        if tensor.is_meta:
            raise ValueError(
                f"{name} is on the meta device, so it has no values that could be saved; load the "
                'model with from_pretrained, or call model.to_empty(device="cpu") and '
                "model.load_state_dict(...) first"
            )


def described(model: Any, state: Mapping[str, Tensor]) -> PreTrainedConfig:
    """Return the configuration of a model as it is, with the name of its class.

    Args:
        model: a ``PreTrainedModel``; its own configuration stays as it is.
        state: its weights.
    """
    config: PreTrainedConfig = copy.deepcopy(model.config)
    bare = getattr(model, model.base_model_prefix, model)
    changes: dict[str, Any] = {}
    for key, path in model.kept_sizes.items():
        for owner in (bare, model):
            with suppress(AttributeError):  # a program has replaced that part, or has none
                value = attrgetter(path)(owner)
                changes[key] = len(value) if isinstance(value, nn.ModuleList) else value
    if config.vocabulary_key in changes:
        changes[config.vocabulary_key] -= getattr(config, "n_special", 0)
    pruned = _pruned_heads(bare, model.attention_of_layers)
    if pruned or config.pruned_heads:
        changes["pruned_heads"] = pruned
    for key, value in changes.items():
        if getattr(config, key) != value:  # else a file stays without what it did not say
            setattr(config, key, value)
    for key, value in vars(config).items():
        if callable(value) and (known := activation_name(value)):
            setattr(config, key, known)
    for name, key in model.saved_arguments.items():
        value = len(state[key]) if key in state else getattr(model, name)
        if getattr(config, name, None) != value:
            setattr(config, name, value)
    floating = (str(each.dtype) for each in state.values() if each.is_floating_point())
    kind = next(floating, "float32").removeprefix("torch.")
    for key in {"dtype", "torch_dtype"} & vars(config).keys():  # as the weights are now
        setattr(config, key, kind)
    number = model.labels_elsewhere or getattr(config, "num_labels", None)
    if isinstance(number, int):
        config.forget_other_labels(number)
    return config.naming(type(model))


def _pruned_heads(bare: nn.Module, places: tuple[str, str] | None) -> dict[str, list[int]]:
    if places is None:
        return {}
    found = {}
    with suppress(AttributeError):
        for number, layer in enumerate(attrgetter(places[0])(bare)):
            if heads := getattr(getattr(layer, places[1]), "pruned_heads", ()):
                found[str(number)] = sorted(heads)
    return found


def check_rebuilding(model: Any, config: PreTrainedConfig, state: Mapping[str, Tensor]) -> None:
    """Build a model from a configuration, without memory, and compare it with the one to be saved.

    Args:
        model: the model, of a class of this library.
        config: what ``described`` returned.
        state: the weights that are to be written.

    Raises:
        ValueError: if ``from_pretrained`` would make another model of them.
    """
    text = json.loads(config.to_json_string())
    with torch.device("meta"), NoInitialization():
        twin = type(model).from_config(type(config).from_dict(text))
    try:
        report = twin.plan_loading(state).report
    except ValueError as error:
        raise _not_rebuilt(model, str(error)) from error
    if report.missing or report.unused:
        lacking = ", ".join(report.missing[:3]) or "nothing"
        extra = ", ".join(report.unused[:3]) or "nothing"
        raise _not_rebuilt(model, f"it lacks {lacking} and has {extra} that its class has not")
    for difference in _differences(twin, model):
        raise _not_rebuilt(model, difference)


def _not_rebuilt(model: nn.Module, difference: str) -> ValueError:
    return ValueError(
        f"this {type(model).__name__} was changed in a way that its configuration cannot say, so "
        f"from_pretrained would make another model: {difference}. Save it with "
        "torch.save(model.state_dict(), path), and change the model again before loading that"
    )


def _differences(twin: nn.Module, model: nn.Module) -> Iterator[str]:
    """Yield what computes otherwise in one of two models with the same weights."""
    theirs, ours = _modules(twin), _modules(model)
    for name in [*theirs, *(name for name in ours if name not in theirs)]:
        place = name or "the model"
        if name not in ours or name not in theirs:
            yield f"{place} is in one of them only"
            continue
        new, old = theirs[name], ours[name]
        if type(new) is not type(old):
            yield f"{place} is a {type(old).__name__}, where its class has a {type(new).__name__}"
        if isinstance(old, nn.modules.dropout._DropoutNd):  # noqa: SLF001  # has no public name
            if isinstance(new, type(old)) and new.p != old.p:
                logger.warning(
                    "%s drops out at the rate %s here, and at %s, as the configuration says, after "
                    "loading",
                    place,
                    old.p,
                    new.p,
                )
            continue
        was, now = _settings(new), _settings(old)
        for key in sorted((was.keys() | now.keys()) - getattr(model, "saved_arguments", {}).keys()):
            if not _is_equal(was.get(key), now.get(key)):
                yield f"{place} has {key}={shown(now.get(key))} instead of {shown(was.get(key))}"


def _modules(model: nn.Module) -> dict[str, nn.Module]:
    """Return all parts by name; what wraps one, such as ``torch.compile``, counts as the part."""
    return {list(unwrapped_keys(name))[-1]: each for name, each in model.named_modules()}


def _settings(module: nn.Module) -> dict[str, Any]:
    """Return the plain values and functions that a module computes with."""
    return {
        key: value
        for key, value in vars(module).items()
        if not key.startswith("_")
        and key not in _OF_THE_RUN
        and (isinstance(value, _PLAIN) or callable(value))
    }


def _is_equal(one: Any, other: Any) -> bool:
    if isinstance(one, _PLAIN) and isinstance(other, _PLAIN):
        return one == other
    if callable(one) and callable(other) and (name := activation_name(one)):
        return name == activation_name(other)
    return one is other
