"""Masks: how many, which, by what, and that they depend on nothing but their key."""

import numpy as np
import pytest

from ptbert.training.examples import IGNORED
from ptbert.training.masks import Masks

PAD, CLS, SEP, MASK = range(4)
TOKENS = 50
SPECIAL = (MASK, CLS, SEP, PAD)
CONTINUES = np.arange(TOKENS) >= 40


def text(length, *, most=40):
    inner = 4 + np.arange(length) % (most - 4)
    return np.concatenate([[CLS], inner, [SEP]])


def masks(share=0.15, *, whole_words=False):
    return Masks(share, MASK, SPECIAL, CONTINUES & whole_words)


@pytest.mark.parametrize(
    ("length", "share", "number"),
    [(100, 0.15, 15), (10, 0.15, 2), (2, 0.15, 1), (3, 0.0, 1), (100, 0.5, 50)],
)
def test_a_share_of_the_tokens_is_learned_and_one_at_least(length, share, number):
    ids = text(length)
    masked, labels = masks(share).masked(ids, 0, 0, 0)
    learned = labels != IGNORED
    assert learned.sum() == number
    assert (labels[learned] == ids[learned]).all()
    assert (masked[~learned] == ids[~learned]).all()


def test_of_ten_learned_tokens_eight_are_masked_and_one_is_another_token():
    ids = text(20_000)
    masked, labels = masks().masked(ids, 7, 0, 0)
    learned = labels != IGNORED
    is_mask, is_same = masked[learned] == MASK, masked[learned] == ids[learned]
    # 3,000 draws: four standard deviations are 0.029 and 0.022
    assert is_mask.mean() == pytest.approx(0.8, abs=0.03)
    assert is_same.mean() == pytest.approx(0.1 + 0.1 / (TOKENS - 4), abs=0.025)
    others = masked[learned][~is_mask & ~is_same]
    assert set(others.tolist()) == set(range(4, TOKENS))  # and no special token


def test_special_tokens_of_the_text_are_never_learned():
    ids = np.array([CLS, 5, MASK, SEP, 6, SEP, PAD])
    _, labels = masks(0.99).masked(ids, 0, 0, 0)
    assert (labels != IGNORED).tolist() == [False, True, False, False, True, False, False]


def test_the_same_key_gives_the_same_masks_and_another_epoch_others():
    ids = text(60)
    (first, of_first), (again, of_again), (other, of_other) = (
        masks().masked(ids, 3, epoch, 5) for epoch in (0, 0, 1)
    )
    assert (first == again).all()
    assert (of_first == of_again).all()
    assert (of_first != of_other).any()
    assert (first != other).any()


def test_every_token_is_learned_some_time():
    ids = text(20)
    learned = sum((masks().masked(ids, 0, epoch, 0)[1] != IGNORED) for epoch in range(400))
    # 60 of 400 epochs each; five standard deviations are 36
    assert learned[1:-1].min() > 24
    assert learned[1:-1].max() < 96


def test_all_pieces_of_a_word_are_learned_or_none():
    word = np.array([10, 41, 42])  # three pieces, then words of one
    ids = np.concatenate([[CLS], *(np.append(word, [4 + n % 30, 5]) for n in range(40)), [SEP]])
    for epoch in range(20):
        _, labels = masks(whole_words=True).masked(ids, 0, epoch, 0)
        learned = (labels != IGNORED)[1:-1].reshape(40, 5)
        assert (learned[:, 0] == learned[:, 1]).all()
        assert (learned[:, 0] == learned[:, 2]).all()
        assert learned[:, :3].any()
        assert learned.sum() == 30  # 15% of 200: words of one token fill the room


def test_a_text_that_begins_with_the_end_of_a_word_is_masked():
    ids = np.array([CLS, 41, 42, 5, SEP])
    seen = {
        tuple(np.flatnonzero(masks(0.4, whole_words=True).masked(ids, 0, n, 0)[1] != IGNORED))
        for n in range(30)
    }
    assert seen == {(1, 2), (3,)}
