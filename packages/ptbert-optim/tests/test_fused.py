"""The fast path computes what the plain loop computes."""

from contextlib import contextmanager, nullcontext

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from ptbert_optim import BertAdam, OpenAIAdam, fused
from ptbert_optim.fused import Coefficients, Row, float32_decay, fused_update, kernel_works

DTYPES = [torch.float32, torch.float64, torch.bfloat16, torch.float16]
TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-12, torch.bfloat16: 8e-3, torch.float16: 1e-3}


@st.composite
def runs(draw):
    """Draw groups of tensors with options, and which gradients are missing at which step."""
    shapes = st.lists(st.integers(0, 9), max_size=3).map(tuple) | st.just((700,))
    tensors = st.lists(st.tuples(shapes, st.sampled_from(DTYPES)), min_size=1, max_size=4)
    options = st.fixed_dictionaries(
        {},
        optional={
            "lr": st.sampled_from([0.0, 1e-5, 0.01]),
            "weight_decay": st.sampled_from([0.0, 0.01, 0.5]),
            "betas": st.tuples(st.sampled_from([0.0, 0.9]), st.sampled_from([0.5, 0.999])),
            "max_grad_norm": st.sampled_from([-1, 0.5, 100.0]),
            "global_clip": st.booleans(),
            "bias_correction": st.booleans(),
        },
    )
    groups = draw(st.lists(st.tuples(tensors, options), min_size=1, max_size=3))
    steps = draw(st.integers(1, 4))
    count = sum(len(tensors) for tensors, _ in groups)
    present = draw(
        st.lists(st.lists(st.booleans(), min_size=count, max_size=count), min_size=steps)
    )
    return groups, present[:steps], draw(st.integers(0, 10**6))


def trained(optimizer_class, run, **options):
    groups, present, seed = run
    generator = torch.Generator().manual_seed(seed)
    params = [
        [
            nn.Parameter(torch.randn(shape, generator=generator).to(dtype))
            for shape, dtype in tensors
        ]
        for tensors, _ in groups
    ]
    optimizer = optimizer_class(
        [{"params": p, **o} for p, (_, o) in zip(params, groups, strict=True)],
        **{"lr": 0.02, "warmup": 0.1, "t_total": 20, "e": 1e-4, **options},
    )
    flat = [param for group in params for param in group]
    for step in present:
        for param, has_grad in zip(flat, step, strict=True):
            grad = torch.randn(param.shape, generator=generator).to(param.dtype)
            param.grad = grad if has_grad else None
        optimizer.step()
    return flat, optimizer


@contextmanager
def ways_of_an_accelerator():
    """Let tensors on the CPU take the way of those that are not there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.Tensor, "is_cpu", False)
        yield


@pytest.mark.parametrize("optimizer_class", [BertAdam, OpenAIAdam])
@pytest.mark.parametrize("place", [nullcontext, ways_of_an_accelerator])
@pytest.mark.parametrize("capturable", [False, True])
@settings(max_examples=20, deadline=None)
@given(run=runs())
def test_the_fused_kernel_equals_the_plain_loop(optimizer_class, place, capturable, run):
    with place():
        fast, fast_optimizer = trained(optimizer_class, run, fused=True, capturable=capturable)
    plain, plain_optimizer = trained(optimizer_class, run, fused=False)

    assert fast_optimizer.get_lr() == pytest.approx(plain_optimizer.get_lr(), rel=1e-6)
    for left, right in zip(fast, plain, strict=True):
        tolerance = TOLERANCE[left.dtype]
        if capturable:  # the kernel takes a rate on the device in single precision
            tolerance = max(tolerance, 1e-6)
        assert torch.allclose(left, right, rtol=tolerance, atol=tolerance)
        left_state, right_state = fast_optimizer.state[left], plain_optimizer.state[right]
        for name in optimizer_class.moments if left_state else ():
            assert torch.allclose(left_state[name], right_state[name], rtol=1e-5, atol=1e-6)
        if left.grad is not None:
            assert torch.allclose(left.grad, right.grad, rtol=tolerance, atol=tolerance)


def row(*shape):
    return Row(*(torch.rand(shape) for _ in range(4)))


RULE = ((0.9, 0.999), Coefficients(0.1, 1e-6, 0.0), 1)


def test_this_torch_has_the_kernel():
    assert kernel_works(torch.device("cpu"), torch.float32)
    assert fused_update([row(3)], *RULE)


def test_tensors_of_other_layout_are_left_to_the_loop():
    turned = row(3, 4)._replace(param=torch.rand(4, 3).T)

    assert not fused_update([row(3, 4), turned], *RULE)


def test_low_precision_is_updated_in_pieces(monkeypatch):
    monkeypatch.setattr(fused, "CHUNK", 7)
    original = row(4, 5)
    low = Row(*(t.bfloat16() for t in original[:2]), *(t.clone() for t in original[2:]))
    full = original._replace(param=low.param.float(), grad=low.grad.float())

    assert fused_update([low], *RULE)
    assert fused_update([full], *RULE)

    assert torch.equal(low.param, full.param.bfloat16())
    assert torch.equal(low.m, full.m)


def test_a_batch_of_low_precision_holds_no_more_elements_than_the_limit():
    rows = [Row(*(torch.arange(size),) * 4) for size in (3, 4, 0, 1, 17, 2, 6)]

    found = [[piece.param for piece in batch] for batch in fused.batches(rows, 8)]

    sizes = [[piece.numel() for piece in batch] for batch in found]
    assert sizes == [[3, 4, 0, 1], [8], [8], [1, 2], [6]]
    assert torch.equal(
        torch.cat([piece for batch in found for piece in batch]),
        torch.cat([row.param for row in rows]),
    )


@pytest.mark.parametrize("decay", [5e-7, 1e-8, 0.01])
def test_the_decay_is_right_on_average_and_exact_in_float32(decay):
    rounded = [float32_decay(decay, step) for step in range(1, 10_001)]

    assert all(torch.tensor(1 - value).item() == 1 - value for value in rounded)
    assert sum(rounded) / len(rounded) == pytest.approx(decay, rel=2e-3)


@pytest.fixture
def fresh_probe():
    kernel_works.cache_clear()
    yield
    kernel_works.cache_clear()


@pytest.mark.parametrize("error", [RuntimeError, TypeError, AttributeError, NotImplementedError])
def test_a_torch_without_the_kernel_is_served_by_the_loop(monkeypatch, fresh_probe, error):
    def missing(*args, **kwargs):
        raise error("no kernel here")

    monkeypatch.setattr(torch, "_fused_adamw_", missing)
    run = ([([((50, 60), torch.float32)], {})], [[True]] * 3, 0)

    (fast,), _ = trained(BertAdam, run, fused=True)
    (plain,), _ = trained(BertAdam, run, fused=False)

    assert not kernel_works(torch.device("cpu"), torch.float32)
    assert torch.equal(fast, plain)


def test_a_kernel_that_computes_something_else_is_not_used(monkeypatch, fresh_probe):
    original = torch._fused_adamw_

    def different(*args, **kwargs):
        original(*args, **{**kwargs, "eps": kwargs["eps"] * 2})

    monkeypatch.setattr(torch, "_fused_adamw_", different)

    assert not kernel_works(torch.device("cpu"), torch.float32)


def test_the_kernel_is_chosen_by_itself_for_all_but_small_tensors(monkeypatch):
    calls = []
    original = torch._fused_adamw_

    def counted(params, *args, **kwargs):
        calls.append([len(param) for param in params])
        original(params, *args, **kwargs)

    kernel_works(torch.device("cpu"), torch.float32)
    monkeypatch.setattr(torch, "_fused_adamw_", counted)
    params = [nn.Parameter(torch.ones(size)) for size in (5, 63, 64, 1000, 1001, 70_000)]
    for param in params:
        param.grad = torch.ones_like(param)

    BertAdam(params, lr=0.1).step()

    assert calls == [[64, 1000, 1001, 70_000]]
