"""Constraints on the next token: fewer repetitions, no repeated n-grams, no early end.

Letters: B batch, T tokens so far, V vocabulary.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

_SMALLEST, _LARGEST = 1e-30, 1e30  # repetition penalties; beyond them scores may be infinite


@dataclass(frozen=True)
class Constraints:
    """What changes the scores before a token is chosen; arguments as in ``generate``.

    Source:
        Keskar et al. 2019, arXiv:1909.05858, section 4.1, for ``repetition_penalty``; Paulus et al.
        2017, arXiv:1705.04304, section 2.5, for ``no_repeat_ngram_size``.

    Example:
        >>> scores = torch.tensor([[1.0, 3.0, -2.0]])
        >>> Constraints(repetition_penalty=2.0)(scores, torch.tensor([[1, 2]]))
        tensor([[ 1.0000,  1.5000, -4.0000]])
        >>> Constraints(no_repeat_ngram_size=2)(scores, torch.tensor([[0, 1, 0]]))
        tensor([[ 1., -inf, -2.]])
    """

    repetition_penalty: float = 1.0
    no_repeat_ngram_size: int = 0
    min_new_tokens: int = 0

    def __post_init__(self) -> None:
        penalty = self.repetition_penalty
        if not isinstance(penalty, (int, float)) or not (math.isfinite(penalty) and penalty > 0):
            raise ValueError(
                f"repetition_penalty={penalty!r} must be a number above 0; 1 is for none"
            )
        if not _SMALLEST <= penalty <= _LARGEST:
            raise ValueError(
                f"repetition_penalty={penalty!r} must lie between {_SMALLEST} and {_LARGEST}; 1 "
                "is for none"
            )
        for name in ("no_repeat_ngram_size", "min_new_tokens"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 0:
                raise ValueError(f"{name}={value!r} must be an integer from 0 up; 0 is for none")

    def are_off(self) -> bool:
        """Whether no score is ever changed."""
        return self == Constraints()

    def __call__(
        self,
        scores: Tensor,
        texts: Tensor,
        padding: Tensor | None = None,
        stops: Tensor | None = None,
        written: int = 0,
    ) -> Tensor:
        """Change scores (B, V): lower those of tokens seen before, and forbid others by ``-inf``.

        Args:
            scores: of the next token, (B, V).
            texts: prompts and what was written, (B, T).
            padding: how many tokens on the left of each text are padding, (B,); none when None.
            stops: tokens that end a text.
            written: how many tokens were written.
        """
        scores = scores.float()
        if self.repetition_penalty != 1:
            scores = self._with_penalty(scores, texts, padding)
        if 0 < self.no_repeat_ngram_size <= texts.size(1):
            scores = self._without_repeated_ngrams(scores, texts, padding)
        if stops is not None and written < self.min_new_tokens:
            scores = scores.index_fill(1, stops, -math.inf)
        return scores

    def _with_penalty(self, scores: Tensor, texts: Tensor, padding: Tensor | None) -> Tensor:
        """Make every token of the text less likely, by the factor of its score."""
        if padding is not None:  # the last token, which the text has anyway, in place of padding
            texts = torch.where(_is_real(texts, padding), texts, texts[:, -1:])
        seen = texts.long()
        old = scores.gather(1, seen)
        factor = self.repetition_penalty
        return scores.scatter(1, seen, torch.where(old < 0, old * factor, old / factor))

    def _without_repeated_ngrams(
        self, scores: Tensor, texts: Tensor, padding: Tensor | None
    ) -> Tensor:
        """Forbid the tokens that would end an n-gram which the text has already."""
        size = self.no_repeat_ngram_size
        ngrams = texts.unfold(1, size, 1)  # (B, T - n + 1, n)
        end = texts[:, texts.size(1) - size + 1 :]  # the last n - 1 tokens
        begins_so = (ngrams[..., :-1] == end[:, None]).all(-1)
        if padding is not None:
            begins_so &= _is_real(ngrams[..., 0], padding)
        ends = ngrams[..., -1].long()
        banned = torch.zeros_like(scores).scatter_add(1, ends, begins_so.to(scores.dtype))
        return scores.masked_fill(banned > 0, -math.inf)


def check_some_left(best: Tensor) -> None:
    """Raise an error if the best scores (B,) of a text are ``-inf``: then no token is left."""
    if bool((best == -math.inf).any()):
        raise ValueError(
            "no_repeat_ngram_size and min_new_tokens leave no token for a text to go on with; "
            "use larger n-grams, fewer stop_ids or fewer tokens"
        )


def _is_real(tokens: Tensor, padding: Tensor) -> Tensor:
    """Which of the tokens (B, T) are no padding."""
    return torch.arange(tokens.size(1), device=tokens.device) >= padding[:, None]
