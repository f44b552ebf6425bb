"""A training loss that needs only a sample of the vocabulary.

Letters: B batch, L sequence length, E model width, V vocabulary, S samples.

Source:
    Bengio and Senécal 2008, "Adaptive importance sampling to accelerate training of a neural
    probabilistic language model"; Jean et al. 2014, arXiv:1412.2007, section 3.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ptbert_models.parts.attention import MASKED
from ptbert_models.parts.inputs import values_are_known


class LogUniformSampler:
    """Draws tokens with the frequencies of Zipf's law: rank k with log((k + 2) / (k + 1)).

    Args:
        range_max: number of tokens V, ordered by frequency.
        n_sample: the number of different tokens that is expected; twice as many are drawn.

    Example:
        >>> sampler = LogUniformSampler(1000, 20)
        >>> _, sampled_log_probs, samples = sampler.sample(torch.tensor([[0, 7]]))
        >>> samples.shape == sampled_log_probs.shape, len(samples) <= 40
        (True, True)
    """

    def __init__(self, range_max: int, n_sample: int) -> None:
        self.range_max = range_max
        self.n_sample = n_sample
        ranks = torch.arange(1.0, range_max + 2.0, dtype=torch.float64).log()
        dist = ranks.diff() / ranks[-1]
        self.dist = dist.float()
        # Probability of being drawn at least once, as 2019 computed it. Exact would be
        # log1p(-dist) in the place of -log1p(dist): the same but for the few most frequent tokens.
        self.log_q = (-(-dist.log1p() * 2 * n_sample).expm1()).log().float()

    def sample(self, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Draw one sample for all labels.

        Args:
            labels: (B, L) true tokens.

        Returns:
            Log-probabilities (B, L) of the labels and (S,) of the samples to be drawn at all, and
            the samples (S,), different from each other. While a model is compiled, where no shape
            may depend on values, samples repeat, with an infinite log-probability for all but one.
        """
        dist, log_q = self.dist.to(labels.device), self.log_q.to(labels.device)
        drawn = torch.multinomial(dist, 2 * self.n_sample, replacement=True)
        if values_are_known():
            samples = torch.unique(drawn)
            return log_q[labels], log_q[samples], samples
        samples = drawn.sort().values
        repeated = samples == torch.cat([samples.new_full((1,), -1), samples[:-1]])
        return log_q[labels], log_q[samples].masked_fill(repeated, torch.inf), samples


def sample_logits(
    embedding: Callable[[Tensor], Tensor],
    bias: Tensor,
    labels: Tensor,
    inputs: Tensor,
    sampler: LogUniformSampler,
) -> Tensor:
    """Score the true token and a sample of others, corrected for how likely each is drawn.

    Args:
        embedding: function from ids (any shape) to output vectors (..., E).
        bias: (V,) output biases.
        labels: (B, L) true tokens.
        inputs: (B, L, E) hidden states.
        sampler: draws the other tokens.

    Returns:
        (B, L, 1 + S), the true token's score first; the softmax of it estimates the true softmax.
        A sample that is the true token has score -10000.
    """
    true_log_probs, sampled_log_probs, samples = sampler.sample(labels)
    true_scores = (embedding(labels) * inputs).sum(dim=-1) + bias[labels] - true_log_probs
    scores = inputs @ embedding(samples).t() + bias[samples] - sampled_log_probs
    scores = scores.masked_fill(labels[..., None] == samples, MASKED)
    return torch.cat([true_scores[..., None], scores], dim=-1)
