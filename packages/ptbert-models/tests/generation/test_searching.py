"""A text ends at a stop token; beams find what a plain search finds."""

import itertools
import math

import pytest
import torch
from small_gpts import FAMILIES, PROMPTS, Counting, build, log_probabilities

from ptbert_models.generation import generate


@pytest.fixture(params=FAMILIES)
def model(request):
    return build(request.param)


@pytest.mark.parametrize("pad_id", [None, 7])
def test_a_text_ends_at_a_stop_token(model, pad_id):
    free = generate(model, PROMPTS, 20, temperature=0)
    stop = free[0, 6].item()

    ended = generate(model, PROMPTS, 20, temperature=0, stop_ids=[stop], pad_id=pad_id)

    for row, text in zip(free, ended, strict=True):
        places = (row[4:] == stop).nonzero().flatten() + 4
        end = (int(places[0]) + 1) if places.numel() else 24
        end = min(end, text.numel())
        assert torch.equal(text[:end], row[:end])
        assert text[end:].eq(stop if pad_id is None else pad_id).all()


def test_generation_is_over_when_all_texts_have_ended(model):
    stop = generate(model, PROMPTS[:1], 1, temperature=0)[0, -1].item()
    assert generate(model, PROMPTS[:1], 20, temperature=0, stop_ids={stop}).shape == (1, 5)
    assert generate(model, PROMPTS[:1], 20, num_beams=1, top_k=1, stop_ids={stop}).shape == (1, 5)


def test_searching_is_over_when_the_best_text_has_ended():
    found = generate(Counting(), torch.tensor([[7]]), 5, num_beams=3, stop_ids=[0])
    assert found.tolist() == [[7, 8, 0]]


@pytest.mark.parametrize("options", [{"temperature": 0}, {"num_beams": 1}, {"stop_ids": [0]}])
def test_a_vocabulary_may_have_one_token(options):
    """And the first of all tokens may end a text."""
    length = 1 if "stop_ids" in options else 3
    text = generate(Counting(1), torch.tensor([[0]]), 3, **options)
    assert text.tolist() == [[0] * (1 + length)]


def brute_force(model, prompt, length, vocabulary, stop=None):
    """Try all continuations; return the total log-probability of the best, and its tokens."""
    best = (-math.inf, ())
    for every in itertools.product(range(vocabulary), repeat=length):
        ends = [at + 1 for at, token in enumerate(every) if token == stop]
        tokens = every[: ends[0]] if ends else every
        total, ids = 0.0, prompt
        for token in tokens:
            total += log_probabilities(model, ids)[0, token].item()
            ids = torch.cat((ids, torch.tensor([[token]])), dim=1)
        best = max(best, (total, tokens))
    return best


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("stop", [None, 2])
def test_a_wide_beam_finds_the_best_of_all_continuations(family, stop):
    model = build(family, vocabulary=4)
    for prompt in ([[0, 1]], [[3, 3]]):
        ids = torch.tensor(prompt)
        _, tokens = brute_force(model, ids, 3, 4, stop)

        found = generate(model, ids, 3, num_beams=16, stop_ids=[] if stop is None else [stop])

        assert tuple(found[0, 2 : 2 + len(tokens)].tolist()) == tokens
        assert found[0, 2 + len(tokens) :].eq(tokens[-1]).all()


def plain_search(model, prompt, length, beams, stop):
    """Beam search by sorting lists, with neither cache nor batch."""
    kept = [(0.0, tuple(prompt), False)]
    for _ in range(length):
        candidates = [beam for beam in kept if beam[2]]
        for total, tokens, ended in kept:
            if not ended:
                gains = log_probabilities(model, torch.tensor([tokens]))[0]
                candidates += [
                    (total + gain, (*tokens, token), token == stop)
                    for token, gain in enumerate(gains.tolist())
                ]
        kept = sorted(candidates, reverse=True)[:beams]
    return kept[0][1]


@pytest.mark.parametrize("beams", [2, 3, 5])
@pytest.mark.parametrize("stop", [None, 11])
def test_beams_are_those_of_the_plain_search(model, beams, stop):
    found = generate(model, PROMPTS, 6, num_beams=beams, stop_ids=[] if stop is None else [stop])

    for prompt, text in zip(PROMPTS.tolist(), found, strict=True):
        expected = plain_search(model, prompt, 6, beams, stop)
        assert tuple(text[: len(expected)].tolist()) == expected
