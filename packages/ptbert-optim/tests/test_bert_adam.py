import pytest
import torch
from torch import nn

from ptbert_optim import BertAdam


def test_one_update_by_hand():
    weight = nn.Parameter(torch.tensor([2.0]))
    weight.grad = torch.tensor([0.5])

    BertAdam([weight], lr=0.1, b1=0.75, b2=0.5, e=0.125, weight_decay=0.25).step()

    m, v = 0.25 * 0.5, 0.5 * 0.25
    expected = 2 - 0.1 * (m / (v**0.5 + 0.125) + 0.25 * 2)
    assert weight.item() == pytest.approx(expected)


def test_the_schedule_is_read_before_the_step_is_counted():
    weight = nn.Parameter(torch.ones(1))
    optimizer = BertAdam([weight], lr=0.1, warmup=0.5, t_total=4)
    weight.grad = torch.ones(1)

    optimizer.step()

    assert weight.item() == 1.0


@pytest.mark.parametrize("fused", [True, False])
def test_with_bias_correction_it_is_adamw(fused):
    ours, torchs = (nn.Parameter(torch.linspace(-1, 1, 600)) for _ in range(2))
    options = {"lr": 0.01, "betas": (0.8, 0.9), "weight_decay": 0.1}
    optimizer = BertAdam(
        [ours], e=1e-6, bias_correction=True, max_grad_norm=-1, fused=fused, **options
    )
    reference = torch.optim.AdamW([torchs], eps=1e-6, **options)

    for step in range(10):
        for param in (ours, torchs):
            param.grad = torch.sin(torch.arange(600.0) * (step + 1))
        optimizer.step()
        reference.step()

    assert torch.allclose(ours, torchs, rtol=0, atol=1e-6)


def test_tensors_are_clipped_one_by_one():
    large, small = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(2))
    large.grad, small.grad = torch.tensor([3.0, 4.0]), torch.tensor([0.3, 0.4])

    BertAdam([large, small], lr=0.1, max_grad_norm=1.0).step()

    assert torch.allclose(large.grad, torch.tensor([0.6, 0.8]))
    assert torch.equal(small.grad, torch.tensor([0.3, 0.4]))
