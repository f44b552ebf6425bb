"""The course of a training, as its log tells it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple


class Evaluated(NamedTuple):
    """An evaluation during a training.

    Args:
        step: the number of steps before it.
        epoch: from 1.
        metrics: by name.
    """

    step: int
    epoch: int
    metrics: Mapping[str, float]


class History(NamedTuple):
    """What happened in a training.

    Args:
        steps: the numbers of the steps, from 1.
        epochs: of each step, from 1.
        losses: of each step.
        rates: the learning rate of each step.
        evaluations: in their order.
    """

    steps: list[int]
    epochs: list[int]
    losses: list[float]
    rates: list[float]
    evaluations: list[Evaluated]

    def losses_of(self, epoch: int) -> list[float]:
        """The losses of the steps of an epoch."""
        return [
            loss for loss, number in zip(self.losses, self.epochs, strict=True) if number == epoch
        ]

    def losses_in(self, steps: range) -> list[float]:
        """The losses of some steps that follow each other, by how many came before them."""
        return [
            loss
            for loss, number in zip(self.losses, self.steps, strict=True)
            if number - 1 in steps
        ]

    def mean_loss(self, epoch: int) -> float:
        """The mean loss of the steps of an epoch; 0 without steps."""
        losses = self.losses_of(epoch)
        return sum(losses) / len(losses) if losses else 0.0


def read_history(log: Path) -> History:
    """Read the log of a training; a line that is cut off counts as not written.

    Raises:
        OSError: if the file cannot be read.
    """
    history = History([], [], [], [], [])
    with open(log, encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                _take(json.loads(line), history)
            except (ValueError, KeyError, TypeError):
                continue
    return history


def _take(said: Any, history: History) -> None:
    step, epoch = int(said["step"]), int(said["epoch"])
    if "validation" in said:
        history.evaluations.append(Evaluated(step, epoch, dict(said["validation"])))
        return
    loss, rate = float(said["loss"]), float(said["rate"])
    history.steps.append(step)
    history.epochs.append(epoch)
    history.losses.append(loss)
    history.rates.append(rate)
