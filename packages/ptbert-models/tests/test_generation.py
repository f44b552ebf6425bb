import itertools
import math

import numpy as np
import pytest
import torch
from torch import nn

from ptbert_models import (
    BertConfig,
    BertModel,
    GPT2Config,
    GPT2DoubleHeadsModel,
    GPT2LMHeadModel,
    OpenAIGPTConfig,
    OpenAIGPTLMHeadModel,
    generation,
)
from ptbert_models.generation import Choice, generate

FAMILIES = {
    "gpt2": (GPT2LMHeadModel, GPT2Config),
    "gpt": (OpenAIGPTLMHeadModel, OpenAIGPTConfig),
}
PROMPTS = torch.tensor([[3, 4, 5, 6], [7, 8, 9, 1], [2, 2, 2, 2]])


def build(family="gpt2", vocabulary=30):
    """Return a small model, in training mode."""
    model_class, config_class = FAMILIES[family]
    torch.manual_seed(0)
    return model_class(
        config_class(vocabulary, n_embd=16, n_layer=2, n_head=4, initializer_range=0.4)
    )


@pytest.fixture(params=FAMILIES)
def model(request):
    return build(request.param)


def log_probabilities(model, ids):
    """Return scores (B, V) of the next token, computed without a cache."""
    with torch.no_grad():
        output = model.eval()(ids)
    return (output[0] if isinstance(output, tuple) else output)[:, -1].log_softmax(-1)


def test_greedy_is_the_step_by_step_argmax(model):
    ids = PROMPTS
    for _ in range(20):
        ids = torch.cat((ids, log_probabilities(model, ids).argmax(-1)[:, None]), dim=1)

    assert torch.equal(generate(model.train(), PROMPTS, 20, temperature=0), ids)
    assert torch.equal(generate(model, PROMPTS, 20, top_k=1), ids)


@pytest.mark.parametrize("options", [{"temperature": 0}, {"num_beams": 2}])
def test_scores_that_are_not_numbers_choose_nothing(model, options):
    model.transformer.h[1].attn.c_proj.bias.data[3] = math.nan
    with pytest.raises(ValueError, match=r"the model's scores are not numbers \(NaN\); look for"):
        generate(model, PROMPTS, 3, **options)


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


class Counting(nn.Module):
    """The next token is most likely the next number, and 0 after the last one."""

    def __init__(self, vocabulary=9):
        super().__init__()
        self.vocabulary = vocabulary

    def start_decoding(self, capacity, attention_mask):
        return self

    def select(self, rows):
        pass

    def feed(self, ids):
        following = (ids[:, -1] + 1) % self.vocabulary
        return 5 * nn.functional.one_hot(following, self.vocabulary).float()


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


def test_dropout_is_off_meanwhile_and_modes_come_back(model):
    model.train()
    frozen = model.transformer.h[0].eval()

    again = [generate(model, PROMPTS, 10, temperature=0) for _ in range(2)]

    assert torch.equal(*again)
    assert model.training
    assert not frozen.mlp.dropout.training
    assert model.transformer.h[1].mlp.dropout.training


def test_modes_come_back_after_a_failure(model):
    model.train()
    with pytest.raises(ValueError, match="input_ids holds 99"):
        generate(model, torch.tensor([[99]]), 3)
    assert all(module.training for module in model.modules())


def test_modes_come_back_when_the_last_of_several_calls_is_done(model):
    model.train()
    steps = generation.generate_stream(model, PROMPTS, 2, temperature=0)
    inside = []

    class Slow:
        """Lets another call begin and end while the first one is running."""

        def put(self, value):
            if not inside:
                inside.append(next(steps))
            inside.append(any(module.training for module in model.modules()))

        def end(self):
            pass

    generate(model, PROMPTS, 3, temperature=0, streamer=Slow())

    assert not any(inside[1:])
    assert all(module.training for module in model.modules())


def test_the_prompts_are_left_alone(model):
    prompts = PROMPTS.to(torch.int32)
    output = generate(model, prompts, 3)
    assert torch.equal(prompts, PROMPTS.to(torch.int32))
    assert output.dtype == torch.int32
    assert not output.is_inference()


def test_half_precision_generates(model):
    assert generate(model.to(torch.bfloat16), PROMPTS, 4, top_p=0.9).shape == (3, 8)


MASK = torch.ones(3, 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_new_tokens": 0}, "max_new_tokens=0 must be an integer above 0"),
        ({"num_beams": 0}, "num_beams=0 must be an integer above 0"),
        ({"temperature": -1.0}, "temperature=-1.0 must be a number from 0 up"),
        ({"temperature": math.inf}, "temperature=inf must be a number from 0 up"),
        ({"temperature": None}, "temperature=None must be a number"),
        ({"temperature": "1"}, "temperature='1' must be a number"),
        ({"top_p": None}, "top_p=None must be a number"),
        ({"top_k": -1}, "top_k=-1 must be an integer from 0 up"),
        ({"max_new_tokens": 2.5}, "max_new_tokens=2.5 must be an integer above 0"),
        ({"top_k": 1.5}, "top_k=1.5 must be an integer from 0 up"),
        ({"top_p": 0.0}, r"top_p=0.0 must lie in \(0, 1\]"),
        ({"top_p": 1.1}, r"top_p=1.1 must lie in \(0, 1\]"),
        ({"num_beams": 2, "top_k": 3}, "num_beams=2 is beam search, which samples nothing"),
        ({"stop_ids": ["."]}, "stop_ids holds '.'; give token ids"),
        ({"stop_ids": [5, -3, -2]}, "stop_ids holds -3; give token ids, integers from 0 up"),
        ({"stop_ids": 5}, r"stop_ids=5 must be a collection of ids, such as \[0\]"),
        ({"stop_ids": None}, "stop_ids=None must be a collection of ids"),
        ({"pad_id": 1.5}, "pad_id=1.5 must be a token id, an integer from 0 up"),
        ({"pad_id": "0"}, "pad_id='0' must be a token id"),
        ({"stop_ids": [-1]}, "stop_ids holds -1; give token ids, integers from 0 up"),
        ({"stop_ids": [3, 30]}, "stop_ids holds 30, and this model scores tokens 0 to 29"),
        ({"pad_id": -1}, "pad_id=-1, and this model scores tokens 0 to 29"),
        ({"ids": PROMPTS[0]}, r"ids has shape \(4,\); give at least one token for each text"),
        ({"ids": PROMPTS[:, :0]}, r"ids has shape \(3, 0\)"),
        ({"ids": PROMPTS[None]}, r"ids has shape \(1, 3, 4\); give at least one token"),
        ({"ids": PROMPTS > 3}, r"ids is of type torch.bool; give token ids, integers"),
        ({"ids": PROMPTS.cfloat()}, r"ids is of type torch.complex64; give token ids, integers"),
        ({"ids": PROMPTS.float()}, "ids is of type torch.float32; give token ids, integers"),
        ({"attention_mask": MASK[:1]}, r"attention_mask has shape \(1, 4\) and ids has \(3, 4\)"),
        (
            {"attention_mask": MASK.masked_fill(torch.arange(4) == 3, 0)},
            "attention_mask hides tokens on the right",
        ),
        (
            {"attention_mask": MASK.masked_fill(torch.arange(4) == 1, 0)},
            "attention_mask hides tokens on the right or between others",
        ),
    ],
)
def test_impossible_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        generate(build(), **({"ids": PROMPTS, "max_new_tokens": 2} | arguments))


def test_a_text_that_would_outgrow_the_model_is_refused(model):
    limit = model.config.n_positions
    with pytest.raises(
        ValueError, match=f"a text would grow to {limit + 1} tokens and n_positions={limit}"
    ):
        generate(model, PROMPTS, limit - 3)


def test_padding_takes_no_room():
    model = build()
    model.transformer.wpe = nn.Embedding(6, 16)
    mask = torch.tensor([[0, 0, 1, 1]] * 3)
    assert generate(model, PROMPTS, 4, attention_mask=mask).shape == (3, 8)
    with pytest.raises(ValueError, match="a text would grow to 7 tokens and n_positions=6"):
        generate(model, PROMPTS, 5, attention_mask=mask)


def test_one_layer_with_padding_is_enough():
    config = GPT2Config(30, n_embd=16, n_layer=1, n_head=4, initializer_range=0.4)
    torch.manual_seed(0)
    model = GPT2LMHeadModel(config)
    mask = torch.tensor([[0, 0, 1, 1]])
    padded = generate(model, PROMPTS[:1], 5, temperature=0, attention_mask=mask)
    assert torch.equal(padded[:, 2:], generate(model, PROMPTS[:1, 2:], 5, temperature=0))


def test_a_model_without_a_language_model_head_is_refused():
    config = BertConfig(9, hidden_size=8, num_hidden_layers=1, num_attention_heads=2)
    with pytest.raises(TypeError, match="BertModel cannot continue texts; give a model with a lan"):
        generate(BertModel(config), PROMPTS, 1)


def test_any_model_that_remembers_takes_part():
    """A model needs a method ``start_decoding`` and nothing else."""
    assert generate(Counting(), torch.tensor([[7]]), 3, temperature=0).tolist() == [[7, 8, 0, 1]]
