"""The ways to run generation: several texts, log-probabilities, streams, batches and windows."""

import dataclasses
import inspect
import random

import pytest
import torch

from ptbert_models import generate, generate_scored, generate_stream
from ptbert_models.generation.options import Options

PROMPTS = torch.tensor([[3, 4, 5], [7, 8, 9], [1, 1, 1]])


def seeded():
    return torch.Generator().manual_seed(0)


def test_all_three_take_the_same_options():
    parameters = inspect.signature(generate).parameters.values()
    given = {each.name: each.default for each in parameters if each.kind is each.KEYWORD_ONLY}
    assert given == {each.name: each.default for each in dataclasses.fields(Options)}


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("stop_id", r"generation has no option 'stop_id'; did you mean 'stop_ids'\?"),
        ("x", "generation has no option 'x'; options: temperature, top_k, top_p, num_beams, sto"),
    ],
)
def test_an_unknown_option_is_named(model, option, message):
    for function in (generate_scored, generate_stream):
        with pytest.raises(TypeError, match=message):
            function(model, PROMPTS, 1, **{option: 1})


def test_a_truth_value_is_no_count(model):
    with pytest.raises(ValueError, match="sliding_window=True must be an integer above 0"):
        generate_scored(model, PROMPTS, 1, sliding_window=True)


def test_several_texts_of_a_prompt_follow_each_other(any_model):
    found = generate(any_model, PROMPTS, 6, num_return_sequences=4, generator=seeded())
    expected = generate(any_model, PROMPTS.repeat_interleave(4, 0), 6, generator=seeded())
    assert torch.equal(found, expected)
    assert len({*map(tuple, found[:4].tolist())}) > 1


@pytest.mark.parametrize("options", [{"temperature": 0}, {"top_k": 4}, {"repetition_penalty": 2.0}])
def test_log_probabilities_are_those_of_the_model(any_model, scores_after, options):
    found = generate_scored(
        any_model, PROMPTS, 6, stop_ids=[2, 6], pad_id=0, generator=seeded(), **options
    )
    same = generate(any_model, PROMPTS, 6, stop_ids=[2, 6], pad_id=0, generator=seeded(), **options)

    assert torch.equal(found.ids, same)
    for text, logs, length in zip(*(each.tolist() for each in found), strict=True):
        expected = [
            scores_after(any_model, text[:end]).log_softmax(-1)[text[end]].item()
            for end in range(3, 3 + length)
        ]
        assert logs[:length] == pytest.approx(expected, abs=1e-5)
        assert set(logs[length:]) <= {0.0}
        ends = [at for at, token in enumerate(text[3:], 1) if token in (2, 6)]
        assert length == (ends[0] if ends else 6)


def test_a_stream_gives_the_tokens_one_by_one(any_model):
    options = {"stop_ids": [2, 6], "top_k": 5}
    expected = generate(any_model, PROMPTS, 8, generator=seeded(), **options)

    steps = list(generate_stream(any_model, PROMPTS, 8, generator=seeded(), **options))

    assert torch.equal(torch.stack(steps, 1), expected[:, 3:])


def test_a_stream_leaves_the_model_as_it_is_between_two_tokens(model):
    model.train()
    expected = generate(model, PROMPTS, 5, temperature=0)[:, 3:]
    seen = []
    for tokens in generate_stream(model, PROMPTS, 5, temperature=0):
        assert model.training
        assert torch.is_grad_enabled()
        seen.append(tokens)
    assert torch.equal(torch.stack(seen, 1), expected)


def test_what_a_caller_does_to_the_tokens_changes_nothing(any_model):
    expected = generate(any_model, PROMPTS, 6, temperature=0)[:, 3:]
    seen = []
    for tokens in generate_stream(any_model, PROMPTS, 6, temperature=0):
        seen.append(tokens.clone())
        tokens.zero_()
    assert torch.equal(torch.stack(seen, 1), expected)


def test_a_stream_complains_at_once(model):
    with pytest.raises(ValueError, match="top_k=-1 must be"):
        generate_stream(model, PROMPTS, 5, top_k=-1)
    with pytest.raises(ValueError, match="num_beams=2 is beam search, which knows its tokens only"):
        generate_stream(model, PROMPTS, 5, num_beams=2)
    with pytest.raises(ValueError, match="streamer is given, and generate_stream returns the"):
        generate_stream(model, PROMPTS, 5, streamer=Kept())
    with pytest.raises(TypeError, match="'top_q'"):
        generate_stream(model, PROMPTS, 5, top_q=1)


class Kept:
    """A streamer that keeps what it gets."""

    def __init__(self):
        self.got = []

    def put(self, value):
        self.got.append(value.tolist())

    def end(self):
        self.got.append("end")


def test_a_streamer_gets_the_prompts_and_then_the_tokens(any_model):
    streamer = Kept()
    texts = generate(any_model, PROMPTS, 4, temperature=0, streamer=streamer)
    assert streamer.got == [PROMPTS.tolist(), *texts[:, 3:].T.tolist(), "end"]


def test_what_takes_no_tokens_is_no_streamer(model):
    with pytest.raises(TypeError, match="streamer is of type function, which has no put and end"):
        generate(model, PROMPTS, 4, streamer=lambda tokens: None)


def test_beams_have_no_stream(model):
    with pytest.raises(ValueError, match="only at the end; leave out streamer, or use num_beams=1"):
        generate(model, PROMPTS, 4, num_beams=2, streamer=Kept())


def test_a_batch_of_arrays_is_continued_with_its_mask(model):
    ids = torch.tensor([[0, 0, 8, 9], [3, 4, 5, 6]])
    mask = torch.tensor([[0, 0, 1, 1], [1, 1, 1, 1]])
    expected = generate(model, ids, 5, temperature=0, attention_mask=mask)

    batch = {"input_ids": ids.numpy(), "attention_mask": mask.numpy(), "text_index": None}
    assert torch.equal(generate(model, batch, 5, temperature=0), expected)

    alone = {"input_ids": ids[1:].numpy()}
    assert torch.equal(generate(model, alone, 5, temperature=0), expected[1:])


@pytest.mark.parametrize(
    ("batch", "options", "message"),
    [
        ({"ids": 1}, {}, r"a batch has no input_ids, only \['ids'\]; give a tensor of ids, or"),
        (
            {"input_ids": PROMPTS},
            {"attention_mask": PROMPTS},
            "attention_mask is given beside a batch, which has its own",
        ),
        (
            {"input_ids": PROMPTS, "attention_mask": torch.tensor([[1] * 3, [0] * 3, [1] * 3])},
            {},
            "text 1 of the batch has no tokens; give each text at least one",
        ),
        (
            {"input_ids": PROMPTS, "attention_mask": torch.tensor([[1] * 3, [1, 1, 0], [1] * 3])},
            {},
            r'put the padding on the left, as encode_batch\(texts, padding_side="left"\) does',
        ),
    ],
)
def test_impossible_batches_are_named(model, batch, options, message):
    with pytest.raises(ValueError, match=message):
        generate(model, batch, 2, **options)


def sliding(scores_after, model, prompt, length, positions, window):
    """The definition: a context that is too long is cut to its last tokens, and read again."""
    text, context = list(prompt), list(prompt)
    for _ in range(length):
        context = context[-window:] if len(context) > positions else context
        token = scores_after(model, context).argmax().item()
        text.append(token)
        context.append(token)
    return text


@pytest.mark.parametrize("window", [1, 8, 15])
@pytest.mark.parametrize("prompt", [[3], [*range(12), 3, 2, 1, 0], [*range(12)] * 3])
def test_a_window_slides_over_texts_that_outgrow_the_model(model, scores_after, prompt, window):
    found = generate(model, torch.tensor([prompt]), 40, temperature=0, sliding_window=window)
    assert found[0].tolist() == sliding(scores_after, model, prompt, 40, 16, window)


def test_a_window_slides_over_observed_models_too(model):
    """With a hook the model is run in another way, as in 2019."""
    options = {"temperature": 0, "sliding_window": 7}
    expected = generate(model, PROMPTS, 30, **options)
    model.transformer.h[0].register_forward_hook(lambda *arguments: None)
    assert torch.equal(generate(model, PROMPTS, 30, **options), expected)


@pytest.mark.parametrize("options", [{"temperature": 0}, {"num_beams": 3}])
def test_the_window_of_each_text_is_its_own(model, options):
    padded = torch.tensor([[0] * 10 + [8, 9], [*range(12)], [0] * 4 + [1, 2, 3, 4] * 2])
    mask = torch.arange(12) >= torch.tensor([10, 0, 4])[:, None]

    together = generate(model, padded, 30, attention_mask=mask, sliding_window=6, **options)

    for i, start in enumerate([10, 0, 4]):
        alone = generate(model, padded[i : i + 1, start:], 30, sliding_window=6, **options)
        assert together[i, start:].tolist() == alone[0].tolist()


@pytest.mark.parametrize("seed", range(12))
def test_with_any_options_each_text_is_continued_as_alone(model, letters, seed):
    chance = random.Random(seed)
    lengths = [chance.randint(1, 9) for _ in range(4)]
    texts = [[chance.randrange(12) for _ in range(length)] for length in lengths]
    width = max(lengths)
    padded = torch.tensor([[0] * (width - len(text)) + text for text in texts])
    mask = torch.tensor([[0] * (width - length) + [1] * length for length in lengths])
    options = {
        "repetition_penalty": chance.choice([1.0, 1.5]),
        "no_repeat_ngram_size": chance.choice([0, 3]),
        "stop_ids": chance.choice([[], [2, 6]]),
        "min_new_tokens": chance.choice([0, 3]),
        "stop_strings": chance.choice([[], ["ab", "j", "cx"]]),
        "tokenizer": letters,
        "sliding_window": chance.choice([3, 12]),
        **chance.choice(
            [
                {"temperature": 0},
                {"num_beams": 3},
                {"num_beams": 3, "num_return_sequences": 2, "length_penalty": 0.5},
            ]
        ),
    }

    together = generate_scored(model, padded, 14, attention_mask=mask, pad_id=1, **options)

    number = options.get("num_return_sequences", 1)
    for row, length in enumerate(together.lengths.tolist()):
        text = texts[row // number]
        alone = generate_scored(model, torch.tensor([text]), 14, pad_id=1, **options)
        assert length == alone.lengths[row % number]
        expected = alone.ids[row % number, len(text) : len(text) + length].tolist()
        assert together.ids[row, width : width + length].tolist() == expected
        logs = alone.log_probabilities[row % number, :length]
        assert torch.allclose(together.log_probabilities[row, :length], logs, atol=1e-4)


def test_short_texts_need_no_window(any_model):
    expected = generate(any_model, PROMPTS, 5, temperature=0)
    assert torch.equal(generate(any_model, PROMPTS, 5, temperature=0, sliding_window=2), expected)


@pytest.mark.parametrize(
    ("window", "message"),
    [
        (0, "sliding_window=0 must be an integer above 0"),
        (2.5, "sliding_window=2.5 must be an integer above 0"),
        (16, "sliding_window=16 leaves no room for new tokens, with n_positions=16; keep fewer"),
        (None, "n_positions=16; shorten it or .* forget the beginning with sliding_window=8"),
    ],
)
def test_impossible_windows_are_named(model, window, message):
    with pytest.raises(ValueError, match=message):
        generate(model, PROMPTS, 20, sliding_window=window)
