"""What was written, and the log-probabilities of its tokens.

Letters: B batch, N new tokens, T tokens of prompts and continuations, V vocabulary.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Generated(NamedTuple):
    """Texts that were continued.

    Args:
        ids: (B, T), prompts and continuations, as ``generate`` returns them.
        log_probabilities: (B, N), the model's log-probability of each new token after all before
            it, whatever options changed the choice; 0 after the end of a text.
        lengths: (B,), the number of new tokens of each text, up to the one that ended it.
    """

    ids: Tensor
    log_probabilities: Tensor
    lengths: Tensor


class Record:
    """Collects the log-probabilities of tokens while texts are written."""

    def __init__(self) -> None:
        self._steps: list[Tensor] = []
        self._running: list[Tensor] = []

    def add(self, scores: Tensor, tokens: Tensor, ended: Tensor) -> None:
        """Keep the log-probabilities of tokens (B,) by the model's scores (B, V).

        Args:
            scores: before anything changed them.
            tokens: what was chosen.
            ended: which texts had ended before.
        """
        log_probabilities = scores.float().log_softmax(-1)
        chosen = log_probabilities.gather(1, tokens[:, None].long())[:, 0]
        self._steps.append(chosen.masked_fill(ended, 0.0))
        self._running.append(~ended)

    def result(self, texts: Tensor) -> Generated:
        """Return the texts (B, T) with what was collected."""
        lengths = torch.stack(self._running, 1).sum(1)
        return Generated(texts, torch.stack(self._steps, 1), lengths)
