"""A call leaves the model and the prompts alone, and names impossible arguments."""

import math

import pytest
import torch
from small_gpts import FAMILIES, PROMPTS, Counting, build
from torch import nn

from ptbert_models import (
    BertConfig,
    BertModel,
    GPT2Config,
    GPT2LMHeadModel,
    generation,
)
from ptbert_models.generation import generate
from ptbert_models.gpt.generation import CachedDecoding


@pytest.fixture(params=FAMILIES)
def model(request):
    return build(request.param)


def test_dropout_is_off_meanwhile_and_modes_come_back(model):
    model.train()
    frozen = model.transformer.h[0].eval()

    again = [generate(model, PROMPTS, 10, temperature=0) for _ in range(2)]

    assert torch.equal(*again)
    assert model.training
    assert not frozen.mlp.dropout.training
    assert model.transformer.h[1].mlp.dropout.training


def test_a_model_that_saves_memory_in_training_reads_each_token_once(model):
    model.gradient_checkpointing = True
    assert isinstance(model.eval().start_decoding(6, None), CachedDecoding)
    assert not isinstance(model.train().start_decoding(6, None), CachedDecoding)


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


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"compile": True}, "compile is given, .* of Counting has no argument compile_options"),
        ({"sliding_window": 4}, "sliding_window is given, .* has no argument sliding_window"),
    ],
)
def test_options_that_the_method_of_a_program_lacks_are_named(options, said):
    with pytest.raises(TypeError, match=f"{said}; leave out {next(iter(options))}, or give the"):
        generate(Counting(), torch.tensor([[7]]), 3, **options)


def test_a_method_that_takes_any_arguments_gets_them():
    class Noting(Counting):
        def start_decoding(self, *_, **options):
            self.noted = options
            return self

    model = Noting()
    generate(model, torch.tensor([[7]]), 3, compile={"backend": "eager"}, sliding_window=4)
    assert model.noted == {"sliding_window": 4, "compile_options": {"backend": "eager"}}
