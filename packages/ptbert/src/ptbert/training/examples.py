"""Examples as ids, and batches of them for a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

IGNORED = -100  # the label of a place that is not learned


class Batch(NamedTuple):
    """Some examples, as tensors.

    Args:
        inputs: what the model takes, by name, each (B, L).
        labels: (B,), or (B, L) with ``IGNORED`` where there is none.
        labelled: number of labels that are learned.
    """

    inputs: dict[str, Tensor]
    labels: Tensor
    labelled: int


class Examples(Protocol):
    """What the loop and evaluation know of the examples of any task."""

    @property
    def names(self) -> Sequence[str]:
        """Where each example comes from, for messages."""

    @property
    def cut(self) -> int:
        """How many examples were longer than the model takes, and were cut."""

    @property
    def texts_count(self) -> int:
        """How many texts there are; one that has windows counts once."""

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each example: (N,). None is longer in any epoch."""

    @property
    def counts(self) -> NDArray[np.int64]:
        """Rows that evaluation keeps of each example: (N,); see ``task.Measured``."""

    def __len__(self) -> int:
        """Return the number N of examples."""


@dataclass(frozen=True)
class EncodedExamples:
    """Examples as a model takes them.

    Args:
        ids: the tokens of each example.
        types: which text of a pair each token belongs to.
        labels: of each example: one number, or one for each token, with ``IGNORED`` where there is
            none.
        names: where each example comes from, for messages.
        cut: how many examples were longer than the model takes, and were cut.
        texts: the text that each example is a window of, in rising order, where texts have windows.
    """

    ids: Sequence[NDArray[np.int32]]
    types: Sequence[NDArray[np.int8]]
    labels: Sequence[NDArray[Any]]
    names: Sequence[str]
    cut: int = 0
    texts: Sequence[int] = ()

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def texts_count(self) -> int:
        """How many texts there are; one that has windows counts once."""
        return self.texts[-1] + 1 if self.texts else len(self)

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each example: (N,)."""
        return np.array([len(each) for each in self.ids], np.int64)

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Labels of each example that are learned: (N,)."""
        return np.array([int(is_learned(each).sum()) for each in self.labels], np.int64)

    @cached_property
    def flat_labels(self) -> NDArray[Any]:
        """All labels that are learned, in the order of the examples."""
        return np.concatenate([each[is_learned(each)] for each in self.labels])

    def batch(self, indices: NDArray[np.int64], device: torch.device) -> Batch:
        """Return some of the examples as tensors.

        Args:
            indices: which.
            device: where the tensors are made.
        """
        chosen = indices.tolist()
        length = max(len(self.ids[index]) for index in chosen)
        shape = len(chosen), length
        ids, types, mask = (np.zeros(shape, np.int64) for _ in range(3))
        of_tokens = self.labels[chosen[0]].ndim == 1
        kind = self.labels[chosen[0]].dtype
        labels = np.full(shape if of_tokens else shape[:1], IGNORED, kind)
        for row, index in enumerate(chosen):
            size = len(self.ids[index])
            ids[row, :size] = self.ids[index]
            types[row, :size] = self.types[index]
            mask[row, :size] = 1
            if of_tokens:
                labels[row, :size] = self.labels[index]
            else:
                labels[row] = self.labels[index]
        arrays = {"input_ids": ids, "token_type_ids": types, "attention_mask": mask}
        inputs = {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}
        labelled = int((labels != IGNORED).sum()) if of_tokens else len(chosen)
        return Batch(inputs, torch.from_numpy(labels).to(device), labelled)


def is_learned(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """True where an example has a label: at some of its tokens, or at its only place."""
    return np.asarray(labels != IGNORED) if labels.ndim else np.ones((), np.bool_)
