import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptbert.training.order import parts_of_step, random_shares, random_words, steps_of_epoch

LENGTHS = np.array([3, 30, 7, 12, 12, 5, 40, 22, 9, 31] * 20)


def test_random_words_are_those_of_splitmix64():
    # Computed with whole numbers of any size.
    def mix(word):
        word = (word + 0x9E3779B97F4A7C15) % 2**64
        word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        word = (word ^ (word >> 27)) * 0x94D049BB133111EB % 2**64
        return word ^ (word >> 31)

    assert mix(0) == 0xE220A8397B1DCDAF  # published with the reference code
    keyed = mix(mix(0) ^ mix(7))
    assert random_words([0, 5], 7).tolist() == [mix(keyed ^ mix(0)), mix(keyed ^ mix(5))]


def test_random_shares_are_spread_evenly():
    shares = random_shares(np.arange(10_000), 3)
    assert shares.min() >= 0
    assert shares.max() < 1
    # Each tenth has 1,000 of them, with a standard deviation of 30.
    assert np.all(np.abs(np.histogram(shares, 10, (0, 1))[0] - 1000) < 150)


def test_an_epoch_has_each_example_once():
    steps = steps_of_epoch(LENGTHS, 32, seed=1, epoch=0)
    assert [len(step) for step in steps].count(32) == 6
    assert len(steps) == 7
    assert sorted(np.concatenate(steps)) == list(range(200))


def test_epochs_and_seeds_have_other_orders():
    orders = {
        tuple(np.concatenate(steps_of_epoch(LENGTHS, 32, seed=seed, epoch=epoch)))
        for seed in (0, 1)
        for epoch in (0, 1)
    }
    assert len(orders) == 4


def test_the_order_is_the_same_each_time():
    first, second = (steps_of_epoch(LENGTHS, 32, seed=1, epoch=2) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_a_step_has_examples_of_similar_length():
    steps = steps_of_epoch(LENGTHS, 16, seed=0, epoch=0)
    spreads = [LENGTHS[step].max() - LENGTHS[step].min() for step in steps]
    assert np.mean(spreads) < 10  # of random examples, 30 and more


@given(
    lengths=st.lists(st.integers(1, 50), min_size=1, max_size=40),
    max_tokens=st.integers(1, 300),
    at_least=st.integers(1, 8),
)
def test_parts_have_all_examples_and_keep_the_limits(lengths, max_tokens, at_least):
    sizes = np.array(lengths)
    step = np.argsort(-sizes, kind="stable")

    parts = parts_of_step(step, sizes, max_tokens, at_least)

    assert np.concatenate(parts).tolist() == step.tolist()
    assert len(parts) >= min(at_least, len(lengths))
    for part in parts:
        assert len(part) == 1 or len(part) * sizes[part].max() <= max_tokens


@pytest.mark.parametrize(
    ("max_tokens", "at_least", "expected"),
    [
        (100, 1, [[0, 1, 2, 3]]),
        (16, 1, [[0, 1], [2, 3]]),  # 8 + 8, 4 + 4
        (7, 1, [[0], [1], [2], [3]]),
        (100, 2, [[0, 1], [2, 3]]),  # 12 tokens of 18 are the first from half on
        (100, 9, [[0], [1], [2], [3]]),
    ],
)
def test_parts_worked_by_hand(max_tokens, at_least, expected):
    lengths = np.array([8, 4, 4, 2])
    parts = parts_of_step(np.arange(4), lengths, max_tokens, at_least)
    assert [part.tolist() for part in parts] == expected
