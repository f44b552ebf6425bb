"""A compiled model needs one graph for its first length and one for all others."""

import pytest
import torch
from torch._dynamo.testing import CompileCounterWithBackend

from ptbert_models import (
    BertConfig,
    GPT2Config,
    GPT2DoubleHeadsModel,
    GPT2LMHeadModel,
    GPT2Model,
    OpenAIGPTConfig,
    TransfoXLConfig,
    TransfoXLLMHeadModel,
    TransfoXLModel,
)
from ptbert_models.families import FAMILIES

GPT_SIZES = {"n_positions": 64, "n_ctx": 64, "n_embd": 8, "n_layer": 1, "n_head": 2}
CONFIGS = {
    "bert": BertConfig(
        30,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=12,
        max_position_embeddings=64,
    ),
    "gpt": OpenAIGPTConfig(30, **GPT_SIZES),
    "gpt2": GPT2Config(30, **GPT_SIZES),
    "transfo_xl": TransfoXLConfig(
        30,
        cutoffs=[10],
        d_model=8,
        d_embed=8,
        n_head=2,
        d_head=4,
        d_inner=12,
        div_val=2,
        n_layer=1,
        mem_len=5,
    ),
}
MODELS = [model for family in FAMILIES.values() for model in family.models]
QUICK = {"BertModel", "GPT2DoubleHeadsModel", "GPT2LMHeadModel", "OpenAIGPTLMHeadModel"}
MODELS = [
    each if each.__name__ in QUICK else pytest.param(each, marks=pytest.mark.slow)
    for each in MODELS
]


@pytest.fixture
def compiled():
    """Return a function that compiles a model, and the count of graphs."""
    torch.compiler.reset()
    graphs = CompileCounterWithBackend("eager")
    yield lambda model: torch.compile(model, backend=graphs, fullgraph=True), graphs
    torch.compiler.reset()


def ids_for(model_class, length):
    """Random ids, with choices where the class takes them, and further arguments."""
    ids = torch.randint(1, 30, (3, length))
    if model_class.__name__ == "BertForMultipleChoice":
        return (torch.stack([ids, ids], 1),)
    if "DoubleHeads" in model_class.__name__:
        return ids[:, None], torch.zeros(3, 1, dtype=torch.long)
    return (ids,)


def first(output):
    return output if isinstance(output, torch.Tensor) else first(output[0])


@pytest.mark.parametrize("model_class", MODELS)
def test_twenty_lengths_need_two_graphs(model_class, compiled):
    compile_model, graphs = compiled
    model = model_class(CONFIGS[model_class.family]).eval()
    fast = compile_model(model)
    with torch.no_grad():
        for length in range(5, 25):
            given = ids_for(model_class, length)
            torch.testing.assert_close(
                first(fast(*given)), first(model(*given)), atol=1e-5, rtol=1e-4
            )
    assert graphs.frame_count == 2


@pytest.mark.parametrize(
    "model_class",
    [
        GPT2LMHeadModel,
        *(
            pytest.param(each, marks=pytest.mark.slow)
            for each in (GPT2Model, GPT2DoubleHeadsModel, TransfoXLModel, TransfoXLLMHeadModel)
        ),
    ],
)
def test_twenty_lengths_of_the_past_need_two_graphs(model_class, compiled):
    compile_model, graphs = compiled
    model = model_class(CONFIGS[model_class.family]).eval()
    name = "mems" if model_class.family == "transfo_xl" else "past"
    fast = compile_model(model)
    with torch.no_grad():
        for length in range(3, 23):
            past = model(*ids_for(model_class, length))[-1]
            given = ids_for(model_class, 2)
            torch.testing.assert_close(
                first(fast(*given, **{name: past})),
                first(model(*given, **{name: past})),
                atol=1e-5,
                rtol=1e-4,
            )
    assert graphs.frame_count <= 2
