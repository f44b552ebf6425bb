import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptbert_optim import curves

CURVES = [
    curves.warmup_constant,
    curves.warmup_linear_decay,
    curves.warmup_cosine_waves,
    curves.warmup_cosine_hard_restarts,
    curves.warmup_cosine_warmup_restarts,
    curves.warmup_linear,
    curves.warmup_cosine,
]
shares = st.floats(0, 0.99)


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.__name__)
@given(x=st.floats(0, 3), warmup=shares)
def test_multipliers_are_between_0_and_1(curve, x, warmup):
    assert 0 <= curve(x, warmup) <= 1


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.__name__)
@given(part=st.floats(0, 0.999), warmup=st.floats(0.01, 0.99))
def test_the_warmup_is_a_straight_line(curve, part, warmup):
    assert curve(part * warmup, warmup) == pytest.approx(part)


@given(x=st.floats(0, 1), warmup=shares)
def test_linear_decay_mirrors_the_line_through_the_peak_and_the_end(x, warmup):
    if x >= warmup:
        expected = (1 - x) / (1 - warmup)
        assert curves.warmup_linear_decay(x, warmup) == pytest.approx(expected)


@pytest.mark.parametrize(("x", "expected"), [(0.05, 0.5), (0.1, 0.9), (0.5, 0.5), (1.2, 0.0)])
def test_the_old_linear_curve_falls_along_one_minus_progress(x, expected):
    assert curves.warmup_linear(x, 0.1) == pytest.approx(expected)


@pytest.mark.parametrize("x", [0.1, 0.5, 0.75])
def test_the_old_cosine_runs_over_the_whole_progress(x):
    assert curves.warmup_cosine(x, 0.1) == pytest.approx(math.cos(math.pi * x / 2) ** 2)


@pytest.mark.parametrize("cycles", [1, 2, 3, 5, 7])
def test_hard_restarts_jump_to_1_at_every_restart_step(cycles):
    # In these places a division before the multiplication decides between 0 and 1.
    steps = 1000
    restarts = [steps // cycles * n for n in range(1, cycles) if steps % cycles == 0]

    for step in restarts:
        assert curves.warmup_cosine_hard_restarts(step / steps, 0.0, cycles) == pytest.approx(1)


def test_warm_restarts_repeat_every_cycle():
    for x in (0.01, 0.1, 0.2, 0.24):
        first = curves.warmup_cosine_warmup_restarts(x, 0.2, 4)
        assert curves.warmup_cosine_warmup_restarts(x + 0.25, 0.2, 4) == pytest.approx(first)


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.__name__)
def test_the_default_warmup_is_two_thousandths(curve):
    assert [curve(x) for x in (0.0005, 0.001, 0.0015)] == pytest.approx([0.25, 0.5, 0.75])


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.__name__)
def test_without_a_warmup_it_starts_at_1(curve):
    assert curve(0.0, 0.0) == 1


def test_the_default_numbers_of_cycles():
    assert curves.warmup_cosine_waves(1.0, 0.0) == pytest.approx(0)  # half a wave
    assert curves.warmup_cosine_hard_restarts(0.5, 0.0) == pytest.approx(0.5)  # one fall
    assert curves.warmup_cosine_warmup_restarts(0.5, 0.0) == pytest.approx(0.5)  # one part
