"""Beam search with lengths finds what a search over Python lists finds."""

import math

import pytest
import torch
from torch import nn

from ptbert_models import generate, generate_scored

PROMPTS = torch.tensor([[3, 4, 5], [7, 8, 9], [1, 1, 1]])


def plain_search(scores_after, model, prompt, longest, beams, stops, penalty, early):
    """The definition: K texts always go on, and the best K that have ended are kept."""
    going, ended = [(0.0, tuple(prompt))], []
    for written in range(1, longest + 1):
        candidates = sorted(
            (
                (total + gain, (*text, token))
                for total, text in going
                for token, gain in enumerate(
                    scores_after(model, list(text)).log_softmax(-1).tolist()
                )
            ),
            reverse=True,
        )
        ends = [written == longest or text[-1] in stops for _, text in candidates]
        ended += [
            (total / written**penalty, text)
            for (total, text), is_end in list(zip(candidates, ends, strict=True))[:beams]
            if is_end
        ]
        ended = sorted(ended, reverse=True)[:beams]
        going = [each for each, is_end in zip(candidates, ends, strict=True) if not is_end][:beams]
        if len(ended) == beams and going:
            length = longest if early == "never" and penalty > 0 else written
            if early is True or going[0][0] / length**penalty <= ended[-1][0]:
                break
    return ended


@pytest.mark.parametrize("early", [True, False, "never"])
@pytest.mark.parametrize("penalty", [-1.0, 0.0, 1.0, 2.5])
@pytest.mark.parametrize("beams", [2, 4])
def test_beams_are_those_of_the_plain_search(any_model, scores_after, beams, penalty, early):
    stops = [2, 6, 11]
    together = generate_scored(
        any_model,
        PROMPTS,
        6,
        num_beams=beams,
        length_penalty=penalty,
        early_stopping=early,
        num_return_sequences=beams,
        stop_ids=stops,
        pad_id=0,
    )
    rows = iter(zip(together.ids.tolist(), together.lengths.tolist(), strict=True))
    for prompt in PROMPTS.tolist():
        expected = plain_search(scores_after, any_model, prompt, 6, beams, stops, penalty, early)
        for _, text in expected:
            found, length = next(rows)
            assert tuple(found[: 3 + length]) == text
            assert set(found[3 + length :]) <= {0}


def test_a_length_option_alone_brings_the_usual_values_of_the_others(model):
    options = {"num_beams": 3, "stop_ids": [2, 6]}
    full = generate(model, PROMPTS, 7, length_penalty=1.0, early_stopping=False, **options)
    assert torch.equal(generate(model, PROMPTS, 7, length_penalty=1.0, **options), full)
    assert torch.equal(generate(model, PROMPTS, 7, early_stopping=False, **options), full)
    several = generate(model, PROMPTS, 7, num_return_sequences=2, **options)
    assert torch.equal(several[::2, : full.size(1)], full)


class Fixed(nn.Module):
    """Every token is followed by tokens with the same probabilities."""

    def __init__(self, *probabilities):
        super().__init__()
        self.scores = torch.tensor(probabilities).log()

    def start_decoding(self, capacity, attention_mask):
        return self

    def select(self, rows):
        pass

    def feed(self, ids):
        return self.scores.expand(len(ids), -1)


class Chain(Fixed):
    """What follows a token depends on that token alone: its row of probabilities."""

    def feed(self, ids):
        return self.scores[ids[:, -1]]


class ChangingChain(Fixed):
    """A chain with other rows at each position, so that no two texts are equally likely."""

    def start_decoding(self, capacity, attention_mask):
        self.position = -1
        return self

    def feed(self, ids):
        self.position += ids.size(1)
        return self.scores[self.position, ids[:, -1]]


def after(model, text):
    """The scores after a text of a ``ChangingChain``."""
    return model.scores[len(text) - 1, text[-1]]


@pytest.mark.parametrize("seed", range(60))
def test_beams_of_any_chain_are_those_of_the_plain_search(seed):
    """Also where all likely tokens end a text, and prompts of a batch end at different times."""
    torch.manual_seed(seed)
    model = ChangingChain(*torch.rand(6, 6, 6).pow(4).add(1e-3).tolist())
    stops = torch.randperm(6)[: seed % 4].tolist()
    prompts, longest, beams = [[each] for each in range(6)], 2 + seed % 5, 2 + seed % 2
    options = {
        "length_penalty": (-1.0, 0.0, 0.5, 1.0, 3.0)[seed % 5],
        "early_stopping": (True, False, "never")[seed // 5 % 3],
    }

    found = generate_scored(
        model,
        torch.tensor(prompts),
        longest,
        num_beams=beams,
        num_return_sequences=beams,
        stop_ids=stops,
        **options,
    )

    rows = zip(found.ids.tolist(), found.lengths.tolist(), strict=True)
    texts = [tuple(text[: 1 + length]) for text, length in rows]
    assert texts == [
        text
        for prompt in prompts
        for _, text in plain_search(after, model, prompt, longest, beams, stops, *options.values())
    ]


@pytest.mark.parametrize("early", [True, False, "never"])
@pytest.mark.parametrize("penalty", [-1.0, 0.0, 1.0])
def test_a_search_is_over_where_nothing_goes_on(penalty, early):
    """Both tokens end a text, so that there are two texts for three beams."""
    options = {"length_penalty": penalty, "early_stopping": early, "num_return_sequences": 2}
    found = generate(
        Fixed(0.6, 0.4), torch.tensor([[1]]), 5, num_beams=3, stop_ids=[0, 1], **options
    )
    assert found.tolist() == [[1, 0], [1, 1]]


@pytest.mark.parametrize("early", [True, False, "never"])
def test_a_prompt_of_which_nothing_goes_on_waits_for_the_others(early):
    """After 0 only 0 and 1 are possible, and both are ends. After 2, 2 is likeliest."""
    found = generate_scored(
        Chain([0.7, 0.3, 0.0], [0.7, 0.3, 0.0], [0.04, 0.06, 0.9]),
        torch.tensor([[0], [2]]),
        4,
        num_beams=2,
        num_return_sequences=2,
        stop_ids=[0, 1],
        early_stopping=early,
    )
    assert found.ids[:2, :2].tolist() == [[0, 0], [0, 1]]
    assert found.lengths[:2].tolist() == [1, 1]


def test_a_prompt_whose_search_is_over_does_not_change_while_others_go_on():
    """By hand: 0 2 2 2 2 has ln(0.01 * 0.9 ** 3) / 4 ** 2 = -0.31, and 0 1 has ln 0.3 = -1.20.

    With ``early_stopping`` 0 0 and 0 1 suffice, also beside a prompt that goes on.
    """
    found = generate_scored(
        Chain([0.69, 0.3, 0.01], [0.7, 0.3, 0.0], [0.04, 0.06, 0.9]),
        torch.tensor([[0], [2]]),
        4,
        num_beams=2,
        num_return_sequences=2,
        stop_ids=[0, 1],
        early_stopping=True,
        length_penalty=2.0,
    )
    assert found.ids[:2, :2].tolist() == [[0, 0], [0, 1]]
    assert found.lengths[:2].tolist() == [1, 1]


def test_twice_as_many_candidates_as_beams_are_looked_at(letters):
    """A string ends texts too, so fewer than the best two may go on.

    By hand, after d: a 0.5 ends; b 0.3 and c 0.2 go on; c a has 0.2 * 0.99, and b b 0.3 * 0.5.
    """
    rare = 1e-9
    found = generate(
        Chain([1.0, rare, rare, rare], [0.2, 0.5, 0.3, rare], [0.99, 0.005, 0.005, rare],
              [0.5, 0.3, 0.2, rare]),
        torch.tensor([[3]]),
        2,
        num_beams=2,
        num_return_sequences=2,
        length_penalty=0.0,
        stop_strings="a",
        tokenizer=letters,
    )  # fmt: skip
    assert found.tolist() == [[3, 0, 0], [3, 2, 0]]


def test_stop_tokens_leave_as_many_beams_that_go_on():
    """By hand, after p: c 0.5 and d 0.4, and of both the four likeliest texts end with a and b.

    c c 0.1 and d c 0.08 are fifth and sixth. They go on, and a cubic penalty favours c c a.
    """
    rare = 1e-9
    found = generate(
        Chain(*[[0.4, 0.3, 0.2, 0.1, rare]] * 4, [0.05, 0.05, 0.5, 0.4, rare]),
        torch.tensor([[4]]),
        3,
        num_beams=2,
        num_return_sequences=2,
        stop_ids=[0, 1],
        length_penalty=3.0,
        early_stopping="never",
    )
    assert found.tolist() == [[4, 2, 2, 0], [4, 3, 2, 0]]


def test_a_length_penalty_below_0_expects_texts_that_go_on_to_end_soon():
    """By hand, scores are totals times lengths: a ln 0.5 = -0.69, c b 2 ln 0.12 = -4.24.

    c c goes on, because 2 ln 0.28 = -2.55 is better than c b; 5 ln 0.28 = -6.36 would not be. Then
    c c a has 3 ln 0.252 = -4.13.
    """
    others = [[1 / 3] * 3] * 2  # after a and b, which end
    found = generate(
        ChangingChain(
            [*others, [0.5, 0.1, 0.4]],
            [*others, [1e-9, 0.3, 0.7]],
            [*others, [0.9, 0.04, 0.06]],
            *[[*others, [0.5, 0.3, 0.2]]] * 2,
        ),
        torch.tensor([[2]]),
        5,
        num_beams=2,
        num_return_sequences=2,
        stop_ids=[0, 1],
        length_penalty=-1.0,
        early_stopping="never",
    )
    assert found.tolist() == [[2, 0, 0, 0], [2, 2, 2, 0]]


@pytest.mark.parametrize(
    ("penalty", "expected"),
    [
        (0.0, [[9, 0, 0], [9, 1, 0]]),  # -0.511 and -1.427
        (1.0, [[9, 0, 0], [9, 1, 0]]),  # -0.511 and -0.714
        (2.0, [[9, 1, 0], [9, 1, 1]]),  # -0.357 and -0.458
    ],
)
def test_a_length_penalty_above_0_favours_long_texts(penalty, expected):
    """By hand: of 0 (the end) ln 0.6 = -0.511, of 1 0 ln 0.24 = -1.427, of 1 1 ln 0.16 = -1.833."""
    found = generate(
        Fixed(0.6, 0.4),
        torch.tensor([[9]]),
        2,
        num_beams=2,
        stop_ids=[0],
        length_penalty=penalty,
        num_return_sequences=2,
    )
    assert found.tolist() == expected


def test_log_probabilities_are_those_of_the_model(any_model, scores_after):
    for options in (
        {},
        {"length_penalty": 0.5},
        {"length_penalty": 1.0, "no_repeat_ngram_size": 1},
    ):
        found = generate_scored(
            any_model, PROMPTS, 6, num_beams=3, stop_ids=[2, 6], pad_id=0, **options
        )
        for text, logs, length in zip(*(each.tolist() for each in found), strict=True):
            expected = [
                scores_after(any_model, text[:end]).log_softmax(-1)[text[end]].item()
                for end in range(3, 3 + length)
            ]
            assert logs[:length] == pytest.approx(expected, abs=1e-5)
            assert set(logs[length:]) <= {0.0}


def test_stop_strings_end_beams(any_model, scores_after, letters):
    """A string of one token is the same as the token."""
    options = {"num_beams": 3, "length_penalty": 1.0, "num_return_sequences": 3}
    by_token = generate(any_model, PROMPTS, 6, stop_ids=[2, 7], **options)
    by_string = generate(
        any_model, PROMPTS, 6, stop_strings=["c", "h"], tokenizer=letters, **options
    )
    assert torch.equal(by_token, by_string)


def test_each_row_of_a_batch_is_what_it_is_alone(model):
    padded = torch.tensor([[3, 4, 5, 6], [0, 0, 8, 9], [0, 1, 2, 3]])
    mask = torch.tensor([[1, 1, 1, 1], [0, 0, 1, 1], [0, 1, 1, 1]])
    options = {"num_beams": 3, "length_penalty": 0.7, "stop_ids": [5, 6], "repetition_penalty": 1.4}

    together = generate_scored(model, padded, 9, attention_mask=mask, **options)

    for i, start in enumerate([0, 2, 1]):
        alone = generate_scored(model, padded[i : i + 1, start:], 9, **options)
        length = int(alone.lengths)
        assert together.lengths[i] == length
        assert together.ids[i, 4 : 4 + length].tolist() == alone.ids[0, 4 - start :].tolist()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"num_return_sequences": 4},
            "num_return_sequences=4 asks for more texts than the num_beams=3 that a search keeps",
        ),
        ({"length_penalty": math.nan}, "length_penalty=nan must be a number; above 0 favours long"),
        ({"length_penalty": "1"}, "length_penalty='1' must be a number"),
        ({"length_penalty": 1e10}, "length_penalty=10000000000.0 must lie between -8 and 8"),
        ({"length_penalty": -9}, "length_penalty=-9 must lie between -8 and 8"),
        (
            {"early_stopping": "always"},
            "early_stopping='always' must be True, False or 'never'",
        ),
        ({"early_stopping": 1}, "early_stopping=1 must be True, False or 'never'"),
        ({"num_return_sequences": 0}, "num_return_sequences=0 must be an integer above 0"),
        (
            {"num_beams": 1, "length_penalty": 1.0},
            "length_penalty=1.0 is for beam search; use num_beams above 1, or leave it out",
        ),
        (
            {"num_beams": 1, "early_stopping": True},
            "early_stopping=True is for beam search; use num_beams above 1",
        ),
        (
            {"num_beams": 1, "num_return_sequences": 2, "temperature": 0},
            "num_return_sequences=2 with temperature=0 would give the same text each time; sample",
        ),
    ],
)
def test_impossible_options_are_named(model, options, message):
    with pytest.raises(ValueError, match=message):
        generate(model, PROMPTS, 3, **({"num_beams": 3} | options))


def test_more_texts_than_there_are_is_an_error():
    with pytest.raises(ValueError, match="num_return_sequences=3, and a prompt has only 2 contin"):
        generate(Fixed(0.6, 0.4), torch.tensor([[9]]), 1, num_beams=3, num_return_sequences=3)
