"""Gradient checkpointing: layers that are computed again for the gradients, to save memory.

Source:
    Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost", arXiv:1604.06174.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint


def recomputed(layer: Callable[..., Any], *, wanted: bool) -> Callable[..., Any]:
    """Return a layer, or one that keeps only its inputs and runs again when gradients are needed.

    Args:
        layer: a module or function of tensors.
        wanted: whether to save memory; has no effect if no gradients are computed.

    Example:
        >>> square = recomputed(torch.square, wanted=True)
        >>> square(torch.tensor(3.0, requires_grad=True)).item()
        9.0
    """
    if not wanted or not torch.is_grad_enabled():
        return layer
    return partial(checkpoint, layer, use_reentrant=False)
