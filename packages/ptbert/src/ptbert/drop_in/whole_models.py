"""Let ``torch.load`` open whole models, without running code that a file contains.

Programs of 2019 save models by ``torch.save(model, path)`` and open them by ``torch.load(path)``.
Today's ``torch.load`` refuses every class that it does not know to be safe. A class is safe if
making an object of it and setting its attributes does nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import torch
from torch import nn

from ptbert_models.config import PreTrainedConfig
from ptbert_models.gpt.heads import TiedLinear
from ptbert_models.parts.activations import gelu, gelu_tanh, swish

_MODULES = (
    "modeling",
    "modeling_gpt2",
    "modeling_openai",
    "modeling_transfo_xl",
    "modeling_transfo_xl_utilities",
)
_OF_PYTORCH = (
    nn.DataParallel,
    nn.Dropout,
    nn.Dropout1d,
    nn.Embedding,
    nn.Linear,
    nn.ModuleList,
    nn.ParameterList,
    nn.ReLU,
    nn.Sequential,
    nn.Tanh,
)
_ACTIVATIONS = (gelu, gelu_tanh, swish)


def allow_whole_models(name: str) -> None:
    """Let ``torch.load`` open whole models made of this library's parts, in this process.

    A program's own classes are still refused; see ``torch.serialization.add_safe_globals``.

    Args:
        name: the old package, whose classes files may name besides ptbert's.
    """
    torch.serialization.add_safe_globals([*_OF_PYTORCH, *_ACTIVATIONS, TiedLinear, *_parts(name)])


def _parts(name: str) -> Iterator[Any]:
    for module_name in _MODULES:
        module = import_module(f"ptbert.{module_name}")
        for part_name in module.__all__:
            part = getattr(module, part_name)
            if _is_part(part) and part not in _OF_PYTORCH:
                yield part
                yield part, f"{name}.{module_name}.{part_name}"


def _is_part(value: Any) -> bool:
    """Whether something is a module, a configuration or an activation of this library."""
    if isinstance(value, type):
        return issubclass(value, (nn.Module, PreTrainedConfig))
    return any(value is activation for activation in _ACTIVATIONS)
