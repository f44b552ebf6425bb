"""The factor of the loss in float16."""

import math

import pytest
import torch

import ptbert.training.loop
from ptbert.training import scaling, train
from ptbert.training.checkpoints import newest_checkpoint
from ptbert.training.scaling import LossScale

from .conftest import digest
from .test_loop import interrupted, weights


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_numbers_with_a_large_range_need_no_factor(precision):
    scale = LossScale(precision)
    scale.count()
    assert (scale.factor, scale.halve()) == (1.0, False)


def test_the_factor_is_doubled_after_many_good_steps_and_halved_after_a_bad_one(monkeypatch):
    monkeypatch.setattr(scaling, "_GROW_AFTER", 3)
    scale = LossScale("float16")
    factors = []
    for is_good in (True, True, True, True, False, True, True, True):
        scale.count() if is_good else scale.halve()
        factors.append(scale.factor / 2**16)
    assert factors == [1, 1, 2, 2, 1, 1, 1, 2]
    again = LossScale("float16", scale.state())
    assert (again.factor, again.state()) == (scale.factor, scale.state())


def test_the_factor_does_not_fall_below_1():
    scale = LossScale("float16", {"factor": 2.0, "steps": 5})
    assert (scale.halve(), scale.factor, scale.halve(), scale.factor) == (True, 1.0, False, 1.0)


@pytest.fixture
def overflowing(settings, monkeypatch):
    """Settings of a training whose first steps overflow."""
    monkeypatch.setattr(scaling, "_FIRST", 2.0**22)
    monkeypatch.setattr(scaling, "_GROW_AFTER", 2)
    return settings.replaced(precision="float16")


def test_steps_that_overflow_update_nothing_and_a_training_that_goes_on_knows(
    overflowing, tmp_path, monkeypatch
):
    straight = overflowing.replaced(output=str(tmp_path / "straight"))
    train(straight)
    for step in (2, 6):
        parts = ptbert.training.loop.parts_of_step
        interrupted(overflowing, monkeypatch, "ptbert.training.loop.parts_of_step", parts, step)
    state = newest_checkpoint(tmp_path / "out" / "checkpoints").state
    assert 0 < state["updates"] < state["step"]

    train(overflowing)

    assert digest(tmp_path / "out") == digest(tmp_path / "straight")


@pytest.mark.usefixtures("without_dropout")
def test_float16_gives_nearly_the_same(settings, tmp_path):
    settings = settings.replaced(epochs=1, checkpoint_minutes=10.0)
    train(settings)
    train(settings.replaced(output=str(tmp_path / "half"), precision="float16"))
    difference = (weights(tmp_path / "out") - weights(tmp_path / "half")).abs().max()
    assert 0 < difference < 0.05


def spoil(monkeypatch, at):
    """Make one number of the gradients of a step infinite, as its loss does not show."""
    clip_all, calls = ptbert.training.loop.clip_all, []

    def spoiled(parameters, largest):
        calls.append(1)
        if len(calls) == at:
            parameters[0].grad.view(-1)[0] = math.inf
        return clip_all(parameters, largest)

    monkeypatch.setattr("ptbert.training.loop.clip_all", spoiled)


def test_a_gradient_that_is_not_finite_stops_and_the_last_good_checkpoint_stays(
    settings, tmp_path, monkeypatch
):
    spoil(monkeypatch, 3)
    message = r"the gradient of step 3 is inf; its 8 examples begin with '.*train.csv', line \d+"
    with pytest.raises(ValueError, match=message):
        train(settings)
    newest = newest_checkpoint(tmp_path / "out" / "checkpoints")
    assert newest.step == 2
    assert torch.isfinite(weights(newest.folder)).all()


def test_float16_with_an_infinite_gradient_whatever_the_factor_stops(settings, monkeypatch):
    monkeypatch.setattr(scaling, "_FIRST", 1.0)
    spoil(monkeypatch, 2)
    with pytest.raises(ValueError, match="the gradient of step 2 is inf"):
        train(settings.replaced(precision="float16"))
