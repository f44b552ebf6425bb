"""The linear layer of the GPT families, whose weights are transposed."""

from __future__ import annotations

import sys
from typing import Any

import torch
from torch import Tensor, nn


class Conv1D(nn.Module):
    """A linear layer with weights (in, out), as OpenAI's checkpoints store them.

    The name is from OpenAI's code: a convolution of width 1 over the text is a linear layer.

    Args:
        nf: size of the output.
        nx: size of the input.

    Example:
        >>> Conv1D(6, 2)(torch.zeros(1, 5, 2)).shape
        torch.Size([1, 5, 6])
    """

    def __init__(self, nf: int, nx: int) -> None:
        nn.Module.__init__(self)
        join_transformers()
        self.nf = nf
        self.weight = nn.Parameter(torch.empty(nx, nf))
        self.bias = nn.Parameter(torch.empty(nf))
        nn.init.normal_(self.weight, std=0.02)
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(..., in) → (..., out)."""
        flat = x.flatten(0, -2) if x.dim() > 1 else x[None]
        return torch.addmm(self.bias, flat, self.weight).view(*x.shape[:-1], self.nf)

    @property
    def in_features(self) -> int:
        """Size of the input, under the name that linear layers of PyTorch have for it."""
        return self.weight.size(0)

    @property
    def out_features(self) -> int:
        """Size of the output, likewise."""
        return self.weight.size(1)

    def __repr__(self) -> str:
        return nn.Module.__repr__(self)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        join_transformers()

    def extra_repr(self) -> str:
        """Sizes, for ``print(model)``."""
        return f"nf={self.nf}, nx={self.weight.size(0)}"


def join_transformers() -> None:
    """Make the layer one of the layers of transformers that has its name, if that is imported.

    Both are the same layer: weights (in, out), a bias, ``nf``. Libraries of adapters, such as peft,
    import transformers and know this layer by that class only. Nothing is inherited: the layer
    defines all that the class has.
    """
    theirs = getattr(sys.modules.get("transformers.pytorch_utils"), "Conv1D", None)
    if theirs is not None and Conv1D.__bases__ == (nn.Module,):
        Conv1D.__bases__ = (theirs,)
