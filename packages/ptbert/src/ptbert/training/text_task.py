"""What masked and causal language models share as tasks: files of text, and no labels."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ptbert.training.examples import IGNORED, Examples
from ptbert.training.formats import LINES, format_of
from ptbert.training.task import Scores, Task, single_text
from ptbert_models.pretrained import PreTrainedModel
from ptbert_tokenizers.pretrained import PreTrainedTokenizer

_SCORES = 2**22  # that exist at once


class TextTask(Task):
    """A task whose only example file is a text. Arguments as in ``Task``."""

    has_labels = False
    smaller_is_better = True
    stays_at_chance = True  # it learns how frequent the tokens are long before their context
    formats = (LINES,)

    @property
    def metric(self) -> str:
        """Perplexity."""
        return "perplexity"

    def read(self, path: str, *, labelled: bool = True) -> list[str]:
        """Return the path, which ``encode`` reads: plain text or a token file."""
        format_of(path, self.name, self.formats)
        return [path]

    def example(self, text: str | tuple[str, ...]) -> str:
        """Return the text."""
        return single_text(text)

    def size(self, examples: Sequence[Any], encoded: Examples) -> int:
        """Return how many passages a text has."""
        return len(encoded)

    def predictions(self, scores: Scores, encoded: Any, examples: Sequence[Any]) -> list[str]:
        """Raise, because these tasks write; see ``written``."""
        raise NotImplementedError(f"{self.name} predicts by written()")

    @abstractmethod
    def written(
        self, model: PreTrainedModel, tokenizer: PreTrainedTokenizer, texts: Sequence[str]
    ) -> list[str]:
        """Return a line for each text, with what the model writes."""


def scored_in_slices(
    score: Callable[[Tensor], Tensor], states: Tensor, labels: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the loss of each label, and whether it had the highest score; without gradients.

    Args:
        score: function from states (R, E) to scores (R, V).
        states: (R, E), at labels that are learned.
        labels: of any shape, R of them not ``IGNORED``.

    Returns:
        (R,) numbers and (R,) truth values.
    """
    wanted = labels[labels != IGNORED]
    losses = states.new_empty(len(wanted), dtype=torch.float32)
    right = torch.empty_like(wanted, dtype=torch.bool)
    start, size = 0, 1
    while start < len(wanted):
        some = slice(start, start + size)
        scores = score(states[some]).float()
        losses[some] = F.cross_entropy(scores, wanted[some], reduction="none")
        right[some] = scores.argmax(1) == wanted[some]
        start += size
        size = max(1, _SCORES // scores.size(1))
    return losses, right
