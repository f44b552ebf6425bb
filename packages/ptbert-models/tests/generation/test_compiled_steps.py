"""Compiled steps: the same texts as without, and one graph for all tokens."""

import copy
import gc
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch._dynamo import config
from torch._dynamo.testing import CompileCounterWithBackend

from ptbert_models import (
    GPT2Config,
    GPT2LMHeadModel,
    OpenAIGPTConfig,
    OpenAIGPTLMHeadModel,
    TransfoXLConfig,
    TransfoXLLMHeadModel,
    generate,
    generate_scored,
    generate_stream,
)

PROMPTS = torch.tensor([[3, 4, 5], [7, 8, 9]])
LEFT = torch.tensor([[0, 1, 1], [1, 1, 1]])
EAGER = {"backend": "eager", "fullgraph": True}


GPT_SIZES = {"n_positions": 16, "n_embd": 16, "n_layer": 1, "n_head": 4, "initializer_range": 0.5}


def transfo_xl(**values):
    sizes = {"d_model": 16, "d_embed": 16, "n_head": 2, "d_head": 8, "d_inner": 16, "n_layer": 1}
    scales = {"init_std": 0.5, "proj_init_std": 0.5}
    config = TransfoXLConfig(12, cutoffs=[4, 8], **{"mem_len": 40, **sizes, **scales, **values})
    return TransfoXLLMHeadModel(config)


MAKERS = {
    "gpt2": lambda: GPT2LMHeadModel(GPT2Config(12, **GPT_SIZES)),
    "gpt": lambda: OpenAIGPTLMHeadModel(OpenAIGPTConfig(12, **GPT_SIZES)),
    "transfo_xl": transfo_xl,
}


def made(name):
    torch.compiler.reset()
    torch.manual_seed(0)
    return MAKERS[name]().eval()


# Compiling takes most of the time, so tests share models.
@pytest.fixture(scope="module", params=MAKERS)
def any_model(request):
    return made(request.param)


@pytest.fixture(scope="module", params=["gpt2", "gpt"])
def model(request):
    return made(request.param)


def scored(model, *arguments, seed=None, **options):
    if seed is not None:
        options["generator"] = torch.Generator().manual_seed(seed)
    return generate_scored(model, *arguments, **options)


def assert_same(got, want):
    assert got.ids.tolist() == want.ids.tolist()
    assert got.lengths.tolist() == want.lengths.tolist()
    torch.testing.assert_close(got.log_probabilities, want.log_probabilities, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": 0},
        {"seed": 1},
        {"seed": 2, "top_k": 5, "top_p": 0.9, "temperature": 0.7},
        {"seed": 3, "num_return_sequences": 3},
        {"temperature": 0, "stop_ids": [1, 2, 3], "pad_id": 0},
        {"temperature": 0, "repetition_penalty": 1.5, "no_repeat_ngram_size": 2},
        {"num_beams": 3},
        {"num_beams": 3, "length_penalty": 0.5, "stop_ids": [1, 2], "num_return_sequences": 2},
    ],
    ids=str,
)
def test_texts_are_those_of_the_plain_steps(any_model, options):
    want = scored(any_model, PROMPTS, 10, **options)
    assert_same(scored(any_model, PROMPTS, 10, **options, compile=EAGER), want)


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": 0},
        {"num_beams": 3},
        {"seed": 3, "num_return_sequences": 2},
        {"temperature": 0, "sliding_window": 5},
        {"num_beams": 2, "sliding_window": 5},
    ],
    ids=str,
)
def test_padding_and_windows_are_those_of_the_plain_steps(model, options):
    options |= {"attention_mask": LEFT}
    length = 30 if "sliding_window" in options else 12
    want = scored(model, PROMPTS, length, **options)
    assert_same(scored(model, PROMPTS, length, **options, compile=EAGER), want)


@pytest.mark.parametrize("heads", [{0: [1]}, {1: [0, 2]}, {0: [0], 1: [1, 3]}], ids=str)
def test_layers_may_have_lost_different_heads(heads):
    model = GPT2LMHeadModel(GPT2Config(12, **GPT_SIZES | {"n_layer": 2})).eval()
    model.transformer.prune_heads(heads)
    for options in ({"temperature": 0}, {"num_beams": 2}):
        want = scored(model, PROMPTS, 8, **options)
        assert_same(scored(model, PROMPTS, 8, **options, compile=EAGER), want)


def test_stop_strings_end_texts(any_model, letters):
    options = {"temperature": 0, "stop_strings": ["a", "b", "xy"], "tokenizer": letters}
    want = generate(any_model, PROMPTS, 10, **options)
    assert torch.equal(generate(any_model, PROMPTS, 10, **options, compile=EAGER), want)


@pytest.mark.parametrize("texts", [1, 2])
def test_one_graph_serves_all_tokens_and_texts_of_other_lengths(any_model, texts):
    graphs = CompileCounterWithBackend("eager")
    options = {"compile": {"backend": graphs, "fullgraph": True}, "temperature": 0}
    for length, new in ((3, 10), (1, 14), (2, 5)):
        generate(any_model, PROMPTS[:texts, :length], new, **options)
    assert graphs.frame_count == 1


def test_padding_and_other_choices_share_the_graph(model):
    graphs = CompileCounterWithBackend("eager")
    options = {"compile": {"backend": graphs, "fullgraph": True}}
    generate(model, PROMPTS, 8, temperature=0, **options)
    generate(model, PROMPTS, 8, attention_mask=LEFT, top_k=3, **options)
    generate(model, PROMPTS[:1], 8, num_beams=2, **options)
    assert graphs.frame_count == 1


def test_places_without_a_token_count_nothing_however_low_other_scores_are(model):
    model = copy.deepcopy(model)
    for block in model.transformer.h:
        width = model.config.n_embd
        with torch.no_grad():  # every score is about -10,000,000
            block.attn.c_attn.bias[:width] = 1e4
            block.attn.c_attn.bias[width : 2 * width] = -1e3
    want = scored(model, PROMPTS, 8, temperature=0)
    assert_same(scored(model, PROMPTS, 8, temperature=0, compile=EAGER), want)


def test_what_a_broken_run_left_in_memory_is_gone_in_the_next(model):
    model = copy.deepcopy(model)
    good = copy.deepcopy(model.state_dict())
    want = scored(model, PROMPTS[:, :1], 8, temperature=0)
    with torch.no_grad():
        model.transformer.h[0].attn.c_attn.bias.fill_(torch.nan)
    with pytest.raises(ValueError, match="not numbers"):
        generate(model, PROMPTS, 8, temperature=0, compile=EAGER)
    steps = model.start_decoding(11, None, compile_options=EAGER)
    with torch.no_grad():
        steps.feed(PROMPTS)
        steps.feed(PROMPTS[:, :1])
    del steps
    model.load_state_dict(good)
    assert_same(scored(model, PROMPTS[:, :1], 8, temperature=0, compile=EAGER), want)


def test_threads_may_write_while_one_of_them_compiles(any_model):
    """While a thread compiles, PyTorch says of all threads that they do."""
    model = copy.deepcopy(any_model)
    rows = [PROMPTS[[number % 2]] for number in range(4)]
    want = [generate(model, row, 8, temperature=0).tolist() for row in rows]

    def write(row):
        return generate(model, row, 8, temperature=0, compile=EAGER).tolist()

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(write, rows)) == want


def test_streams_at_the_same_time_do_not_share_memory(any_model):
    options = {"temperature": 0, "compile": EAGER}
    wanted = [generate(any_model, PROMPTS[[row]], 9, temperature=0) for row in range(2)]
    streams = [generate_stream(any_model, PROMPTS[[row]], 9, **options) for row in range(2)]
    rows = torch.stack([torch.cat(pair) for pair in zip(*streams, strict=True)], 1)
    assert torch.equal(rows, torch.cat(wanted)[:, 3:])


def addresses(decoding, ids):
    with torch.no_grad():
        decoding.feed(ids)
        decoding.feed(ids[:, :1])
    return [each.data_ptr() for each in decoding._memory]  # noqa: SLF001  # nowhere else to be seen


def test_the_next_run_has_its_memory_where_the_last_one_had_it(any_model):
    first = any_model.start_decoding(10, None, compile_options=EAGER)
    places = addresses(first, PROMPTS)
    other = any_model.start_decoding(10, None, compile_options=EAGER)
    assert not set(addresses(other, PROMPTS)) & set(places)
    del other, first
    again = any_model.start_decoding(12, None, compile_options=EAGER)
    assert addresses(again, PROMPTS) == places


@torch.no_grad()
def test_after_the_first_step_nothing_of_the_prompts_is_kept_beside_the_memory(model):
    run = model.start_decoding(10, None, compile_options=EAGER)
    run.feed(PROMPTS)
    caches = [weakref.ref(each) for each in run._prompts]  # noqa: SLF001  # nowhere else to be seen
    assert all(each() is not None for each in caches)
    run.feed(PROMPTS[:, :1])
    gc.collect()
    assert all(each() is None for each in caches)
    run.select(torch.tensor([1, 0, 1]))
    assert run.feed(torch.tensor([[1], [2], [3]])).shape == (3, 12)


def test_a_model_can_go_although_its_steps_were_compiled(any_model):
    model = copy.deepcopy(any_model)
    generate(model, PROMPTS, 4, compile=EAGER)
    known = weakref.ref(model)
    del model
    gc.collect()
    assert known() is None


def test_a_run_may_follow_one_in_inference_mode(any_model):
    with torch.inference_mode():
        generate(any_model, PROMPTS, 4, compile=EAGER)
    want = generate(any_model, PROMPTS, 4, temperature=0)
    assert torch.equal(generate(any_model, PROMPTS, 4, temperature=0, compile=EAGER), want)


def test_half_precision_is_kept(any_model):
    model = copy.deepcopy(any_model).to(torch.bfloat16)
    want = scored(model, PROMPTS, 8, temperature=0)
    got = scored(model, PROMPTS, 8, temperature=0, compile=EAGER)
    torch.testing.assert_close(
        got.log_probabilities[:, 0], want.log_probabilities[:, 0], atol=0.1, rtol=0.1
    )


def test_autocast_gives_the_plain_texts(any_model):
    with torch.autocast("cpu", torch.bfloat16):
        want = generate(any_model, PROMPTS, 4, temperature=0)
        got = generate(any_model, PROMPTS, 4, temperature=0, compile=EAGER)
    assert got.shape == want.shape


@torch.no_grad()
def test_a_run_takes_several_tokens_at_once_and_other_numbers_of_texts(any_model):
    torch.compiler.reset()  # PyTorch 2.6 compiles a function 8 times; the tests before count too
    runs = [any_model.start_decoding(12, None, **more) for more in ({}, {"compile_options": EAGER})]

    def both(act):
        want, got = map(act, runs)
        if want is not None:
            torch.testing.assert_close(got, want, atol=1e-4, rtol=1e-4)

    both(lambda run: run.feed(PROMPTS))
    both(lambda run: run.select(torch.tensor([1, 0, 0])))
    both(lambda run: run.feed(torch.tensor([[1, 2], [3, 4], [5, 6]])))
    both(lambda run: run.select(torch.tensor([2, 0])))
    both(lambda run: run.feed(torch.tensor([[7], [8]])))
    both(lambda run: run.select(torch.tensor([1, 1])))
    both(lambda run: run.feed(torch.tensor([[9], [9]])))


@pytest.mark.parametrize("lengths", [{"mem_len": 0}, {"mem_len": 2}, {"mem_len": 5, "ext_len": 2}])
def test_memories_of_transformer_xl_may_have_any_length(lengths):
    torch.manual_seed(0)
    model = transfo_xl(**lengths)
    want = scored(model, PROMPTS, 8, temperature=0)
    assert_same(scored(model, PROMPTS, 8, temperature=0, compile=EAGER), want)


def test_a_model_that_is_watched_has_no_compiled_steps(any_model):
    generate(any_model, PROMPTS, 4, compile=EAGER)  # what is compiled does not see later hooks
    for name, part in any_model.named_modules():
        if name == "":  # the steps do not call the model itself
            continue
        handle = part.register_forward_hook(lambda *_: None)
        with pytest.raises(ValueError, match="adapters: merge them into the weights"):
            generate(any_model, PROMPTS, 4, compile=EAGER)
        handle.remove()
    generate(any_model, PROMPTS, 4, compile=EAGER)


@pytest.mark.parametrize("arguments", [(True,), (False, True)])
def test_what_returns_or_keeps_what_heads_compute_is_not_compiled(arguments):
    model = GPT2LMHeadModel(GPT2Config(12, **GPT_SIZES), *arguments)
    with pytest.raises(ValueError, match="make the model without output_attentions and keep_multi"):
        generate(model, PROMPTS, 4, compile=EAGER)


def test_models_that_save_memory_in_training_are_compiled_too(any_model):
    want = generate(any_model, PROMPTS, 8, temperature=0)
    any_model.train().gradient_checkpointing = True
    try:
        assert torch.equal(generate(any_model, PROMPTS, 8, temperature=0, compile=EAGER), want)
    finally:
        any_model.eval().gradient_checkpointing = False


def test_a_changed_class_is_not_ignored(any_model, monkeypatch):
    generate(any_model, PROMPTS, 4, compile=EAGER)
    head = getattr(any_model, "lm_head", None) or any_model.crit
    before = type(head).forward
    monkeypatch.setattr(type(head), "forward", lambda *given: -before(*given))
    with pytest.raises(ValueError, match="or leave out compile"):
        generate(any_model, PROMPTS, 4, compile=EAGER)


def test_each_model_has_graphs_of_its_own_however_many_there_are():
    counter = CompileCounterWithBackend("eager")
    options = {"backend": counter, "fullgraph": True}  # so too many graphs are an error
    with config.patch(cache_size_limit=1):
        for _ in range(3):
            model = GPT2LMHeadModel(GPT2Config(12, **GPT_SIZES))
            generate(model, PROMPTS, 3, compile=options)
    assert counter.frame_count == 3


@pytest.mark.parametrize("wrong", [None, 1, "reduce-overhead"])
def test_other_ways_to_ask_for_it_are_named(model, wrong):
    with pytest.raises(TypeError, match="give True, or keyword arguments of torch"):
        generate(model, PROMPTS, 4, compile=wrong)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of PyTorch's compiler
@pytest.mark.parametrize("options", [True, {"mode": "reduce-overhead"}], ids=str)
def test_the_usual_compiler_gives_the_plain_texts(any_model, options):
    want = scored(any_model, PROMPTS, 8, temperature=0)
    assert_same(scored(any_model, PROMPTS, 8, temperature=0, compile=options), want)
