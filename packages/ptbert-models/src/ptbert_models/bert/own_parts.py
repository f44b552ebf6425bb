"""Whether a program has replaced or patched parts of an encoder.

Programs replace layers and attentions, or their ``forward``, by code that was written for the
library of 2019. Such parts are called as in 2019, without the short cuts of ``packed.py``.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from ptbert_models.bert.layers import (
    BertAttention,
    BertEncoder,
    BertIntermediate,
    BertLayer,
    BertOutput,
    BertSelfAttention,
    BertSelfOutput,
)
from ptbert_models.parts.hooks import has_hooks
from ptbert_models.parts.normalization import BertLayerNorm

_FORWARDS: dict[type[nn.Module], Any] = {
    part: part.forward
    for part in (
        BertAttention,
        BertEncoder,
        BertIntermediate,
        BertLayer,
        BertLayerNorm,
        BertOutput,
        BertSelfAttention,
        BertSelfOutput,
        nn.Dropout,
        nn.Linear,
        nn.ModuleList,
    )
}


def is_own(module: nn.Module) -> bool:
    """Whether a module's class and ``forward`` are this library's own, or PyTorch's.

    Example:
        >>> is_own(nn.Linear(2, 2)), is_own(nn.Tanh())
        (True, False)
    """
    part = type(module)
    return part in _FORWARDS and part.forward is _FORWARDS[part] and "forward" not in vars(module)


def are_untouched(encoder: nn.Module) -> bool:
    """Whether all parts are this library's own, have no hooks, and keep no outputs."""
    for module in encoder.modules():
        if (
            not is_own(module)
            or has_hooks(module)
            or getattr(module, "output_attentions", False)
            or getattr(module, "keep_multihead_output", False)
        ):
            return False
    return True


def mask_may_be_left_out(encoder: Any) -> bool:
    """Whether all parts that take an attention mask also take None.

    In 2019 there was always a mask, and programs of that time add it to the scores.
    """
    return is_own(encoder) and all(
        is_own(layer) and is_own(layer.attention) and is_own(layer.attention.self)
        for layer in encoder.layer
    )
