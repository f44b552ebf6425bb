"""The factor of the loss that keeps small gradients from becoming 0 in float16."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_GROW_AFTER = 2000  # steps with finite gradients
_FIRST = 2.0**16


class LossScale:
    """A power of 2 by which losses are multiplied, and gradients divided again.

    It is halved when a gradient is not finite, and doubled after 2,000 steps without that. Powers
    of 2 change no digits, so the state is two whole numbers and exact in a checkpoint. For numbers
    with the range of float32 it is always 1.

    Args:
        precision: as in the settings.
        state: as ``state()`` returned it, of a training that goes on.

    Source:
        Micikevicius et al. 2018, "Mixed Precision Training", arXiv:1710.03740, section 3.2.

    Example:
        >>> scale = LossScale("float16")
        >>> scale.halve()
        True
        >>> scale.factor, scale.state()
        (32768.0, {'factor': 32768.0, 'steps': 0})
    """

    def __init__(self, precision: str, state: Mapping[str, Any] | None = None) -> None:
        self.is_used = precision == "float16"
        state = state or {}
        self.factor = float(state.get("factor", _FIRST if self.is_used else 1.0))
        self._steps = int(state.get("steps", 0))

    def state(self) -> dict[str, float]:
        """Return what a checkpoint keeps."""
        return {"factor": self.factor, "steps": self._steps}

    def halve(self) -> bool:
        """Take half of the factor after gradients that are not finite; False if it is 1 already."""
        if self.factor <= 1:
            return False
        self.factor, self._steps = self.factor / 2, 0
        return True

    def count(self) -> None:
        """Count a step with finite gradients."""
        if self.is_used:
            self._steps += 1
            if self._steps == _GROW_AFTER:
                self.factor, self._steps = self.factor * 2, 0
