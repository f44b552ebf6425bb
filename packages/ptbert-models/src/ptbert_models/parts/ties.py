"""Parameters that several modules share, and operations that would take them apart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


def shared_parameters(model: nn.Module) -> dict[nn.Parameter, list[tuple[nn.Module, str]]]:
    """Return the parameters that stand in several places, with their modules and names."""
    places: dict[nn.Parameter, list[tuple[nn.Module, str]]] = {}
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False, remove_duplicate=False):
            places.setdefault(parameter, []).append((module, name))
    return {parameter: owners for parameter, owners in places.items() if len(owners) > 1}


@contextmanager
def keeping_ties(model: nn.Module) -> Iterator[None]:
    """Let modules that share a parameter share one afterwards, also if it was replaced.

    Moving a model away from the meta device makes new parameters, one for each place, and so does
    ``load_state_dict(assign=True)``.

    Example:
        >>> import torch
        >>> with torch.device("meta"):
        ...     first, second = nn.Linear(2, 2), nn.Linear(2, 2)
        >>> second.weight = first.weight
        >>> pair = nn.Sequential(first, second)
        >>> with keeping_ties(pair):
        ...     pair = pair.to_empty(device="cpu")
        >>> first.weight is second.weight
        True
    """
    ties = shared_parameters(model)
    yield
    for old, owners in ties.items():
        new = [getattr(module, name) for module, name in owners]
        shared = next((each for each in new if each is not old), old)
        for module, name in owners:
            if getattr(module, name) is not shared:
                setattr(module, name, shared)


def replace_shared(model: nn.Module, old: nn.Module, new: nn.Module) -> None:
    """Let a model share the parameters of a new module where it shared those of the old one.

    Example:
        >>> old, new = nn.Embedding(3, 2), nn.Embedding(5, 2)
        >>> head = nn.Linear(2, 3, bias=False)
        >>> head.weight = old.weight
        >>> replace_shared(head, old, new)
        >>> head
        Linear(in_features=2, out_features=5, bias=False)
    """
    parameters = dict(new.named_parameters())
    for name, parameter in list(old.named_parameters()):
        if name not in parameters:
            continue
        for module in model.modules():
            for place, own in list(module.named_parameters(recurse=False, remove_duplicate=False)):
                if own is parameter:
                    setattr(module, place, parameters[name])
                    if isinstance(module, nn.Linear):
                        module.out_features = module.weight.size(0)
