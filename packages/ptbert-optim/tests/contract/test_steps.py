"""What may change from step to step: rates, betas and schedules set by hand, groups, hooks."""

import pytest
import torch
from small_steps import take_steps, updated, weights
from torch import nn
from torch.optim.lr_scheduler import LambdaLR, OneCycleLR

from ptbert_optim import BertAdam, OpenAIAdam, WarmupCosineSchedule

pytestmark = pytest.mark.parametrize(
    "optimizer_class", [BertAdam, OpenAIAdam], ids=lambda kind: kind.__name__
)


def test_get_lr_tells_the_rates_of_the_tensors_updated_so_far(optimizer_class):
    used, unused = weights(3, 3)
    optimizer = optimizer_class([used, unused], lr=0.1, warmup=0.5, t_total=4)
    assert optimizer.get_lr() == [0]

    used.grad = torch.ones(3)
    optimizer.step()

    assert optimizer.get_lr() == [0.05]


def test_a_rate_set_by_hand_counts(optimizer_class):
    left, right = weights((4, 3))[0], weights((4, 3))[0]
    by_hand, from_start = optimizer_class([left], lr=9.0), optimizer_class([right], lr=0.1)

    by_hand.param_groups[0]["lr"] = 0.1
    take_steps(by_hand, 2)
    take_steps(from_start, 2)

    assert torch.equal(left, right)
    assert by_hand.get_lr() == [0.1]


def test_a_rate_may_be_a_tensor(optimizer_class):
    left, right = weights((4, 3))[0], weights((4, 3))[0]

    take_steps(optimizer_class([left], lr=torch.tensor(0.125)), 2)
    take_steps(optimizer_class([right], lr=0.125), 2)

    assert torch.equal(left, right)


def test_a_scheduler_of_torch_multiplies_the_schedule(optimizer_class):
    (weight,) = weights((4, 3))
    optimizer = optimizer_class([weight], lr=0.1, warmup=0.5, t_total=8)
    scheduler = LambdaLR(optimizer, lambda step: 1 / (1 + step))

    take_steps(optimizer, 1)
    scheduler.step()

    assert optimizer.get_lr() == pytest.approx([0.1 / 2 / 4])


def test_one_cycle_moves_the_betas(optimizer_class):
    (weight,) = weights((4, 3))
    optimizer = optimizer_class([weight], lr=0.1)
    scheduler = OneCycleLR(optimizer, max_lr=0.1, total_steps=10)

    take_steps(optimizer, 1)
    scheduler.step()
    take_steps(optimizer, 1)

    group = optimizer.param_groups[0]
    assert group["betas"][0] != 0.9
    assert (group["b1"], group["b2"]) == tuple(group["betas"])


def test_a_group_added_later_has_its_own_options(optimizer_class):
    first, second = weights((4, 3), (4, 3))
    optimizer = optimizer_class([first], lr=0.1)
    take_steps(optimizer, 1)
    group = {"params": [second], "lr": 0.2, "schedule": "none"}

    optimizer.add_param_group(group)
    take_steps(optimizer, 1)

    assert optimizer.get_lr() == [0.1, 0.2]
    assert group == {"params": [second], "lr": 0.2, "schedule": "none"}


def test_a_group_may_have_a_warmup_of_its_own(optimizer_class, caplog):
    optimizer = optimizer_class(
        [{"params": weights(3)}, {"params": weights(3), "warmup": 0.5}],
        lr=0.1,
        schedule=WarmupCosineSchedule(warmup=0.1, t_total=10, cycles=2),
    )

    assert [str(group["schedule"]) for group in optimizer.param_groups] == [
        "WarmupCosineSchedule(warmup=0.1, t_total=10, cycles=2)",
        "WarmupCosineSchedule(warmup=0.5, t_total=10, cycles=2)",
    ]
    assert caplog.messages == []


def test_names_of_parameters_are_kept(optimizer_class):
    model = nn.Linear(3, 2)

    optimizer = optimizer_class(model.named_parameters(), lr=0.1)

    assert optimizer.state_dict()["param_groups"][0]["param_names"] == ["weight", "bias"]


def test_hooks_run_around_the_step(optimizer_class):
    optimizer, order = optimizer_class(weights((4, 3)), lr=0.1), []
    optimizer.register_step_pre_hook(lambda *_: order.append("before"))
    optimizer.register_step_post_hook(lambda *_: order.append("after"))
    optimizer.register_load_state_dict_pre_hook(lambda *_: order.append("load"))

    take_steps(optimizer, 1)
    optimizer.load_state_dict(optimizer.state_dict())

    assert order == ["before", "after", "load"]


def test_zero_grad_and_a_step_without_gradients_change_nothing(optimizer_class):
    (weight,) = weights((4, 3))
    optimizer = optimizer_class([weight], lr=0.1)
    weight.grad, before = torch.ones(4, 3), weight.detach().clone()

    optimizer.zero_grad()
    optimizer.step()

    assert torch.equal(weight, before)
    assert optimizer.state_dict()["state"] == {}


@pytest.mark.parametrize(
    ("by_hand", "pair"),
    [
        ({"b1": 0.5}, (0.5, 0.999)),
        ({"b2": 0.5}, (0.9, 0.5)),
        ({"b1": 0.5, "b2": 0.6}, (0.5, 0.6)),
        ({"betas": (0.5, 0.6)}, (0.5, 0.6)),
        ({"betas": [0.5, 0.6]}, (0.5, 0.6)),
        ({"betas": (0.5, 0.6), "b1": 0.7}, (0.5, 0.6)),
    ],
)
def test_betas_set_by_hand_count_under_either_name(optimizer_class, by_hand, pair):
    weight, optimizer = updated(optimizer_class, by_hand)
    expected, _ = updated(optimizer_class, {"betas": pair})

    group = optimizer.param_groups[0]
    assert (group["betas"], group["b1"], group["b2"]) == (pair, *pair)
    assert torch.equal(weight, expected)


@pytest.mark.parametrize(
    ("by_hand", "expected"),
    [
        ({"t_total": 40}, "WarmupLinearSchedule(warmup=0.5, t_total=40)"),
        ({"warmup": 0.25}, "WarmupLinearSchedule(warmup=0.25, t_total=20)"),
        ({"schedule": "none"}, "ConstantLR(warmup=0, t_total=-1)"),
        (
            {"schedule": "warmup_cosine", "warmup": 0.1, "t_total": 30},
            "WarmupCosineSchedule(warmup=0.1, t_total=30, cycles=0.5)",
        ),
    ],
)
def test_a_schedule_set_by_hand_counts(optimizer_class, by_hand, expected):
    _, optimizer = updated(optimizer_class, by_hand, warmup=0.5, t_total=20)
    group = optimizer.param_groups[0]
    assert str(group["schedule"]) == expected
    assert not {"warmup", "t_total"} & group.keys()


def test_a_rate_of_zero_after_the_plan_is_warned_of_in_every_run(optimizer_class, caplog):
    weight, first = updated(optimizer_class, t_total=1)
    assert sum("the learning rate is 0 at update" in message for message in caplog.messages) == 1
    caplog.clear()
    before = weight.detach().clone()

    second = optimizer_class([weight], lr=0.1)
    second.load_state_dict(first.state_dict())
    take_steps(second, 2)

    assert torch.equal(weight, before)
    assert sum("the learning rate is 0 at update 4" in message for message in caplog.messages) == 1


def test_a_rate_of_zero_in_a_group_is_warned_of_once(optimizer_class, caplog):
    still, moving = weights((4, 3), (4, 3))
    optimizer = optimizer_class([{"params": [still], "lr": 0.0}, {"params": [moving]}], lr=0.1)
    take_steps(optimizer, 3)
    (message,) = caplog.messages
    assert message.startswith("the learning rate is 0 at update 1 (lr=0.0, WarmupLinearSchedule(")
    assert message.endswith("so parameters stay as they are; set lr or t_total, or leave them out")


def test_the_zeros_of_a_plan_are_not_warned_of(optimizer_class, caplog):
    updated(optimizer_class, warmup=0.5, t_total=3)
    assert not caplog.messages
