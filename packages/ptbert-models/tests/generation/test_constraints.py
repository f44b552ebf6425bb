"""Constraints do to the scores what a few lines of plain Python do."""

import math
import random

import pytest
import torch

from ptbert_models import generate
from ptbert_models.generation.constraints import Constraints


def constrained(scores, text, penalty=1.0, size=0, stops=(), wait=0):
    """The definition: the scores of the token after a text, changed by each constraint in turn."""
    scores = list(scores)
    for token in set(text):
        scores[token] *= penalty if scores[token] < 0 else 1 / penalty
    if size:
        end = text[len(text) - size + 1 :]
        for i in range(len(text) - size + 1):
            if text[i : i + size - 1] == end:
                scores[text[i + size - 1]] = -math.inf
    for stop in stops if wait > 0 else ():
        scores[stop] = -math.inf
    return scores


def greedy(model, scores_after, prompt, length, stops=(), wait=0, **options):
    """Take the likeliest allowed token each time, with neither cache nor batch."""
    text = list(prompt)
    for written in range(length):
        scores = scores_after(model, text).tolist()
        scores = constrained(scores, text, stops=stops, wait=wait - written, **options)
        text.append(max(range(len(scores)), key=scores.__getitem__))
        if text[-1] in stops:
            break
    return text


@pytest.mark.parametrize("seed", range(20))
def test_scores_are_changed_as_defined(seed):
    chance = random.Random(seed)
    text = [chance.randrange(6) for _ in range(chance.randint(1, 9))]
    padding = chance.randint(0, 3)
    scores = [chance.gauss(0, 3) for _ in range(6)]
    penalty, size = chance.choice([0.5, 1.0, 1.3]), chance.choice([0, 1, 2, 3])
    stops, wait = chance.choice([[], [1, 4]]), chance.choice([0, 2])

    got = Constraints(penalty, size, wait)(
        torch.tensor([scores, scores]),
        torch.tensor([[0] * padding + text, [5] * (padding + len(text))]),
        torch.tensor([padding, 0]) if padding else None,
        torch.tensor(stops, dtype=torch.long),
    )

    expected = constrained(scores, text, penalty, size, stops, wait)
    assert got[0].tolist() == pytest.approx(expected, rel=1e-6)


OPTIONS = [
    {"repetition_penalty": 1.8},
    {"repetition_penalty": 0.6},
    {"no_repeat_ngram_size": 2},
    {"no_repeat_ngram_size": 3, "repetition_penalty": 1.2},
    {"stop_ids": [2, 7], "min_new_tokens": 5, "no_repeat_ngram_size": 2},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_greedy_texts_follow_the_definition(any_model, scores_after, options):
    for prompt in ([3, 3, 4], [7, 8, 9], [1]):
        found = generate(any_model, torch.tensor([prompt]), 9, temperature=0, **options)
        expected = greedy(
            any_model,
            scores_after,
            prompt,
            9,
            stops=options.get("stop_ids", ()),
            wait=options.get("min_new_tokens", 0),
            penalty=options.get("repetition_penalty", 1.0),
            size=options.get("no_repeat_ngram_size", 0),
        )
        assert found[0].tolist() == expected


@pytest.mark.parametrize("options", [*OPTIONS, {"num_beams": 3, **OPTIONS[3]}], ids=str)
def test_padding_is_not_text(model, options):
    options = {"temperature": 0} | options if "num_beams" not in options else options
    padded = torch.tensor([[3, 4, 5, 6], [8, 8, 8, 9]])
    mask = torch.tensor([[1, 1, 1, 1], [0, 0, 1, 1]])

    together = generate(model, padded, 8, attention_mask=mask, **options)

    alone = generate(model, padded[1:, 2:], 8, **options)[0, 2:].tolist()
    assert together[1, 4 : 4 + len(alone)].tolist() == alone


def test_forbidden_tokens_are_never_drawn(model):
    prompts = torch.tensor([[3, 4, 5]]).expand(300, 3)
    drawn = generate(model, prompts, 6, no_repeat_ngram_size=1)
    assert all(len(set(text)) == 9 for text in drawn.tolist())


def test_a_text_waits_for_its_end(model):
    prompts = torch.arange(12)[:, None]
    stops = [1, 2, 3, 4, 5]

    texts = generate(model, prompts, 9, stop_ids=stops, min_new_tokens=4, pad_id=0).tolist()

    assert not any(token in stops for text in texts for token in text[1:5])
    assert any(token in stops for text in texts for token in text[5:])


@pytest.mark.parametrize("options", [{}, {"temperature": 0}, {"num_beams": 2}, {"top_k": 3}])
def test_texts_without_a_token_left_say_why(model, options):
    message = "no_repeat_ngram_size and min_new_tokens leave no token for a text to go on with; use"
    with pytest.raises(ValueError, match=message):
        generate(model, torch.tensor([[3]]), 12, no_repeat_ngram_size=1, **options)
    with pytest.raises(ValueError, match=message):
        generate(model, torch.tensor([[3]]), 2, stop_ids=range(12), min_new_tokens=1, **options)


def test_texts_that_have_ended_need_no_token(model):
    prompts = torch.tensor([[3], [4]])
    stop = generate(model, prompts[:1], 1, temperature=0)[0, 1].item()
    for options in ({"temperature": 0}, {}):
        generate(model, prompts, 8, stop_ids=[stop], no_repeat_ngram_size=1, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"repetition_penalty": 0}, "repetition_penalty=0 must be a number above 0; 1 is for none"),
        ({"repetition_penalty": -1.5}, "repetition_penalty=-1.5 must be a number above 0"),
        ({"repetition_penalty": math.inf}, "repetition_penalty=inf must be a number above 0"),
        (
            {"repetition_penalty": 1e-31},
            "repetition_penalty=1e-31 must lie between 1e-30 and 1e",
        ),
        (
            {"repetition_penalty": 1e300},
            r"repetition_penalty=1e\+300 must lie between 1e-30 and 1e",
        ),
        ({"repetition_penalty": "2"}, "repetition_penalty='2' must be a number above 0"),
        ({"no_repeat_ngram_size": -1}, "no_repeat_ngram_size=-1 must be an integer from 0 up"),
        ({"no_repeat_ngram_size": 1.5}, "no_repeat_ngram_size=1.5 must be an integer from 0 up"),
        ({"min_new_tokens": -1}, "min_new_tokens=-1 must be an integer from 0 up; 0 is for none"),
        ({"min_new_tokens": 5}, "min_new_tokens=5 is above max_new_tokens=4; ask for fewer"),
    ],
)
def test_impossible_constraints_are_named(model, options, message):
    with pytest.raises(ValueError, match=message):
        generate(model, torch.tensor([[3]]), 4, **options)
