import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from ptbert_optim import BertAdam, OpenAIAdam
from ptbert_optim.clipping import clip_all, clip_coefficients


@given(st.integers(0, 10**6), st.floats(0.01, 100))
def test_no_clipped_gradient_is_longer_than_allowed(seed, max_norm):
    generator = torch.Generator().manual_seed(seed)
    grads = [torch.randn(shape, generator=generator) * 10 for shape in ((7,), (), (3, 5))]

    coefficients = clip_coefficients(grads, max_norm)

    for grad, coefficient in zip(grads, coefficients, strict=True):
        norm = torch.linalg.vector_norm(grad)
        assert norm * coefficient <= max_norm * (1 + 1e-6)
        assert coefficient == 1 or norm > max_norm * (1 - 1e-4)


def test_a_float16_gradient_whose_squares_overflow_is_measured():
    grad = torch.tensor([3000.0, 4000.0], dtype=torch.float16)

    assert clip_coefficients([grad], 1.0).tolist() == pytest.approx([1 / 5000])


@pytest.mark.parametrize("fused", [None, True, False])
def test_a_global_clip_is_torchs_over_all_groups(fused):
    shapes = [(700,), (30, 40), (3,)]
    grads = [torch.randn(shape, generator=torch.Generator().manual_seed(1)) for shape in shapes]
    ours, torchs = ([nn.Parameter(torch.ones(s)) for s in shapes] for _ in range(2))
    for params in (ours, torchs):
        for param, grad in zip(params, grads, strict=True):
            param.grad = grad.clone()

    BertAdam(
        [{"params": ours[:1]}, {"params": ours[1:]}], lr=0.1, global_clip=True, fused=fused
    ).step()
    nn.utils.clip_grad_norm_(torchs, 1.0)
    BertAdam(torchs, lr=0.1, max_grad_norm=-1, fused=fused).step()

    for left, right in zip(ours, torchs, strict=True):
        assert torch.allclose(left.grad, right.grad)
        assert torch.allclose(left, right, rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", [3, 300])
@pytest.mark.parametrize("options", [{}, {"global_clip": True}, {"fused": True}, {"fused": False}])
@pytest.mark.parametrize("kind", [BertAdam, OpenAIAdam])
def test_an_expanded_gradient_is_clipped_as_if_it_was_written_out(kind, options, size):
    expanded, written = (nn.Parameter(torch.ones(2, size)) for _ in range(2))
    row = torch.full((1, size), 5.0)
    expanded.grad, written.grad = row.expand(2, size), row.repeat(2, 1)

    for param in (expanded, written):
        kind([param], lr=0.1, max_grad_norm=1.0, **options).step()

    assert torch.equal(expanded, written)
    assert torch.equal(expanded.grad, written.grad)
    assert expanded.grad.norm().item() == pytest.approx(1)
    assert torch.equal(row, torch.full((1, size), 5.0))


def test_expanded_gradients_are_clipped_together():
    weights = [nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))]
    weights[0].grad, weights[1].grad = torch.tensor([3.0, 3.0]), torch.tensor([4.0]).expand(2)

    assert clip_all(weights, 1.0).item() == pytest.approx(50**0.5)

    norm = torch.cat([weight.grad for weight in weights]).norm().item()
    assert norm == pytest.approx(1)


def test_a_sparse_gradient_is_refused_before_anything_is_scaled():
    weight, table = nn.Parameter(torch.ones(2)), nn.Embedding(5, 2, sparse=True)
    weight.grad = torch.tensor([3.0, 4.0])
    table(torch.tensor([1, 1])).sum().backward()

    with pytest.raises(
        RuntimeError, match=r"clip_all\(\) cannot use the sparse gradient of a .*\(5, 2\)"
    ):
        clip_all([weight, *table.parameters()], 1.0)

    assert weight.grad.tolist() == [3, 4]


def test_a_global_clip_without_gradients_does_nothing():
    weight = nn.Parameter(torch.ones(3))

    BertAdam([weight], lr=0.1, global_clip=True).step()

    assert torch.equal(weight, torch.ones(3))


def test_groups_without_a_limit_are_not_clipped_together():
    free, limited = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
    free.grad, limited.grad = torch.tensor([30.0]), torch.tensor([4.0])
    groups = [{"params": [free], "max_grad_norm": -1}, {"params": [limited]}]

    BertAdam(groups, lr=0.1, global_clip=True).step()

    assert free.grad.item() == 30
    assert limited.grad.item() == pytest.approx(1)


@pytest.mark.parametrize(("max_norm", "expected"), [(0, 5.0), (-1, 5.0), (0.5, 0.5)])
@pytest.mark.parametrize("global_clip", [False, True])
def test_only_a_positive_limit_clips(max_norm, expected, global_clip):
    weight = nn.Parameter(torch.zeros(2))
    weight.grad = torch.tensor([3.0, 4.0])

    BertAdam([weight], lr=0.1, max_grad_norm=max_norm, global_clip=global_clip).step()

    assert weight.grad.norm().item() == pytest.approx(expected)


def test_tensors_without_a_gradient_are_left_out_of_a_global_clip():
    idle, moving, later = (nn.Parameter(torch.zeros(1)) for _ in range(3))
    moving.grad, later.grad = torch.tensor([3.0]), torch.tensor([4.0])

    BertAdam([idle, moving, later], lr=0.1, global_clip=True).step()

    assert (moving.grad.item(), later.grad.item()) == pytest.approx((0.6, 0.8))


def test_a_global_clip_counts_gradients_of_every_dtype():
    single = nn.Parameter(torch.zeros(1))
    double = nn.Parameter(torch.zeros(1, dtype=torch.float64))
    single.grad, double.grad = torch.tensor([3.0]), torch.tensor([4.0], dtype=torch.float64)

    BertAdam([single, double], lr=0.1, global_clip=True).step()

    assert (single.grad.item(), double.grad.item()) == pytest.approx((0.6, 0.8))


@pytest.mark.parametrize("global_clip", [False, True])
def test_a_millionth_is_added_to_the_norm_as_torch_does(global_clip):
    ours, torchs = (nn.Parameter(torch.zeros(1)) for _ in range(2))
    ours.grad, torchs.grad = torch.tensor([1e-6]), torch.tensor([1e-6])

    BertAdam([ours], lr=0.1, max_grad_norm=1e-6, global_clip=global_clip).step()
    nn.utils.clip_grad_norm_([torchs], 1e-6)

    assert ours.grad.item() == pytest.approx(1e-6 * 1e-6 / (1e-6 + 1e-6))
    assert ours.grad.item() == pytest.approx(torchs.grad.item())
