"""Continuing texts with a language model: greedily, by sampling, or by beam search.

Letters: B batch, L prompt length, T tokens so far, K beams, V vocabulary.

A model that can generate has a method ``start_decoding(capacity, attention_mask)``, which returns
a ``Decoding``. This object stores the tokens read so far in the way that its family needs.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ptbert_models.parts.inputs import check_integers, check_tensor

logger = logging.getLogger(__name__)


class Decoding(Protocol):
    """One run of a model over a batch of growing texts."""

    def feed(self, ids: Tensor) -> Tensor:
        """Take the next tokens (B, L) of all texts; return scores (B, V) of the token after."""
        ...

    def select(self, rows: Tensor) -> None:
        """Keep, repeat or reorder texts: text i becomes what text ``rows[i]`` was."""
        ...


def generate(
    model: Any,
    ids: Tensor,
    max_new_tokens: int,
    *,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    num_beams: int = 1,
    stop_ids: Collection[int] = (),
    pad_id: int | None = None,
    generator: torch.Generator | None = None,
    attention_mask: Tensor | None = None,
) -> Tensor:
    """Continue a batch of texts.

    Tokens are sampled from the model's probabilities. With ``temperature=0`` the most likely token
    is taken each time, and with ``num_beams`` above 1 beam search looks for the most likely
    continuation as a whole. During the call dropout is off, also if the model is in training mode.

    Args:
        model: a model with a language-model head, such as ``GPT2LMHeadModel``.
        ids: (B, L) integers, the prompts; shorter ones are padded on the left.
        max_new_tokens: how many tokens are added at most.
        temperature: divides the scores; below 1 likely tokens become likelier, 0 always takes the
            most likely one.
        top_k: sample among the k most likely tokens only; 0 for all.
        top_p: sample among the most likely tokens that together have this probability; 1 for all.
        num_beams: number of continuations of each text that beam search keeps while it looks for
            the one with the highest total log-probability; 1 for no beam search.
        stop_ids: tokens that end a text.
        pad_id: fills the rows of texts that ended before others; their stop token when None.
        generator: source of randomness; PyTorch's own when None.
        attention_mask: (B, L), 1 for real tokens and 0 for padding on the left; all 1 when None.

    Returns:
        (B, T) prompts and continuations, where T is at most L + ``max_new_tokens``.

    Raises:
        TypeError: if the model cannot generate.
        ValueError: if an argument is invalid, or a text would become too long for the model.

    Source:
        Holtzman et al. 2019, arXiv:1904.09751, for ``top_p``; Fan et al. 2018, arXiv:1805.04833,
        for ``top_k``.

    Example:
        >>> from ptbert_models import GPT2Config, GPT2LMHeadModel
        >>> model = GPT2LMHeadModel(GPT2Config(10, n_embd=8, n_layer=2, n_head=2))
        >>> generate(model, torch.tensor([[1, 2, 3]]), 4, temperature=0).shape
        torch.Size([1, 7])
    """
    if not hasattr(model, "start_decoding"):
        raise TypeError(
            f"{type(model).__name__} cannot continue texts; give a model with a language-model "
            "head, such as GPT2LMHeadModel"
        )
    _check_sizes(ids, max_new_tokens, num_beams)
    choice = Choice(temperature, top_k, top_p, generator)
    if num_beams > 1 and not choice.is_default():
        raise ValueError(
            f"num_beams={num_beams} is beam search, which samples nothing; leave out temperature, "
            "top_k, top_p and generator, or use num_beams=1"
        )
    ending = Ending.of(stop_ids, pad_id, ids.device)
    if attention_mask is None and len(ids) > 1:
        _check_for_padding(ids, {0, *stop_ids} if pad_id is None else {pad_id})
    attention_mask = _padding(attention_mask, ids)
    with torch.no_grad(), evaluating(model):
        decoding = model.start_decoding(ids.size(1) + max_new_tokens, attention_mask)
        if num_beams > 1:
            return _search(decoding, ids, max_new_tokens, num_beams, ending)
        return _sample(decoding, ids, max_new_tokens, choice, ending)


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
        """Choose one token for each row of scores (B, V): (B,)."""
        if self.temperature == 0:
            best, tokens = scores.max(-1)
            _check_numbers(best)
            return tokens
        scores = scores.float() / self.temperature
        if 0 < self.top_k < scores.size(-1):
            scores = _only(scores, *scores.topk(self.top_k))
        if self.top_p < 1:
            ordered, indices = scores.sort(descending=True)
            probabilities = ordered.softmax(-1)
            likelier = probabilities.cumsum(-1) - probabilities  # the sum of the more likely tokens
            likelier[..., 0] = 0  # rounding never leaves a row without a token
            scores = _only(scores, ordered.masked_fill(likelier >= self.top_p, -math.inf), indices)
        return torch.multinomial(scores.softmax(-1), 1, generator=self.generator).squeeze(-1)


def _check_numbers(best: Tensor) -> None:
    """Raise an error if the best scores are not numbers: then any token would be chosen."""
    if bool(best.isnan().any()):
        raise ValueError(
            "the model's scores are not numbers (NaN); look for NaN in its weights, and try "
            "float32 if they are of half precision"
        )


def _only(scores: Tensor, values: Tensor, indices: Tensor) -> Tensor:
    return torch.full_like(scores, -math.inf).scatter(-1, indices, values)


@dataclass(frozen=True)
class Ending:
    """Which tokens end a text, and what follows its end.

    Args:
        stops: tokens that end a text, (number of them,).
        pad_id: token after the end; the last token again when None.
    """

    stops: Tensor
    pad_id: int | None

    @classmethod
    def of(cls, stop_ids: Collection[int], pad_id: int | None, device: torch.device) -> Ending:
        """Make one from the arguments of ``generate``."""
        wrong = [stop for stop in stop_ids if not isinstance(stop, int) or stop < 0]
        if wrong:
            raise ValueError(f"stop_ids holds {wrong[0]!r}; give token ids, integers from 0 up")
        return cls(torch.tensor(sorted(stop_ids), dtype=torch.long, device=device), pad_id)

    def check(self, vocabulary: int) -> None:
        """Raise an error for a token that the model does not know."""
        last = int(self.stops[-1]) if self.stops.numel() else 0
        for name, token in {"stop_ids holds ": last, "pad_id=": self.pad_id or 0}.items():
            if not 0 <= token < vocabulary:
                raise ValueError(
                    f"{name}{token}, and this model scores tokens 0 to {vocabulary - 1}; "
                    "give tokens of its vocabulary"
                )

    def fill(self, tokens: Tensor, ended: Tensor, last: Tensor) -> Tensor:
        """Replace tokens where the text has ended already."""
        return torch.where(ended, last if self.pad_id is None else self.pad_id, tokens)

    def reached(self, tokens: Tensor) -> Tensor:
        """Whether each token ends its text."""
        return torch.isin(tokens, self.stops)


def _sample(
    decoding: Decoding, ids: Tensor, max_new_tokens: int, choice: Choice, ending: Ending
) -> Tensor:
    start, stop = ids.size(1), ids.size(1) + max_new_tokens
    texts = torch.cat((ids, ids.new_empty(ids.size(0), max_new_tokens)), dim=1)
    ended = torch.zeros_like(ids[:, 0], dtype=torch.bool)
    scores = decoding.feed(ids)
    ending.check(scores.size(-1))
    for end in range(start, stop):
        tokens = ending.fill(choice(scores), ended, texts[:, end - 1])
        texts[:, end] = tokens
        ended = ended | ending.reached(tokens)
        if end + 1 == stop or (ending.stops.numel() and bool(ended.all())):
            break
        scores = decoding.feed(tokens[:, None])
    return texts[:, : end + 1]


def _search(
    decoding: Decoding, ids: Tensor, max_new_tokens: int, beams: int, ending: Ending
) -> Tensor:
    rows, start, stop = ids.size(0), ids.size(1), ids.size(1) + max_new_tokens
    first_rows = torch.arange(rows, device=ids.device)[:, None] * beams  # of each text's beams
    texts = torch.cat((ids, ids.new_empty(rows, max_new_tokens)), dim=1)
    texts = texts.repeat_interleave(beams, dim=0)  # (B * K, T)
    scores = decoding.feed(ids).repeat_interleave(beams, dim=0)
    ending.check(scores.size(-1))
    decoding.select(torch.arange(rows, device=ids.device).repeat_interleave(beams))
    ended = torch.zeros_like(texts[:, 0], dtype=torch.bool)
    # All beams are the same at first, so only one of them may be continued.
    totals = torch.full((rows, beams), -math.inf, device=ids.device)
    totals[:, 0] = 0
    for end in range(start, stop):
        gains = scores.float().log_softmax(-1)  # (B * K, V)
        # A text that has ended has one continuation, with log-probability 0.
        gains[ended] = -math.inf
        gains[ended, 0] = 0
        candidates = totals[..., None] + gains.view(rows, beams, -1)
        totals, best = candidates.flatten(1).topk(beams)  # (B, K), the best first
        _check_numbers(totals)
        chosen = (first_rows + best // gains.size(-1)).flatten()
        texts, ended = texts[chosen], ended[chosen]
        tokens = ending.fill((best % gains.size(-1)).flatten(), ended, texts[:, end - 1])
        texts[:, end] = tokens
        ended = ended | ending.reached(tokens)
        # Totals never rise, so no beam overtakes the best one once that has ended.
        if end + 1 == stop or bool(ended.view(rows, beams)[:, 0].all()):
            break
        decoding.select(chosen)
        scores = decoding.feed(tokens[:, None])
    return texts.view(rows, beams, -1)[:, 0, : end + 1]


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put a model into evaluation mode, and in the end every module back into its old mode."""
    training = [module for module in model.modules() if module.training]
    for module in training:
        module.training = False
    try:
        yield
    finally:
        for module in training:
            module.training = True


def _check_sizes(ids: Tensor, max_new_tokens: int, num_beams: int) -> None:
    check_tensor("ids", ids)
    if ids.dim() != 2 or not ids.numel():
        raise ValueError(
            f"ids has shape {tuple(ids.shape)}; give at least one token for each text: "
            "(batch, length)"
        )
    check_integers("ids", ids, "token ids, integers")
    for name, value in {"max_new_tokens": max_new_tokens, "num_beams": num_beams}.items():
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"{name}={value!r} must be an integer above 0")


def _check_for_padding(ids: Tensor, tokens: Collection[int]) -> None:
    """Warn once if some texts, but not all, begin or end with a token that may be padding."""
    for token in tokens:
        for edge in (ids[:, 0], ids[:, -1]):
            padded = int((edge == token).sum())
            if 0 < padded < len(ids):
                warn_of_padding(token)


@cache
def warn_of_padding(token: int) -> None:
    """Say, once in a process for each token, how padding is passed."""
    logger.warning(
        "some of the texts to be continued begin or end with token %d; if that is padding, put it "
        "on the left and pass attention_mask with 0 where it is, or continue the texts one by one",
        token,
    )


def _padding(attention_mask: Tensor | None, ids: Tensor) -> Tensor | None:
    if attention_mask is None:
        return None
    check_tensor("attention_mask", attention_mask)
    if attention_mask.shape != ids.shape:
        raise ValueError(
            f"attention_mask has shape {tuple(attention_mask.shape)} and ids has "
            f"{tuple(ids.shape)}; give 1 or 0 for each token"
        )
    real = attention_mask != 0
    if not bool(real[:, -1].all()) or bool((real[:, :-1] & ~real[:, 1:]).any()):
        raise ValueError(
            "attention_mask hides tokens on the right or between others; put the padding on the "
            "left, so that every text ends where its continuation begins"
        )
    return None if bool(real.all()) else real.long()
