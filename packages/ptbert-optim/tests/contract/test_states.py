"""The saved state of every optimizer goes on exactly; impossible ones are refused whole."""

import copy
import io
import pickle
from collections import defaultdict

import pytest
import torch
from small_steps import take_steps, updated, weights
from torch import nn

from ptbert_optim import BertAdam, OpenAIAdam, WarmupCosineSchedule

pytestmark = pytest.mark.parametrize(
    "optimizer_class", [BertAdam, OpenAIAdam], ids=lambda kind: kind.__name__
)


def test_a_saved_state_is_plain_and_goes_on_exactly(optimizer_class):
    (here,), (there,) = weights((40, 30)), weights((40, 30))
    options = {"lr": 0.1, "warmup": 0.1, "t_total": 10}
    first, second = optimizer_class([here], **options), optimizer_class([there], lr=7.0)
    take_steps(first, 3)
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    with torch.no_grad():
        there.copy_(here)

    second.load_state_dict(torch.load(file, weights_only=True))
    for optimizer in (first, second):
        take_steps(optimizer, 3, seed=2)

    assert torch.equal(here, there)
    assert first.get_lr() == second.get_lr()


def test_the_saved_layout_is_that_of_2019(optimizer_class):
    optimizer = optimizer_class(weights((4, 3)), lr=0.1)
    take_steps(optimizer, 2)

    state = optimizer.state_dict()

    names = ["step", *optimizer_class.moments]
    assert list(state["state"][0]) == names
    assert state["state"][0]["step"] == 2
    assert {"lr", "schedule", "b1", "b2", "betas", "e", "weight_decay", "max_grad_norm"} <= set(
        state["param_groups"][0]
    )


@pytest.mark.parametrize("capturable", [False, True])
def test_loading_leaves_the_callers_state_alone(optimizer_class, capturable):
    optimizer, other = (
        optimizer_class(weights((4, 3)), lr=0.1, capturable=capturable) for _ in range(2)
    )
    take_steps(optimizer, 2)
    state = optimizer.state_dict()
    before = copy.deepcopy(state)

    other.load_state_dict(state)
    take_steps(other, 2)

    assert state["param_groups"] == before["param_groups"]
    assert state["state"][0]["step"] == before["state"][0]["step"]
    for name in optimizer_class.moments:
        assert torch.equal(state["state"][0][name], before["state"][0][name])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_moments_of_low_precision_parameters_stay_float32(optimizer_class, dtype):
    optimizer, other = (
        optimizer_class([nn.Parameter(torch.ones(600, dtype=dtype))], lr=0.1) for _ in range(2)
    )
    take_steps(optimizer, 2)

    other.load_state_dict(optimizer.state_dict())

    for name in optimizer_class.moments:
        (saved,) = (state[name] for state in optimizer.state.values())
        (loaded,) = (state[name] for state in other.state.values())
        assert saved.dtype is loaded.dtype is torch.float32
        assert torch.equal(saved, loaded)


@pytest.mark.parametrize("shape", [(3, 4), (4, 3, 1)])
def test_a_state_of_other_shapes_is_refused_and_nothing_loaded(optimizer_class, shape):
    optimizer, other = (
        optimizer_class(weights((4, 3)), lr=0.1),
        optimizer_class(weights(shape), lr=0.2),
    )
    take_steps(optimizer, 1)

    with pytest.raises(ValueError, match=r"parameter 0 has a saved state of shapes .* needs"):
        other.load_state_dict(optimizer.state_dict())

    assert other.param_groups[0]["lr"] == 0.2


def test_a_state_of_another_optimizer_is_refused(optimizer_class):
    sgd = torch.optim.SGD(weights((4, 3)), lr=0.1, momentum=0.9)
    take_steps(sgd, 1)

    with pytest.raises(ValueError, match=f"momentum_buffer.* but {optimizer_class.__name__} needs"):
        optimizer_class(weights((4, 3)), lr=0.1).load_state_dict(sgd.state_dict())


def test_an_unknown_schedule_in_a_file_is_refused_and_nothing_loaded(optimizer_class):
    optimizer = optimizer_class(weights(3), lr=0.1)
    state = optimizer.state_dict()
    state["param_groups"][0] |= {"schedule": {"class": "Foo"}, "lr": 5.0}

    with pytest.raises(ValueError, match="'Foo' is no schedule"):
        optimizer.load_state_dict(state)

    assert optimizer.param_groups[0]["lr"] == 0.1


def test_a_whole_optimizer_of_the_release_goes_on(optimizer_class):
    """Its groups and defaults have ``b1`` and ``b2``, no pair, and no option of today."""
    parameter = torch.nn.Parameter(torch.ones(3))
    expected = optimizer_class([torch.nn.Parameter(torch.ones(3))], lr=0.1, b1=0.8)
    later = {"global_clip": False, "fused": None, "capturable": False}
    later["bias_correction"] = optimizer_class is OpenAIAdam
    unknown = {"betas", "params", *later}
    group = {k: v for k, v in expected.param_groups[0].items() if k not in unknown}
    state = {
        "defaults": dict(group),
        "state": defaultdict(dict),
        "param_groups": [group | {"params": [parameter]}],
    }

    optimizer = optimizer_class.__new__(optimizer_class)
    optimizer.__setstate__(state)

    assert optimizer.param_groups[0]["betas"] == (0.8, 0.999)
    assert later.items() <= optimizer.param_groups[0].items()
    for each in (optimizer, expected):
        each.param_groups[0]["params"][0].grad = torch.full((3,), 0.1)
        each.step()
    torch.testing.assert_close(parameter, expected.param_groups[0]["params"][0])


@pytest.mark.parametrize("again", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
def test_an_optimizer_can_be_copied_and_pickled(optimizer_class, again):
    optimizer = optimizer_class(weights((4, 3)), lr=0.1, warmup=0.1, t_total=10)
    take_steps(optimizer, 2)

    other = again(optimizer)
    take_steps(optimizer, 2, seed=2)
    take_steps(other, 2, seed=2)

    assert torch.equal(other.param_groups[0]["params"][0], optimizer.param_groups[0]["params"][0])


def test_a_state_of_fewer_groups_is_refused(optimizer_class):
    one = optimizer_class(weights(3), lr=0.1)
    two = optimizer_class([{"params": weights(3)}, {"params": weights(4)}], lr=0.1)
    take_steps(one, 1)

    with pytest.raises(ValueError, match="different number of parameter groups"):
        two.load_state_dict(one.state_dict())


@pytest.mark.parametrize("again", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
def test_betas_set_by_hand_count_in_a_copy_too(optimizer_class, again):
    _, optimizer = updated(optimizer_class, {"b1": 0.5})
    other = again(optimizer)
    other.add_param_group({"params": weights(2)})
    for group in other.param_groups:
        group["b2"] = 0.75
    take_steps(other, 1)
    assert [group["betas"] for group in other.param_groups] == [(0.5, 0.75), (0.9, 0.75)]


def test_betas_and_schedules_of_a_file_count_after_loading(optimizer_class):
    _, optimizer = updated(optimizer_class, {"b1": 0.5})
    _, other = updated(optimizer_class, {"b1": 0.25})
    other.load_state_dict(optimizer.state_dict())
    take_steps(other, 1)
    assert other.param_groups[0]["betas"] == (0.5, 0.999)


def test_training_goes_on_with_the_schedule_that_it_is_given_now(optimizer_class, caplog):
    _, first = updated(optimizer_class, warmup=0.1, t_total=4)
    (weight,) = weights((40, 30))
    second = optimizer_class([weight], lr=0.1, warmup=0.1, t_total=30)

    second.load_state_dict(first.state_dict())

    assert second.param_groups[0]["schedule"].t_total == 30
    assert second.get_lr() == pytest.approx([0.1 * (3 / 30) / 0.1])  # the end of the warmup
    (message,) = caplog.messages
    assert "saved with WarmupLinearSchedule(warmup=0.1, t_total=4) and goes on with" in message


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "WarmupLinearSchedule(warmup=0.1, t_total=4)"),
        ({"warmup": 0.1, "t_total": 4}, "WarmupLinearSchedule(warmup=0.1, t_total=4)"),
        ({"schedule": "none"}, "ConstantLR(warmup=0, t_total=-1)"),
        ({"schedule": WarmupCosineSchedule(t_total=9)}, "WarmupCosineSchedule(warmup=0.002, t_t"),
    ],
)
def test_the_saved_schedule_counts_where_nothing_else_is_said(
    optimizer_class, options, expected, caplog
):
    _, first = updated(optimizer_class, warmup=0.1, t_total=4)
    second = optimizer_class(weights((40, 30)), lr=0.1, **options)
    second.load_state_dict(first.state_dict())
    assert str(second.param_groups[0]["schedule"]).startswith(expected)
    assert len(caplog.messages) == ("schedule" in options)
