"""Writing token by token: greedily, or by sampling.

Letters: B batch, L prompt length, T tokens so far, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ptbert_models.generation.choosing import Choice, unusable
from ptbert_models.generation.constraints import Constraints, check_some_left
from ptbert_models.generation.decoding import Decoding
from ptbert_models.generation.ending import Ending
from ptbert_models.generation.flags import Flags
from ptbert_models.generation.prompts import Prompts
from ptbert_models.generation.scored import Record


class Sampling:
    """Texts that grow by one token each time; iterating gives the tokens (B,) of all texts.

    Args:
        decoding: the run of the model.
        prompts: the beginnings of the texts.
        max_new_tokens: how many tokens are added at most.
        choice: how a token is chosen.
        ending: what ends a text.
        constraints: what changes the scores before; nothing when None.
        copies: how many continuations of each prompt are written.
        record: where log-probabilities are kept; nowhere when None.
        reads_late: begin the next step before it is known whether this one was the last, so that a
            GPU need not wait for the host.
    """

    def __init__(
        self,
        decoding: Decoding,
        prompts: Prompts,
        max_new_tokens: int,
        choice: Choice,
        ending: Ending,
        constraints: Constraints | None = None,
        copies: int = 1,
        record: Record | None = None,
        *,
        reads_late: bool = False,
    ) -> None:
        self._decoding, self._prompts, self._copies = decoding, prompts, copies
        self._choice, self._ending, self._constraints = choice, ending, constraints
        self._record, self._reads_late = record, reads_late
        self._padding = prompts.padding(copies)
        ids = prompts.ids.repeat_interleave(copies, dim=0) if copies > 1 else prompts.ids
        self._texts = torch.cat((ids, ids.new_empty(ids.size(0), max_new_tokens)), dim=1)
        self._length = ids.size(1)

    def texts(self) -> Tensor:
        """Return prompts and what was written so far, (B, T)."""
        return self._texts[:, : self._length]

    def __iter__(self) -> Iterator[Tensor]:
        texts, ending, start = self._texts, self._ending, self._length
        scores, can_end = self._first_scores(), ending.can_come()
        ended = torch.zeros_like(texts[:, 0], dtype=torch.bool)
        for end in range(start, texts.size(1)):
            allowed = self._allowed(scores, end, end - start, ended)
            tokens, best = self._choice.choose(allowed)
            if can_end:
                tokens = ending.fill(tokens, ended, texts[:, end - 1])
            texts[:, end] = tokens
            if self._record is not None:
                self._record.add(scores, tokens, ended)
            if can_end:
                ended = ended | ending.reached(texts[:, : end + 1], self._padding)
            flags, is_last = Flags(best.isfinite().all(), ended.all()), end + 1 == texts.size(1)
            if self._reads_late and not is_last:
                scores = self._decoding.feed(texts[:, end : end + 1])
            is_usable, all_ended = flags.read()
            if not is_usable:
                raise unusable(best)
            self._length = end + 1
            yield tokens
            if is_last or (can_end and all_ended):
                break
            if not self._reads_late:
                scores = self._decoding.feed(texts[:, end : end + 1])  # callers may change tokens

    def _first_scores(self) -> Tensor:
        scores = self._decoding.feed(self._prompts.ids)
        self._ending.check(scores.size(-1))
        if self._copies == 1:
            return scores
        rows = torch.arange(len(scores), device=scores.device).repeat_interleave(self._copies)
        self._decoding.select(rows)
        return scores[rows]

    def _allowed(self, scores: Tensor, end: int, written: int, ended: Tensor) -> Tensor:
        """The scores, changed by the constraints."""
        if self._constraints is None:
            return scores
        scores = self._constraints(
            scores, self._texts[:, :end], self._padding, self._ending.stops, written
        )
        # What follows the end of a text is no choice, so any scores will do.
        scores = scores.masked_fill(ended[:, None], 0.0)
        check_some_left(scores.amax(-1))
        return scores
