"""Initialising parameters, and skipping that where a file has the values."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from ptbert_models.parts.conv1d import Conv1D
from ptbert_models.parts.normalization import BertLayerNorm


def initialize_normal(module: nn.Module, std: float) -> None:
    """Initialise one module as the authors of BERT and GPT-2 did.

    Args:
        module: weights of ``torch.nn.Linear``, ``Conv1D`` and ``torch.nn.Embedding`` become normal
            noise, biases 0, and scales of ``BertLayerNorm`` 1; other modules, and modules inside
            this one, are left alone.
        std: standard deviation of the noise.
    """
    if isinstance(module, (nn.Linear, Conv1D, nn.Embedding)):
        nn.init.normal_(module.weight, mean=0.0, std=std)
    elif isinstance(module, BertLayerNorm):
        nn.init.ones_(module.weight)
        nn.init.zeros_(module.bias)
    if isinstance(module, (nn.Linear, Conv1D)) and module.bias is not None:
        nn.init.zeros_(module.bias)


class NoInitialization(TorchFunctionMode):
    """Inside this context ``torch.nn.init`` and in-place filling do nothing, in this thread.

    A model that is filled from a file needs no initial values; for BERT-base they take seconds.

    Example:
        >>> with NoInitialization():
        ...     linear = torch.nn.Linear(2, 2)  # holds whatever was in memory
        >>> linear.weight.shape
        torch.Size([2, 2])
    """

    _SKIPPED = frozenset(
        [getattr(nn.init, name) for name in dir(nn.init) if name[0] != "_" and name[-1] == "_"]
        + [torch.Tensor.normal_, torch.Tensor.uniform_, torch.Tensor.zero_, torch.Tensor.fill_]
    )

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in self._SKIPPED:
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)
