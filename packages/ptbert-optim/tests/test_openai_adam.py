import pytest
import torch
from torch import nn

from ptbert_optim import OpenAIAdam


def test_one_update_by_hand():
    weight = nn.Parameter(torch.tensor([[2.0]]))
    weight.grad = torch.tensor([[0.5]])

    OpenAIAdam([weight], lr=0.1, b1=0.75, b2=0.5, e=0.125, weight_decay=0.25).step()

    m, v = 0.25 * 0.5, 0.5 * 0.25
    moved = 2 - 0.1 * (1 - 0.5) ** 0.5 / (1 - 0.75) * m / (v**0.5 + 0.125)
    assert weight.item() == pytest.approx(moved - 0.1 * 0.25 * moved)


def test_the_schedule_is_read_after_the_step_is_counted():
    weight = nn.Parameter(torch.ones(1))
    optimizer = OpenAIAdam([weight], lr=0.1, warmup=0.5, t_total=4)
    weight.grad = torch.ones(1)

    optimizer.step()

    assert weight.item() == pytest.approx(0.95)


@pytest.mark.parametrize(("vector_l2", "expected"), [(False, 1.0), (True, 0.98)])
def test_vectors_decay_only_when_asked_for(vector_l2, expected):
    vector, matrix = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(1, 2))
    for param in (vector, matrix):
        param.grad = torch.zeros_like(param)

    OpenAIAdam([vector, matrix], lr=0.1, weight_decay=0.2, vector_l2=vector_l2).step()

    assert vector.tolist() == pytest.approx([expected] * 2)
    assert matrix.tolist() == [pytest.approx([0.98] * 2)]


def test_without_bias_correction_the_first_update_is_that_of_the_raw_moments():
    weight = nn.Parameter(torch.ones(1))
    weight.grad = torch.ones(1)

    OpenAIAdam([weight], lr=0.1, b1=0.5, b2=0.75, e=0.0, bias_correction=False).step()

    assert weight.item() == pytest.approx(1 - 0.1 * 0.5 / 0.25**0.5)


def test_a_decay_of_the_whole_parameter_leaves_nothing():
    # The kernel could not express it: there the decay is multiplied by a step size that is 0.
    weight = nn.Parameter(torch.ones(40, 30))
    weight.grad = torch.ones(40, 30)

    OpenAIAdam([weight], lr=1.0, weight_decay=1.0, fused=True).step()

    assert weight.abs().max() == 0
