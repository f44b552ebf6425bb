"""Choosing the next token from the scores: the likeliest one, or by chance.

Letters: B batch, V vocabulary.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

_SMALL, _SMALLEST = 1e-3, 1e-30  # temperatures with which quotients of scores may be infinite


@dataclass(frozen=True)
class Choice:
    """How the next token is chosen from the scores; arguments as in ``generate``.

    Example:
        >>> Choice(temperature=0)(torch.tensor([[1.0, 3.0, 2.0]]))
        tensor([1])
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    generator: torch.Generator | None = None

    def __post_init__(self) -> None:
        for name in ("temperature", "top_p"):
            if isinstance(value := getattr(self, name), str) or not hasattr(value, "__float__"):
                raise ValueError(f"{name}={value!r} must be a number")
        if not (math.isfinite(self.temperature) and self.temperature >= 0):
            raise ValueError(f"temperature={self.temperature!r} must be a number from 0 up")
        if not isinstance(self.top_k, int) or self.top_k < 0:
            raise ValueError(f"top_k={self.top_k!r} must be an integer from 0 up; 0 is for all")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p={self.top_p!r} must lie in (0, 1]; 1 is for all")

    def is_default(self) -> bool:
        """Whether all arguments have their defaults."""
        return self == Choice()

    def __call__(self, scores: Tensor) -> Tensor:
        """Choose one token for each row of scores (B, V): (B,).

        Raises:
            ValueError: if the best score of a row is not finite.
        """
        tokens, best = self.choose(scores)
        if not bool(best.isfinite().all()):
            raise unusable(best)
        return tokens

    def choose(self, scores: Tensor) -> tuple[Tensor, Tensor]:
        """Return tokens (B,) and the best scores (B,); a token means nothing where that is infinite
        or no number.
        """
        if self.temperature == 0:
            best, tokens = scores.max(-1)
            return tokens, best
        best, scores = scores.amax(-1), scores.float()
        if self.temperature < _SMALL:
            scores = scores - scores.amax(-1, keepdim=True)
        scores = scores / max(self.temperature, _SMALLEST)
        if 0 < self.top_k < scores.size(-1):
            scores = _only(scores, *scores.topk(self.top_k))
        if self.top_p < 1:
            ordered, indices = scores.sort(descending=True)
            probabilities = ordered.softmax(-1)
            likelier = probabilities.cumsum(-1) - probabilities  # the sum of the more likely tokens
            likelier[..., 0] = 0  # rounding never leaves a row without a token
            scores = _only(scores, ordered.masked_fill(likelier >= self.top_p, -math.inf), indices)
        # What is no probability would stop a GPU for the rest of the process.
        probabilities = scores.softmax(-1).where(best.isfinite()[..., None], 1.0)
        tokens = torch.multinomial(probabilities, 1, generator=self.generator)
        return tokens.squeeze(-1), best


def check_numbers(best: Tensor) -> None:
    """Raise an error if the best scores are not numbers: then any token would be chosen."""
    if bool(best.isnan().any()):
        raise unusable(best)


def unusable(best: Tensor) -> ValueError:
    """Return the error about the best scores (B,) of texts, of which one is not finite."""
    wrong = [value for value in best.flatten().tolist() if not math.isfinite(value)]
    if any(map(math.isnan, wrong)):
        what = "are not numbers (NaN)"
    else:
        what = f"are not finite: the best one of a text is {wrong[0]}"
    return ValueError(
        f"the model's scores {what}; look for NaN and infinity in its weights (each of "
        "model.parameters() has isfinite().all()), and try float32 if they are of half precision"
    )


def _only(scores: Tensor, values: Tensor, indices: Tensor) -> Tensor:
    return torch.full_like(scores, -math.inf).scatter(-1, indices, values)
