"""The next token is the likeliest one, or drawn among likely ones."""

import math

import numpy as np
import pytest
import torch
from small_gpts import FAMILIES, PROMPTS, build, log_probabilities

from ptbert_models import (
    GPT2Config,
    GPT2DoubleHeadsModel,
    GPT2LMHeadModel,
    generation,
)
from ptbert_models.generation import Choice, generate


@pytest.fixture(params=FAMILIES)
def model(request):
    return build(request.param)


def test_greedy_is_the_step_by_step_argmax(model):
    ids = PROMPTS
    for _ in range(20):
        ids = torch.cat((ids, log_probabilities(model, ids).argmax(-1)[:, None]), dim=1)

    assert torch.equal(generate(model.train(), PROMPTS, 20, temperature=0), ids)
    assert torch.equal(generate(model, PROMPTS, 20, top_k=1), ids)


@pytest.mark.parametrize("options", [{"temperature": 0}, {"num_beams": 2}, {}, {"top_p": 0.9}])
def test_scores_that_are_not_numbers_choose_nothing(model, options):
    model.transformer.h[1].attn.c_proj.bias.data[3] = math.nan
    with pytest.raises(ValueError, match=r"the model's scores are not numbers \(NaN\); look for"):
        generate(model, PROMPTS, 3, **options)


@pytest.mark.parametrize("value", [math.inf, -math.inf])
@pytest.mark.parametrize(
    "options",
    [{"temperature": 0}, {}, {"temperature": 1e-4}, {"top_k": 2}, {"top_p": 0.9}],
    ids=str,
)
def test_scores_that_are_not_finite_choose_nothing(options, value):
    scores = torch.zeros(2, 5)
    scores[1] = value
    said = rf"scores are not finite: the best one of a text is {value}; look .* try float32"
    with pytest.raises(ValueError, match=said):
        Choice(**options)(scores)


@pytest.mark.parametrize("options", [{"temperature": 0}, {}, {"top_k": 2}, {"top_p": 0.9}])
def test_scores_of_which_some_are_minus_infinity_are_usual(options):
    scores = torch.full((3, 5), -math.inf)
    scores[:, 2] = 1.0
    assert Choice(**options)(scores).tolist() == [2, 2, 2]


def test_other_errors_of_drawing_are_those_of_pytorch():
    with pytest.raises(RuntimeError, match="prob_dist must be"):
        Choice()(torch.zeros(2, 0, 5))


@pytest.fixture
def warnings_about_padding(caplog):
    generation.warn_of_padding.cache_clear()
    yield lambda: [each for each in caplog.messages if "if that is padding" in each]
    generation.warn_of_padding.cache_clear()


@pytest.mark.parametrize(
    ("prompts", "options"),
    [
        (torch.tensor([[3, 4, 5], [7, 0, 0]]), {}),
        (torch.tensor([[3, 4, 5], [0, 0, 7]]), {}),
        (torch.tensor([[3, 4, 5], [7, 9, 9]]), {"pad_id": 9}),
        (torch.tensor([[3, 4, 5], [9, 9, 7]]), {"stop_ids": [9]}),
    ],
)
def test_what_may_be_padding_without_a_mask_is_named_once(
    model, warnings_about_padding, prompts, options
):
    for _ in range(2):
        generate(model, prompts, 2, **options)
    (message,) = warnings_about_padding()
    assert "on the left and pass attention_mask with 0 where it is" in message


@pytest.mark.parametrize(
    ("prompts", "options"),
    [
        (torch.tensor([[3, 4, 5], [0, 0, 7]]), {"attention_mask": torch.ones(2, 3)}),
        (torch.tensor([[0, 4, 5], [0, 6, 7]]), {}),
        (torch.tensor([[3, 0, 5], [4, 6, 7]]), {}),
        (torch.tensor([[3, 4, 0]]), {}),
        (torch.tensor([[3, 4, 0], [1, 2, 3]]), {"pad_id": 9}),
    ],
)
def test_usual_prompts_are_not_taken_for_padding(model, warnings_about_padding, prompts, options):
    generate(model, prompts, 2, **options)
    assert not warnings_about_padding()


@pytest.mark.parametrize("prompts", [[[1, 2]], PROMPTS.numpy()])
def test_prompts_that_are_no_tensor_are_named(model, prompts):
    with pytest.raises(TypeError, match=r"ids is of type .*; give a tensor"):
        generate(model, prompts, 2)
    with pytest.raises(TypeError, match="attention_mask is of type list; give a tensor"):
        generate(model, PROMPTS, 2, attention_mask=[[1] * 4] * 3)


def test_a_model_without_special_tokens_in_its_scores_generates_none(model):
    model.set_num_special_tokens(4, predict_special_tokens=False)
    model.transformer.token_embedding().weight.data[30:] = 100.0
    assert generate(model, PROMPTS, 8, temperature=0).max() < 30


def test_a_model_with_two_heads_generates_too():
    config = GPT2Config(30, n_embd=16, n_layer=2, n_head=4)
    assert generate(GPT2DoubleHeadsModel(config), PROMPTS, 2).shape == (3, 6)


def test_attention_weights_do_not_get_in_the_way():
    config = GPT2Config(30, n_embd=16, n_layer=2, n_head=4)
    torch.manual_seed(0)
    with_weights = GPT2LMHeadModel(config, output_attentions=True)
    plain = GPT2LMHeadModel(config)
    plain.load_state_dict(with_weights.state_dict())

    outputs = [generate(each, PROMPTS, 5, temperature=0) for each in (with_weights, plain)]

    assert torch.equal(*outputs)


def test_pruned_models_generate(model):
    model.transformer.prune_heads({1: [0, 2]})
    ids = torch.cat((PROMPTS, log_probabilities(model, PROMPTS).argmax(-1)[:, None]), dim=1)
    assert torch.equal(generate(model, PROMPTS, 1, temperature=0), ids)


def test_padding_on_the_left_changes_no_continuation(model):
    short = torch.tensor([[8, 9]])
    padded = torch.tensor([[3, 4, 5, 6], [0, 0, 8, 9]])
    mask = torch.tensor([[1, 1, 1, 1], [0, 0, 1, 1]])

    for arguments in ({"temperature": 0}, {"num_beams": 3}):
        together = generate(model, padded, 10, attention_mask=mask, **arguments)

        assert torch.equal(together[1, 4:], generate(model, short, 10, **arguments)[0, 2:])
        assert torch.equal(together[:1], generate(model, padded[:1], 10, **arguments))


def test_a_mask_of_ones_is_no_mask(model):
    mask = torch.ones(3, 4, dtype=torch.bool)
    assert torch.equal(
        generate(model, PROMPTS, 6, temperature=0, attention_mask=mask),
        generate(model, PROMPTS, 6, temperature=0),
    )


def test_a_generator_makes_drawing_reproducible(model):
    runs = [
        generate(model, PROMPTS, 12, generator=torch.Generator().manual_seed(seed))
        for seed in (1, 1, 2)
    ]
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])


def test_tokens_are_drawn_by_their_probability(model):
    """Frequencies of 4000 samples are within five standard deviations."""
    prompts = PROMPTS[:1].expand(4000, 4)
    drawn = generate(
        model, prompts, 1, temperature=2.0, generator=torch.Generator().manual_seed(0)
    )[:, -1]

    expected = (log_probabilities(model, PROMPTS[:1])[0] / 2).softmax(-1)
    shares = drawn.bincount(minlength=30) / 4000
    deviation = (expected * (1 - expected) / 4000).sqrt()
    assert ((shares - expected).abs() <= 5 * deviation).all()


def draws(choice):
    """Return which tokens are sampled from probabilities 1/2, 1/4, 1/8, 1/8."""
    scores = torch.tensor([0.125, 0.5, 0.125, 0.25]).log().expand(500, 4)
    return set(choice(scores).tolist())


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {0, 1, 2, 3}),
        ({"top_k": 2}, {1, 3}),
        ({"top_k": 9}, {0, 1, 2, 3}),
        ({"top_p": 0.4}, {1}),
        ({"top_p": 0.6}, {1, 3}),
        ({"top_p": 0.001}, {1}),
        ({"top_k": 1, "top_p": 0.9}, {1}),
        ({"temperature": 0.01}, {1}),
    ],
)
def test_only_likely_tokens_are_drawn(options, expected):
    generator = torch.Generator().manual_seed(0)
    assert draws(Choice(**options, generator=generator)) == expected


@pytest.mark.parametrize("temperature", [1e-4, 1e-30, 1e-40, 5e-324])
def test_a_tiny_temperature_takes_the_likeliest_token(temperature):
    """Quotients of scores by such numbers are infinite in float32."""
    scores = torch.tensor([[9.0, 8.0, -math.inf], [-9.0, -8.0, -9.0]])
    assert Choice(temperature=temperature)(scores).tolist() == [0, 1]


def test_ids_of_numpy_end_texts(model):
    first = generate(model, PROMPTS[:1], 1, temperature=0)[0, -1]
    stop = np.int64(int(first))
    assert generate(model, PROMPTS[:1], 5, temperature=0, stop_ids=[stop]).size(1) == 5


def test_exactly_k_tokens_stay_among_equals():
    choice = Choice(top_k=2, generator=torch.Generator().manual_seed(0))
    assert len(set(choice(torch.zeros(500, 6)).tolist())) == 2


def test_a_share_that_is_reached_exactly_is_enough():
    choice = Choice(top_p=0.5, generator=torch.Generator().manual_seed(0))
    assert len(set(choice(torch.zeros(500, 2)).tolist())) == 1
