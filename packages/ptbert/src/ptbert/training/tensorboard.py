"""Numbers for TensorBoard, where it is installed."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)


class TensorBoard:
    """Writes numbers for TensorBoard, or nothing where it is not installed or does not work.

    Args:
        folder: for its files; it is created if there is something to write.
        step: the step after which the training goes on. What an earlier run wrote of later steps
            is not shown any more.
    """

    def __init__(self, folder: Path, step: int) -> None:
        self._writer: Any = None
        try:
            # Without the package an ImportError; with one that does not fit torch, any other.
            kind = import_module("torch.utils.tensorboard").SummaryWriter
            self._writer = kind(str(folder), purge_step=step + 1)
        except Exception as error:
            logger.debug("nothing is written for TensorBoard: %s", error)

    def write(self, step: int, numbers: Mapping[str, float]) -> None:
        """Write the numbers of a step, by name."""
        if self._writer is not None:
            try:
                for name, number in numbers.items():
                    self._writer.add_scalar(name, number, step)
            except Exception as error:
                self._stop(error)

    def close(self) -> None:
        """Write what is not yet on the disk."""
        if self._writer is not None:
            try:
                self._writer.close()
            except Exception as error:
                self._stop(error)

    def _stop(self, error: Exception) -> None:
        logger.warning("nothing more is written for TensorBoard: %s", error)
        self._writer = None
