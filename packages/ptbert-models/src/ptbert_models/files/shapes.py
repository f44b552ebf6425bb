"""Weights of other shapes than the model's: which they are, and what the error about them says."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from torch import Tensor

from ptbert_models.errors import ShapeMismatch

# Numbers of a configuration that may equal a size by chance.
_IN_NO_SHAPE = frozenset(
    ("n_layer", "num_attention_heads", "num_hidden_layers", "num_labels", "pad_token_id")
)


def other_shapes(
    model_state: Mapping[str, Tensor], sources: Mapping[str, Tensor]
) -> dict[str, str]:
    """Return both shapes of each tensor that does not fit, in words, by the model's key.

    Example:
        >>> import torch
        >>> other_shapes({"a": torch.ones(2), "b": torch.ones(2)},
        ...              {"a": torch.ones(3), "b": torch.ones(2)})
        {'a': 'a: (3,) in the checkpoint, (2,) in the model'}
    """
    return {
        key: f"{key}: {tuple(tensor.shape)} in the checkpoint, "
        f"{tuple(model_state[key].shape)} in the model"
        for key, tensor in sources.items()
        if tensor.shape != model_state[key].shape
    }


def shape_mismatch(
    config: Any,
    model_state: Mapping[str, Tensor],
    sources: Mapping[str, Tensor],
    wrong: Mapping[str, str],
    saved_arguments: Mapping[str, str | None],
) -> ShapeMismatch:
    """Return the error about tensors of other shapes, with what to do about them.

    Args:
        config: the model's configuration, or None.
        model_state: the model's tensors by key.
        sources: the tensors for them.
        wrong: see ``other_shapes``.
        saved_arguments: arguments of the class, by the key of the weights that has as many rows.
    """
    remedy = "Build the model with the sizes of the checkpoint"
    sizes = _wrong_sizes(config, model_state, sources, wrong)
    if sizes:
        remedy = f"The configuration says {', '.join(sizes)}. {remedy}"
    for argument, key in saved_arguments.items():
        if key is not None and key in sources and len(sources[key]) != len(model_state[key]):
            remedy = f"The checkpoint needs {argument}={len(sources[key])}"
    return ShapeMismatch(
        f"{len(wrong)} weights have other shapes than the model: "
        f"{'; '.join(list(wrong.values())[:10])}. {remedy}"
    )


def _wrong_sizes(
    config: Any,
    model_state: Mapping[str, Tensor],
    sources: Mapping[str, Tensor],
    wrong: Collection[str],
) -> list[str]:
    """Say which sizes of a configuration are others in the weights, as far as that is plain.

    A number that is right in another weight may be equal by chance.
    """
    found: dict[int, set[int]] = {}
    for key in wrong:
        have, want = sources[key].shape, model_state[key].shape
        for there, here in zip(have, want, strict=False) if len(have) == len(want) else ():
            if there != here:
                found.setdefault(here, set()).add(there)
    fitting = {size for key, tensor in sources.items() if key not in wrong for size in tensor.shape}
    return [
        f"{key}={value}, where the checkpoint has {next(iter(found[value]))}"
        for key, value in (vars(config) if config is not None else {}).items()
        if type(value) is int and len(found.get(value, ())) == 1
        if key not in _IN_NO_SHAPE and value not in fitting
    ]
