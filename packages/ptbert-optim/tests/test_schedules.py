import io
import logging
import math
import pickle

import pytest
import torch
from torch.optim.lr_scheduler import LambdaLR

import ptbert_optim
from ptbert_optim import (
    SCHEDULES,
    ConstantLR,
    WarmupConstantSchedule,
    WarmupCosineSchedule,
    WarmupCosineWithHardRestartsSchedule,
    WarmupCosineWithWarmupRestartsSchedule,
    WarmupLinearSchedule,
    _LRSchedule,
)
from ptbert_optim.schedules import plain_schedule, resolve_schedule, schedule_class

CLASSES = [
    ConstantLR,
    WarmupConstantSchedule,
    WarmupLinearSchedule,
    WarmupCosineSchedule,
    WarmupCosineWithHardRestartsSchedule,
    WarmupCosineWithWarmupRestartsSchedule,
]
every_class = pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)


def test_the_names_of_2019_are_kept():
    assert list(SCHEDULES) == [None, "none", "warmup_cosine", "warmup_constant", "warmup_linear"]


@every_class
@pytest.mark.parametrize("warmup", [-0.5, 1.0, 2, math.nan])
def test_a_warmup_that_is_no_share_is_refused(kind, warmup):
    with pytest.raises(ValueError, match=r"warmup=.* no share .* \[0, 1\), or -1"):
        kind(warmup=warmup, t_total=10)


@every_class
@pytest.mark.parametrize("t_total", [0, -2, math.inf, math.nan])
def test_a_t_total_that_is_no_number_of_updates_is_refused(kind, t_total):
    with pytest.raises(ValueError, match=r"t_total=.* no number of updates; choose a positive"):
        kind(t_total=t_total)


@pytest.mark.parametrize(
    ("kind", "cycles", "least"),
    [
        (WarmupCosineSchedule, -1, 0),
        (WarmupCosineSchedule, -0.5, 0),
        (WarmupCosineSchedule, math.inf, 0),
        (WarmupCosineSchedule, math.nan, 0),
        (WarmupCosineWithHardRestartsSchedule, 0.5, 1),
        (WarmupCosineWithWarmupRestartsSchedule, 0.5, 1),
    ],
)
def test_impossible_cycles_are_refused(kind, cycles, least):
    with pytest.raises(ValueError, match=f"cycles=.* refused by {kind.__name__}.* least {least}"):
        kind(warmup=0.1, t_total=10, cycles=cycles)


@every_class
@pytest.mark.parametrize("argument", ["warmup", "t_total"])
def test_arguments_that_are_no_numbers_are_refused(kind, argument):
    for value in (None, "10", [0.1]):
        with pytest.raises(TypeError, match=rf"{argument}=.* is of type .*; give a number, "):
            kind(**{argument: value})


@pytest.mark.parametrize("kind", [WarmupCosineSchedule, WarmupCosineWithWarmupRestartsSchedule])
def test_cycles_that_are_no_number_are_refused(kind):
    with pytest.raises(TypeError, match="cycles=None is of type NoneType; give a number"):
        kind(warmup=0.1, t_total=10, cycles=None)


def test_a_cosine_of_no_waves_stays_at_1():
    assert WarmupCosineSchedule(warmup=0, t_total=10, cycles=0).get_lr(7) == 1


def test_warm_restarts_without_time_to_fall_are_refused():
    with pytest.raises(ValueError, match=r"warmup=0.5 in each of cycles=2 .*warmup \* cycles"):
        WarmupCosineWithWarmupRestartsSchedule(warmup=0.5, t_total=10, cycles=2)


@every_class
def test_without_t_total_the_multiplier_is_1(kind):
    assert {kind(warmup=-1).get_lr(step) for step in (0, 1, 10**6)} == {1.0}


@every_class
def test_printing_says_what_it_is(kind):
    cycles = ", cycles=3" if hasattr(kind, "least_cycles") else ""

    schedule = kind(warmup=0.1, t_total=1000, cycles=3)

    assert str(schedule) == f"{kind.__name__}(warmup=0.1, t_total=1000{cycles})"


@pytest.mark.parametrize("nowarn", [True, 0.1, "yes"])
def test_the_second_argument_of_get_lr_may_be_anything(nowarn, caplog):
    assert WarmupLinearSchedule(warmup=0.1, t_total=100).get_lr(200, nowarn) == 0.0
    assert caplog.messages == []


def test_going_past_t_total_warns_once(caplog):
    schedule = WarmupLinearSchedule(warmup=0.1, t_total=10)

    for step in range(20):
        schedule.get_lr(step)

    (message,) = caplog.messages
    assert "step 11 is past t_total=10 of WarmupLinearSchedule(warmup=0.1, t_total=10)" in message
    assert caplog.records[0].levelno == logging.WARNING


def test_a_constant_rate_does_not_warn_past_t_total(caplog):
    for schedule in (ConstantLR(t_total=10), WarmupConstantSchedule(t_total=10)):
        schedule.get_lr(20)

    assert caplog.messages == []


def test_a_warmup_without_t_total_warns(caplog):
    WarmupConstantSchedule(warmup=0.1)

    (message,) = caplog.messages
    assert "has no effect without t_total" in message


@every_class
def test_without_a_warmup_or_with_t_total_nothing_warns(kind, caplog):
    kind(warmup=0)
    kind(warmup=-1)
    kind(warmup=0.1, t_total=10)
    ConstantLR(warmup=0.1)

    assert caplog.messages == []


@every_class
def test_defaults_are_those_of_2019(kind):
    cycles = {WarmupCosineSchedule: 0.5}.get(kind, 1.0)
    has_cycles = issubclass(kind, WarmupCosineSchedule)

    schedule = kind()

    assert vars(schedule) == {"warmup": 0.002, "t_total": -1} | (
        {"cycles": cycles} if has_cycles else {}
    )
    assert schedule.warned_for_t_total_at_progress == -1


@every_class
@pytest.mark.parametrize("warmup", [0, -1])
def test_no_warmup_is_written_0_or_minus_1(kind, warmup):
    schedule = kind(warmup=warmup, t_total=10, cycles=3)

    assert schedule.warmup == 0
    assert schedule.get_lr(0) == 1


def test_t_total_may_be_a_fraction():
    schedule = WarmupLinearSchedule(warmup=0, t_total=0.5)

    assert [schedule.get_lr(step) for step in (0, 0.25, 0.5)] == [1, 0.5, 0]


@pytest.mark.parametrize("kind", [k for k in CLASSES if hasattr(k, "least_cycles")])
def test_every_cosine_warns_past_t_total_and_not_before(kind, caplog):
    schedule = kind(warmup=0, t_total=10)

    schedule.get_lr(10)
    assert caplog.messages == []
    schedule.get_lr(11)
    assert len(caplog.messages) == 1


def test_a_schedule_object_or_name_alone_is_taken_without_a_warning(caplog):
    schedule = WarmupLinearSchedule(warmup=0.1, t_total=10)

    assert resolve_schedule(schedule) is schedule
    assert str(resolve_schedule("warmup_linear")) == "WarmupLinearSchedule(warmup=0, t_total=-1)"
    assert caplog.messages == []


@pytest.mark.parametrize("beside", [{"warmup": 0.2}, {"t_total": 20}])
def test_either_argument_beside_a_schedule_object_warns(beside, caplog):
    resolve_schedule(WarmupLinearSchedule(warmup=0.1, t_total=10), **beside)

    assert len(caplog.messages) == 1


class Squared(_LRSchedule):
    def get_lr_(self, progress):
        return (1 - progress) ** 2


def test_a_schedule_of_ones_own_defines_get_lr_():
    assert Squared(t_total=10).get_lr(5) == 0.25


def test_the_base_class_is_abstract():
    with pytest.raises(TypeError, match="get_lr_"):
        _LRSchedule()


def test_a_schedule_is_a_function_for_lambda_lr():
    weight = torch.nn.Parameter(torch.ones(1))
    sgd = torch.optim.SGD([weight], lr=2.0)
    scheduler = LambdaLR(sgd, WarmupLinearSchedule(warmup=0.5, t_total=4))

    rates = []
    for _ in range(4):
        rates.append(scheduler.get_last_lr()[0])
        sgd.step()
        scheduler.step()

    assert rates == [0.0, 1.0, 2.0, 1.0]
    assert scheduler.state_dict()["lr_lambdas"][0]["t_total"] == 4


@every_class
def test_the_plain_form_restores_the_schedule(kind):
    schedule = kind(warmup=0.1, t_total=10, cycles=2)

    restored = resolve_schedule(plain_schedule(schedule))

    assert type(restored) is kind
    assert vars(restored) == vars(schedule)


def test_a_foreign_schedule_has_no_plain_form():
    schedule = Squared(t_total=10)

    assert plain_schedule(schedule) is schedule


@every_class
def test_a_pickled_schedule_is_read_by_weights_only(kind):
    file = io.BytesIO()
    torch.save(kind(warmup=0.1, t_total=10), file)
    file.seek(0)

    assert vars(torch.load(file, weights_only=True))["t_total"] == 10


def test_pickling_keeps_that_it_warned(caplog):
    schedule = WarmupLinearSchedule(warmup=0.1, t_total=10)
    schedule.get_lr(11)

    pickle.loads(pickle.dumps(schedule)).get_lr(12)

    assert len(caplog.messages) == 1


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("warmup_linera", "warmup_linear"),
        ("WarmupCosineShedule", "WarmupCosineSchedule"),
        ("non", "none"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(name, nearest):
    with pytest.raises(ValueError, match="no schedule") as caught:
        schedule_class(name)

    message = str(caught.value)
    assert message.startswith(
        f"{name!r} is no schedule; did you mean {nearest!r}? Give one of None,"
    )
    assert message.endswith("or an object of a subclass of _LRSchedule")


@pytest.mark.parametrize("name", ["nosuch", 3, ""])
def test_a_name_like_no_other_is_refused_without_a_guess(name):
    allowed = [*SCHEDULES, *(kind.__name__ for kind in CLASSES)]

    with pytest.raises(ValueError, match="no schedule") as caught:
        schedule_class(name)

    assert str(caught.value) == (
        f"{name!r} is no schedule; give one of {', '.join(map(repr, allowed))}, "
        "or an object of a subclass of _LRSchedule"
    )


def test_a_schedule_added_by_the_program_is_found(monkeypatch):
    monkeypatch.setitem(SCHEDULES, "squared", Squared)
    weight = torch.nn.Parameter(torch.ones(1))

    optimizer = ptbert_optim.BertAdam([weight], lr=0.1, schedule="squared", t_total=10)

    assert str(optimizer.param_groups[0]["schedule"]) == "Squared(warmup=0, t_total=10)"
