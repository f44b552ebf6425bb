import math

import pytest
import torch
import torch.nn.functional as F

from ptbert_models.transfo_xl import LogUniformSampler, sample_logits, sampling


def test_frequencies_follow_zipfs_law():
    sampler = LogUniformSampler(50, 10)
    expected = [math.log((k + 2) / (k + 1)) / math.log(51) for k in range(50)]
    torch.testing.assert_close(sampler.dist, torch.tensor(expected))
    torch.testing.assert_close(sampler.dist.sum(), torch.tensor(1.0))
    drawn = [math.log(1 - (1 + p) ** (-2 * 10)) for p in expected]
    torch.testing.assert_close(sampler.log_q, torch.tensor(drawn))


def test_log_probabilities_are_close_to_how_often_a_token_is_drawn():
    torch.manual_seed(0)
    sampler = LogUniformSampler(200, 5)
    drawn = torch.zeros(200)
    for _ in range(3000):
        drawn[sampler.sample(torch.tensor([[0]]))[2]] += 1 / 3000

    rare = slice(10, None)
    torch.testing.assert_close(sampler.log_q.exp()[rare], drawn[rare], atol=0.02, rtol=0.1)


def test_samples_are_different_from_each_other():
    labels = torch.tensor([[0, 7], [3, 49]])
    true_log_probs, log_probs, samples = LogUniformSampler(50, 10).sample(labels)

    assert len(samples.unique()) == len(samples) <= 20
    assert true_log_probs.shape == labels.shape
    assert log_probs.shape == samples.shape


def test_repeated_samples_of_a_compiled_model_count_once(monkeypatch):
    """The scores are those without repetition, and minus infinity for what repeats."""
    sampler, table, bias = LogUniformSampler(9, 6), torch.randn(9, 4), torch.randn(9)
    labels, inputs = torch.tensor([[0, 7]]), torch.randn(1, 2, 4)

    def loss():
        torch.manual_seed(3)
        scores = sample_logits(lambda ids: table[ids], bias, labels, inputs, sampler)
        return scores.shape[-1], -scores.log_softmax(-1)[..., 0]

    few, expected = loss()
    monkeypatch.setattr(sampling, "values_are_known", lambda *_: False)
    all_drawn, got = loss()

    assert few < all_drawn == 13
    torch.testing.assert_close(got, expected)


def test_the_estimate_approaches_the_true_loss():
    torch.manual_seed(0)
    tokens = 400
    table, bias = torch.randn(tokens, 8), torch.randn(tokens)
    labels, inputs = torch.tensor([[30, 200, 399]]), torch.randn(1, 3, 8) * 0.3
    exact = F.cross_entropy((inputs @ table.T + bias)[0], labels[0], reduction="none")

    def mean_error(samples):
        sampler = LogUniformSampler(tokens, samples)
        estimates = [
            -sample_logits(lambda ids: table[ids], bias, labels, inputs, sampler).log_softmax(-1)[
                0, :, 0
            ]
            for _ in range(60)
        ]
        return (torch.stack(estimates) - exact).abs().mean()

    coarse, fine = mean_error(10), mean_error(2000)
    assert fine < 0.1
    assert fine < coarse / 3


def test_a_sample_that_is_the_true_token_does_not_count_twice():
    sampler = LogUniformSampler(3, 50)  # draws all three
    table, bias = torch.randn(3, 4), torch.zeros(3)
    labels = torch.tensor([[1]])

    scores = sample_logits(lambda ids: table[ids], bias, labels, torch.ones(1, 1, 4), sampler)

    assert scores.shape == (1, 1, 4)
    assert scores[0, 0, 2] == pytest.approx(-10000)
