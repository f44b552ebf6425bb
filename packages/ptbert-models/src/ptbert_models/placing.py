"""Where the weights of a model go while they are loaded, and in which precision"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from ptbert_models.files.loading import checked_destination

_AUTO = "auto"  # as the configuration or the weights say
DTYPE_KEYS = ("dtype", "torch_dtype")  # of configurations of later libraries, today's first


@dataclass(frozen=True)
class Placement:
    """What a caller says about the parameters of a model; see ``from_pretrained``.

    Args:
        dtype: their floating-point type, its name, or "auto".
        torch_dtype: the same under its older name.
        device: where they are: a device, its name, or its number.
        ignore_mismatched_sizes: whether weights with other shapes are left out.

    Raises:
        TypeError: if the type is none of weights.
        ValueError: if the two types differ, or the device is unknown.

    Example:
        >>> Placement(dtype="float16").kind(None, {})
        torch.float16
    """

    dtype: torch.dtype | str | None = None
    torch_dtype: torch.dtype | str | None = None
    device: torch.device | str | int | None = None
    ignore_mismatched_sizes: bool = False

    def __post_init__(self) -> None:
        if len(set(self._kinds())) > 1:
            raise ValueError(
                f"dtype={self.dtype!r} contradicts torch_dtype={self.torch_dtype!r}, which is its "
                "older name; give one of them"
            )
        checked_destination(None, self.device)

    def kind(self, config: Any, weights: Mapping[str, Tensor]) -> torch.dtype | None:
        """Return the type; with "auto" that of the configuration, else of the weights."""
        kind = next(iter(self._kinds()), None)
        if isinstance(kind, torch.dtype | None):
            return kind
        for key in DTYPE_KEYS:
            if (said := getattr(config, key, None)) not in (None, _AUTO):
                return dtype_of(said)
        floating = (each.dtype for each in weights.values() if each.is_floating_point())
        return next(floating, None)

    def _kinds(self) -> list[torch.dtype | str]:
        given = [each for each in (self.dtype, self.torch_dtype) if each is not None]
        return [_AUTO if each == _AUTO else dtype_of(each) for each in given]


def dtype_of(value: Any) -> torch.dtype:
    """Return a floating-point type by its name.

    Raises:
        TypeError: if it is none.

    Example:
        >>> dtype_of("bfloat16"), dtype_of("torch.float16")
        (torch.bfloat16, torch.float16)
    """
    name = value.removeprefix("torch.") if isinstance(value, str) else ""
    found = getattr(torch, name or "?", value)
    checked_destination(found if isinstance(found, torch.dtype) else value, None)
    return cast("torch.dtype", found)
