"""Whether a text has ended may be read when the next step has begun: all else stays the same."""

import math

import pytest
import torch
from small_gpts import FAMILIES, PROMPTS, build

from ptbert_models import generate, generate_scored, generate_stream
from ptbert_models.generation import generating
from ptbert_models.generation.flags import Flags

WAYS = {
    "greedy": {"temperature": 0},
    "drawn": {"top_p": 0.9},
    "stops": {"temperature": 0, "stop_ids": list(range(0, 30, 3)), "pad_id": 0},
    "no repeats": {"temperature": 0, "no_repeat_ngram_size": 2},
    "copies": {"num_return_sequences": 3, "stop_ids": [5, 7]},
    "compiled": {"temperature": 0, "compile": {"backend": "eager"}, "stop_ids": [5, 7]},
}


@pytest.fixture(params=FAMILIES)
def model(request):
    return build(request.param).eval()


@pytest.fixture
def late(monkeypatch):
    """Reads late on this CPU, as on a GPU; a list that gets True for each run."""
    runs = []
    monkeypatch.setattr(generating, "gains_by_reading_late", lambda _: runs.append(1) or True)
    return runs


@pytest.mark.parametrize("options", WAYS.values(), ids=WAYS)
def test_texts_and_log_probabilities_are_the_same(model, options, monkeypatch):
    found = []
    for late in (False, True):
        monkeypatch.setattr(generating, "gains_by_reading_late", lambda _, late=late: late)
        torch.manual_seed(0)
        found.append(generate_scored(model, PROMPTS, 12, **options))
    for one, other in zip(*found, strict=True):
        assert torch.equal(one, other)


def test_the_last_token_is_never_followed_by_a_step(model, late, monkeypatch):
    steps = []
    start = model.start_decoding

    def counting(*args, **options):
        decoding = start(*args, **options)
        feed = decoding.feed
        decoding.feed = lambda ids: steps.append(ids.size(1)) or feed(ids)
        return decoding

    monkeypatch.setattr(model, "start_decoding", counting)
    generate(model, PROMPTS, 4, temperature=0)
    assert late
    assert steps == [PROMPTS.size(1), 1, 1, 1]


@pytest.mark.parametrize("new", [1, 3])
@pytest.mark.parametrize("options", [{"temperature": 0}, {}], ids=["greedy", "drawn"])
def test_scores_that_are_not_numbers_choose_nothing(model, late, options, new):
    model.transformer.h[1].attn.c_proj.bias.data[3] = math.nan
    with pytest.raises(ValueError, match="the model's scores are not numbers"):
        generate(model, PROMPTS, new, **options)
    assert late


def test_a_stream_gives_out_only_what_is_known_to_be_right(model, late):
    model.transformer.h[1].attn.c_proj.bias.data[3] = math.nan
    with pytest.raises(ValueError, match="the model's scores are not numbers"):
        next(generate_stream(model, PROMPTS, 3))
    assert not late


def test_flags_are_read_in_their_order():
    flags = Flags(torch.tensor(True), torch.tensor(False), torch.tensor(True))
    assert flags.read() == [True, False, True]
    assert flags.read() == [True, False, True]
