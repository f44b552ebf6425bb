"""Beam search: by total log-probability, or by log-probability and length.

Letters: B batch, K beams, M candidates for beams, T tokens so far, N new tokens, V vocabulary.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from ptbert_models.generation.choosing import check_numbers
from ptbert_models.generation.constraints import Constraints, check_some_left
from ptbert_models.generation.decoding import Decoding
from ptbert_models.generation.ending import Ending
from ptbert_models.generation.prompts import Prompts
from ptbert_models.generation.scored import Generated

_LARGEST_PENALTY = 8  # with it scores of thousands of tokens are finite, and not 0


@dataclass(frozen=True)
class BeamOptions:
    """How beams are compared, and when a search is over; arguments as in ``generate``."""

    num_beams: int
    length_penalty: float | None = None
    early_stopping: bool | str | None = None
    num_return_sequences: int = 1

    def __post_init__(self) -> None:
        beams, number = self.num_beams, self.num_return_sequences
        if number > beams:
            raise ValueError(
                f"num_return_sequences={number} asks for more texts than the num_beams={beams} "
                "that a search keeps; use more beams, or sample with num_beams=1"
            )
        penalty = self.length_penalty
        if penalty is not None and not (
            isinstance(penalty, (int, float)) and math.isfinite(penalty)
        ):
            raise ValueError(
                f"length_penalty={penalty!r} must be a number; above 0 favours long texts"
            )
        if penalty is not None and abs(penalty) > _LARGEST_PENALTY:
            raise ValueError(
                f"length_penalty={penalty!r} must lie between {-_LARGEST_PENALTY} and "
                f"{_LARGEST_PENALTY}"
            )
        early = self.early_stopping
        if not (early is None or isinstance(early, bool) or early == "never"):
            raise ValueError(
                f"early_stopping={self.early_stopping!r} must be True, False or 'never'"
            )

    def by_total(self) -> bool:
        """Whether texts are compared by their total log-probability, and no length is asked for."""
        return (
            self.length_penalty is None
            and self.early_stopping is None
            and self.num_return_sequences == 1
        )

    def score(self, totals: Tensor, length: int) -> Tensor:
        """The score of texts with these total log-probabilities and this number of new tokens."""
        penalty = 1.0 if self.length_penalty is None else self.length_penalty
        return totals / length**penalty

    def hopeful_score(self, totals: Tensor, length: int, longest: int) -> Tensor:
        """The score with which texts of this number of new tokens are compared with ended ones."""
        score = self.score(totals, length)
        if self.early_stopping != "never":
            return score
        return score.maximum(self.score(totals, longest))  # as if no more tokens cost anything


class Beams(NamedTuple):
    """Texts that are compared with each other, the best first.

    Args:
        texts: (B, K, T), prompts and continuations, with room for more tokens.
        totals: (B, K) total log-probabilities, or scores; ``-inf`` where there is no text.
        log_probabilities: (B, K, N) by the model, of the single tokens; (B, K, 0) if nobody asks.
        lengths: (B, K) numbers of new tokens.
    """

    texts: Tensor
    totals: Tensor
    log_probabilities: Tensor
    lengths: Tensor

    @classmethod
    def at_start(cls, ids: Tensor, max_new_tokens: int, beams: int, is_scored: bool) -> Beams:
        """The prompts (B, L). All beams are the same, so only the first may be continued."""
        texts = torch.cat((ids, ids.new_empty(len(ids), max_new_tokens)), dim=1)
        kept = max_new_tokens if is_scored else 0
        logs = torch.zeros(len(ids), beams, kept, device=ids.device)
        totals = torch.full((len(ids), beams), -math.inf, device=ids.device)
        totals[:, 0] = 0
        lengths = torch.zeros_like(totals, dtype=torch.long)
        return cls(texts[:, None].repeat(1, beams, 1), totals, logs, lengths)

    def taken(self, places: Tensor) -> Beams:
        """The beams (B, any) at these places of each text."""
        return Beams(*(_taken(each, places) for each in self))

    def beside(self, other: Beams) -> Beams:
        """Both together."""
        return Beams(*(torch.cat(pair, dim=1) for pair in zip(self, other, strict=True)))

    def best(self, number: int) -> Beams:
        """The best ones by ``totals``."""
        return self.taken(self.totals.topk(number).indices)


def _taken(values: Tensor, places: Tensor) -> Tensor:
    """Pick of values (B, K, ...) those at the places (B, M): (B, M, ...)."""
    index = places if values.dim() == 2 else places[..., None].expand(-1, -1, values.size(2))
    return values.gather(1, index)


class BeamSearch:
    """A search for likely continuations.

    Args:
        decoding: the run of the model.
        prompts: the beginnings of the texts.
        max_new_tokens: how many tokens are added at most.
        options: the number of beams, and how they are compared.
        ending: what ends a text.
        constraints: what changes the log-probabilities before; nothing when None.
        is_scored: whether the log-probabilities of tokens are kept.
    """

    def __init__(
        self,
        decoding: Decoding,
        prompts: Prompts,
        max_new_tokens: int,
        options: BeamOptions,
        ending: Ending,
        constraints: Constraints | None = None,
        *,
        is_scored: bool = False,
    ) -> None:
        self._decoding, self._prompts, self._max_new_tokens = decoding, prompts, max_new_tokens
        self._options, self._ending, self._constraints = options, ending, constraints
        self._is_scored = is_scored
        self._beams = options.num_beams
        self._padding = prompts.padding()
        self._start = prompts.ids.size(1)

    def run(self) -> Generated:
        """Return the best texts of each prompt one after the other, (B * number, T)."""
        found = self._by_total() if self._options.by_total() else self._by_length()
        best = Beams(*(each[:, : self._options.num_return_sequences] for each in found))
        check_numbers(best.totals)
        if bool((best.totals == -math.inf).any()):
            raise ValueError(
                f"num_return_sequences={best.totals.size(1)}, and a prompt has only "
                f"{int((best.totals > -math.inf).sum(1).min())} continuations; ask for fewer"
            )
        lengths = best.lengths.flatten()
        end = self._start + int(lengths.max())
        texts = best.texts.flatten(0, 1)[:, :end]
        last = texts.gather(1, self._start + lengths[:, None] - 1)
        ended = torch.arange(end, device=texts.device) >= self._start + lengths[:, None]
        logs = best.log_probabilities.flatten(0, 1)[:, : end - self._start]
        return Generated(self._ending.fill(texts, ended, last), logs, lengths)

    def _by_total(self) -> Beams:
        """Search until the likeliest text has ended; texts that have ended keep their places."""
        running = self._at_start()
        ended = torch.zeros_like(running.totals, dtype=torch.bool)
        scores = self._first_scores()
        for written in range(1, self._max_new_tokens + 1):
            running, chosen = self._continued(scores, running, ended, self._beams, written)
            if self._constraints is not None:
                check_some_left(running.totals[:, 0])
            ended_before = ended.gather(1, chosen)
            ended = ended_before | (self._reached(running, written) & ~ended_before)
            # Totals never rise, so no beam overtakes the best one once that has ended.
            if written == self._max_new_tokens or bool(ended[:, 0].all()):
                break
            scores = self._scores_of(running, chosen, written)
        return running

    def _by_length(self) -> Beams:
        """Search until no text that goes on can be better than the best K that have ended."""
        options, longest = self._options, self._max_new_tokens
        running = self._at_start()
        found = running._replace(totals=torch.full_like(running.totals, -math.inf))
        none_ended = torch.zeros_like(running.totals, dtype=torch.bool)
        is_over = none_ended[:, :1]
        # So many that K of them go on, whatever stop tokens end the others; strings may end more.
        several = max(2, 1 + self._ending.stops.numel()) * self._beams
        scores = self._first_scores()
        for written in range(1, longest + 1):
            candidates, source = self._continued(scores, running, none_ended, several, written)
            check_some_left(candidates.totals[:, :1].masked_fill(is_over, 0.0))
            ends = self._reached(candidates, written) | (written == longest)
            # A text that ends counts only if it is among the K best.
            new = options.score(candidates.totals, written).masked_fill(~ends | is_over, -math.inf)
            new[:, self._beams :] = -math.inf
            found = found.beside(candidates._replace(totals=new)).best(self._beams)
            going = candidates._replace(totals=candidates.totals.masked_fill(ends, -math.inf))
            places = going.totals.topk(self._beams).indices
            running = going.taken(places)
            is_over = is_over | self._cannot_improve(running, found, written)
            if bool(is_over.all()) or written == longest:
                break
            scores = self._scores_of(running, source.gather(1, places), written)
        return found

    def _cannot_improve(self, running: Beams, found: Beams, written: int) -> Tensor:
        """Whether the search for each prompt is over: (B, 1)."""
        best, worst = running.totals[:, :1], found.totals[:, -1:]
        if self._options.early_stopping is True:
            return (worst > -math.inf) | (best == -math.inf)
        return self._options.hopeful_score(best, written, self._max_new_tokens) <= worst

    def _at_start(self) -> Beams:
        ids, longest = self._prompts.ids, self._max_new_tokens
        return Beams.at_start(ids, longest, self._beams, self._is_scored)

    def _first_scores(self) -> Tensor:
        rows = torch.arange(len(self._prompts.ids), device=self._prompts.ids.device)
        rows = rows.repeat_interleave(self._beams)
        scores = self._decoding.feed(self._prompts.ids)
        self._ending.check(scores.size(-1))
        self._decoding.select(rows)
        return scores[rows]

    def _scores_of(self, running: Beams, chosen: Tensor, written: int) -> Tensor:
        """Feed the last tokens of beams, which continue the ``chosen`` beams before."""
        first_rows = torch.arange(len(chosen), device=chosen.device)[:, None] * self._beams
        self._decoding.select((first_rows + chosen).flatten())
        tokens = running.texts[..., self._start + written - 1]
        return self._decoding.feed(tokens.reshape(-1, 1))

    def _continued(
        self, scores: Tensor, running: Beams, ended: Tensor, number: int, written: int
    ) -> tuple[Beams, Tensor]:
        """The best continuations by one token, and which beams (B, number) they continue."""
        end = self._start + written - 1
        gains = scores.float().log_softmax(-1)  # (B * K, V)
        by_model = gains
        if self._constraints is not None:
            texts = running.texts.flatten(0, 1)[:, :end]
            padding = self._prompts.padding(self._beams)
            gains = self._constraints(gains, texts, padding, self._ending.stops, written - 1)
        # A text that has ended has one continuation, with log-probability 0.
        rows = ended.flatten()
        gains[rows] = -math.inf
        gains[rows, 0] = 0
        totals = running.totals[..., None] + gains.view(*ended.shape, -1)
        vocabulary = gains.size(-1)
        best = totals.flatten(1).topk(min(number, totals[0].numel()))
        check_numbers(best.values)
        source, tokens = best.indices // vocabulary, best.indices % vocabulary
        ended_before = ended.gather(1, source)
        texts = _taken(running.texts, source)
        texts[..., end] = self._ending.fill(tokens, ended_before, texts[..., end - 1])
        logs = _taken(running.log_probabilities, source)
        if self._is_scored:
            chosen = by_model.view(len(tokens), -1).gather(1, best.indices)
            logs[..., written - 1] = chosen.masked_fill(ended_before, 0.0)
        lengths = _taken(running.lengths, source) + ~ended_before
        return Beams(texts, best.values, logs, lengths), source

    def _reached(self, beams: Beams, written: int) -> Tensor:
        """Whether each of the texts ends with its last token: (B, M)."""
        rows, number = beams.totals.shape
        texts = beams.texts[..., : self._start + written].flatten(0, 1)
        padding = self._prompts.padding(number)
        return self._ending.reached(texts, padding).view(rows, number)
