"""What every optimizer takes, and what it refuses in one line."""

import pytest
import torch
from small_steps import take_steps, updated, weights
from torch import nn

from ptbert_optim import BertAdam, OpenAIAdam, WarmupLinearSchedule

pytestmark = pytest.mark.parametrize(
    "optimizer_class", [BertAdam, OpenAIAdam], ids=lambda kind: kind.__name__
)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"lr": -1.0}, r"lr=-1.0 is refused; choose a finite number >= 0"),
        ({"lr": float("nan")}, r"lr=nan is refused"),
        ({"lr": float("inf")}, r"lr=inf is refused"),
        ({"e": -1e-8}, r"e=-1e-08 is refused"),
        ({"weight_decay": -0.1}, r"weight_decay=-0.1 is refused"),
        ({"b1": 1.0}, r"b1=1.0 is refused; choose a number in \[0, 1\)"),
        ({"betas": (0.9, -0.1)}, r"b2=-0.1 is refused"),
        ({"betas": 0.9}, r"betas=0.9 is no pair; give \(b1, b2\), or b1= and b2="),
        ({"max_grad_norm": float("nan")}, r"max_grad_norm=nan is refused; .* -1 for no clipping"),
        ({"max_grad_norm": "1"}, r"max_grad_norm='1' is refused; .* -1 for no clipping"),
        ({"schedule": "linear"}, r"'linear' is no schedule; did you mean"),
        ({"warmup": 2, "schedule": "warmup_linear"}, r"warmup=2 is no share"),
    ],
)
def test_an_impossible_option_is_refused(optimizer_class, wrong, message):
    with pytest.raises(ValueError, match=message):
        optimizer_class(weights(3), **{"lr": 0.1, **wrong})
    with pytest.raises(ValueError, match=message):
        optimizer_class([{"params": weights(3), **wrong}], lr=0.1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lr": "1e-3"}, r"lr='1e-3' is of type str; give a number, such as float\('1e-3'\)"),
        ({"lr": None}, "lr=None is of type NoneType; give a number, such as 0.001"),
        ({"lr": [1e-3]}, r"lr=\[0.001\] is of type list"),
        ({"lr": torch.ones(2)}, r"lr=tensor\(.*\) is of type Tensor"),
        ({"e": "x"}, "e='x' is of type str"),
        ({"weight_decay": None}, "weight_decay=None is of type NoneType"),
        ({"betas": ("0.9", 0.99)}, "b1='0.9' is of type str; give a number"),
        ({"betas": (0.9, None)}, "b2=None is of type NoneType"),
        ({"b1": "0.9"}, "b1='0.9' is of type str"),
        ({"warmup": None}, "warmup=None is of type NoneType; give a number, -1 for no warmup"),
        ({"warmup": "0.1"}, r"warmup='0.1' is of type str; give a number, such as float\('0.1'\)"),
        ({"t_total": None}, "t_total=None is of type NoneType; .* -1 for a constant rate"),
        ({"t_total": [100]}, r"t_total=\[100\] is of type list"),
    ],
)
def test_arguments_that_are_no_numbers_are_refused(optimizer_class, arguments, message):
    weight = torch.nn.Parameter(torch.ones(2))
    with pytest.raises(TypeError, match=message):
        optimizer_class([weight], **{"lr": 1e-3, **arguments})


def test_the_rate_is_required(optimizer_class):
    with pytest.raises(ValueError, match="lr"):
        optimizer_class(weights(3))


def test_unknown_arguments_are_named_in_one_warning(optimizer_class, caplog):
    optimizer_class(weights(3), lr=0.1, foo=1, correct_bias=False)

    (message,) = caplog.messages
    assert f"{optimizer_class.__name__} ignores the unknown arguments foo, correct_bias" in message
    assert "it knows lr, schedule, warmup, t_total, b1, b2, betas" in message


def test_a_schedule_object_beside_warmup_warns_once(optimizer_class, caplog):
    schedule = WarmupLinearSchedule(warmup=0.1, t_total=10)

    optimizer = optimizer_class(weights(3, 3), lr=0.1, warmup=0.2, t_total=20, schedule=schedule)

    (message,) = caplog.messages
    assert "warmup=0.2 and t_total=20 are ignored beside the schedule Warmup" in message
    assert optimizer.param_groups[0]["schedule"] is schedule


def test_both_spellings_of_the_betas_mean_the_same(optimizer_class):
    new = optimizer_class(weights((4, 3)), lr=0.1, betas=(0.8, 0.95))
    old = optimizer_class(weights((4, 3)), lr=0.1, b1=0.8, b2=0.95)
    one = optimizer_class([{"params": weights((4, 3)), "b1": 0.8}], lr=0.1, b2=0.95)

    for optimizer in (new, old, one):
        take_steps(optimizer, 3)

    for other in (old, one):
        assert torch.equal(other.param_groups[0]["params"][0], new.param_groups[0]["params"][0])
    assert (old.param_groups[0]["betas"], new.param_groups[0]["b2"]) == ((0.8, 0.95), 0.95)


def test_of_both_spellings_in_a_group_betas_counts(optimizer_class):
    optimizer = optimizer_class(
        [{"params": weights(3), "betas": (0.5, 0.6), "b1": 0.9, "b2": 0.9}], lr=0.1
    )

    group = optimizer.param_groups[0]
    assert (group["betas"], group["b1"], group["b2"]) == ((0.5, 0.6), 0.5, 0.6)


@pytest.mark.parametrize("fused", [True, False])
def test_a_sparse_gradient_is_refused_before_anything_changes(optimizer_class, fused):
    dense, table = weights(3, (5, 2))
    optimizer = optimizer_class([dense, table], lr=0.1, fused=fused)
    dense.grad, before = torch.ones(3), dense.detach().clone()
    nn.functional.embedding(torch.tensor([1]), table, sparse=True).sum().backward()

    with pytest.raises(RuntimeError, match=r"sparse gradient of a parameter of shape \(5, 2\)"):
        optimizer.step()

    assert torch.equal(dense, before)
    assert optimizer.get_lr() == [0]


def test_a_complex_gradient_is_refused(optimizer_class):
    weight = nn.Parameter(torch.ones(3, dtype=torch.complex64))
    weight.grad = torch.ones_like(weight)

    with pytest.raises(RuntimeError, match=r"complex gradient .* give dense real gradients"):
        optimizer_class([weight], lr=0.1).step()


def test_options_unknown_in_2019_mean_what_2019_did(optimizer_class):
    corrects = optimizer_class is OpenAIAdam
    later = {"global_clip": False, "bias_correction": corrects, "fused": None, "capturable": False}
    optimizer = optimizer_class(weights((4, 3)), lr=0.1)
    assert later.items() <= optimizer.param_groups[0].items()
    state = optimizer.state_dict()
    for name in later:
        del state["param_groups"][0][name]

    optimizer.load_state_dict(state)

    assert later.items() <= optimizer.param_groups[0].items()


@pytest.mark.parametrize("global_clip", [False, True])
def test_no_largest_norm_means_no_clipping(optimizer_class, global_clip):
    options = {"global_clip": global_clip}
    unlimited, optimizer = updated(optimizer_class, max_grad_norm=None, **options)
    by_hand, _ = updated(optimizer_class, {"max_grad_norm": None}, max_grad_norm=-1, **options)
    expected, _ = updated(optimizer_class, max_grad_norm=-1, **options)

    assert torch.equal(unlimited, expected)
    assert torch.equal(by_hand, expected)
    assert optimizer.param_groups[0]["max_grad_norm"] == -1  # as files of 2019 write it
