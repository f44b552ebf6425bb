"""What BertAdam and OpenAIAdam both promise."""

import copy
import io
import pickle
from collections import defaultdict

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR, OneCycleLR

from ptbert_optim import BertAdam, OpenAIAdam, WarmupCosineSchedule, WarmupLinearSchedule

pytestmark = pytest.mark.parametrize(
    "optimizer_class", [BertAdam, OpenAIAdam], ids=lambda kind: kind.__name__
)


def weights(*shapes):
    generator = torch.Generator().manual_seed(0)
    return [nn.Parameter(torch.randn(shape, generator=generator)) for shape in shapes]


def take_steps(optimizer, number, seed=1):
    generator = torch.Generator().manual_seed(seed)
    for _ in range(number):
        for group in optimizer.param_groups:
            for param in group["params"]:
                param.grad = torch.randn(param.shape, generator=generator).to(param.dtype)
        optimizer.step()


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


def test_a_state_of_fewer_groups_is_refused(optimizer_class):
    one = optimizer_class(weights(3), lr=0.1)
    two = optimizer_class([{"params": weights(3)}, {"params": weights(4)}], lr=0.1)
    take_steps(one, 1)

    with pytest.raises(ValueError, match="different number of parameter groups"):
        two.load_state_dict(one.state_dict())


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


def updated(optimizer_class, by_hand=None, **options):
    """Return a parameter after three steps, the last two after values were set by hand."""
    (weight,) = weights((40, 30))
    optimizer = optimizer_class([weight], **({"lr": 0.1} | options))
    take_steps(optimizer, 1)
    for name, value in (by_hand or {}).items():
        optimizer.param_groups[0][name] = value
    take_steps(optimizer, 2, seed=2)
    return weight, optimizer


@pytest.mark.parametrize("global_clip", [False, True])
def test_no_largest_norm_means_no_clipping(optimizer_class, global_clip):
    options = {"global_clip": global_clip}
    unlimited, optimizer = updated(optimizer_class, max_grad_norm=None, **options)
    by_hand, _ = updated(optimizer_class, {"max_grad_norm": None}, max_grad_norm=-1, **options)
    expected, _ = updated(optimizer_class, max_grad_norm=-1, **options)

    assert torch.equal(unlimited, expected)
    assert torch.equal(by_hand, expected)
    assert optimizer.param_groups[0]["max_grad_norm"] == -1  # as files of 2019 write it


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
