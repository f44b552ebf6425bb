"""Let ``torch.load`` open whole models, without running code that a file contains.

Programs of 2019 save models by ``torch.save(model, path)`` and open them by ``torch.load(path)``.
Today's ``torch.load`` refuses every class that it does not know to be safe. Here it gets, under the
names of the classes of models, stand-ins that make empty objects and never run a constructor: a
configuration would read a file, and a layer would take any memory that a file asks for.
"""

from __future__ import annotations

import functools
import pickle
from collections.abc import Iterator
from importlib import import_module
from typing import Any, NoReturn

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


# A name that no file can ask for, because it has no module. PyTorch sets the attributes of an
# object only if it knows its class under some name.
_NO_NAME = "object of a whole model"

_SWITCH = (
    "The file holds other objects than tensors and the library's classes. If you trust the file, "
    "set TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1, and torch.load opens it as in 2019; it may then run "
    "code."
)


def allow_whole_models(name: str) -> None:
    """Let ``torch.load`` open whole models made of this library's parts, in this process.

    A program's own classes are still refused, with a note that says how to open them anyway.

    Args:
        name: the old package, whose classes files may name besides ptbert's.
    """
    known: list[Any] = [*_ACTIVATIONS]
    for part, names in _parts(name):
        if isinstance(part, type):
            stand_in = _stand_in(part)
            known += [(stand_in, each) for each in names]
            known.append((part, f"{_NO_NAME} {len(known)}"))
        else:
            known += [(part, each) for each in names]
    torch.serialization.add_safe_globals(known)
    if not hasattr(torch.load, "__wrapped__"):
        torch.load = _with_note(torch.load)


class _NeverCalled(type):
    """The type of stand-ins, whose constructors cannot be run."""

    def __call__(cls, *_arguments: Any, **_keywords: Any) -> NoReturn:
        raise pickle.UnpicklingError(f"{cls.__name__} is made by torch.save without a call")


def _stand_in(part: type) -> type:
    """A class whose ``__new__`` makes an empty object of another class."""
    return _NeverCalled(part.__name__, (), {"__new__": lambda _, *_arguments: object.__new__(part)})


def _with_note(load: Any) -> Any:
    @functools.wraps(load)
    def load_with_note(*args: Any, **kwargs: Any) -> Any:
        try:
            return load(*args, **kwargs)
        except pickle.UnpicklingError as error:
            if "Unsupported global" in str(error):
                error.add_note(_SWITCH)
            raise

    return load_with_note


def _parts(name: str) -> Iterator[tuple[Any, list[str]]]:
    """Classes and activations that files may name, and their names."""
    for part in (*_OF_PYTORCH, TiedLinear):
        yield part, [f"{part.__module__}.{part.__qualname__}"]
    for module_name in _MODULES:
        module = import_module(f"ptbert.{module_name}")
        for part_name in module.__all__:
            part = getattr(module, part_name)
            if _is_part(part) and part not in _OF_PYTORCH:
                own = f"{part.__module__}.{part.__qualname__}"
                yield part, [own, f"{name}.{module_name}.{part_name}"]


def _is_part(value: Any) -> bool:
    """Whether something is a module, a configuration or an activation of this library."""
    if isinstance(value, type):
        return issubclass(value, (nn.Module, PreTrainedConfig))
    return any(value is activation for activation in _ACTIVATIONS)
