"""BERT compiled, exported, traced, in mixed precision, recomputed, and on several devices."""

import copy

import pytest
import torch
from tiny_models import tensors
from torch import nn

import ptbert_models
from ptbert_models import (
    BertForMaskedLM,
    BertForMultipleChoice,
    BertForPreTraining,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertModel,
)
from ptbert_models.parts.recomputing import recomputed

MODELS = [getattr(ptbert_models, name) for name in ptbert_models.__all__ if name.startswith("Bert")]
MODELS = [model for model in MODELS if issubclass(model, nn.Module)]
IDS = torch.tensor([[3, 4, 5, 6], [7, 8, 0, 0]])
TYPES = torch.tensor([[0, 0, 1, 1], [0, 0, 0, 0]])
MASK = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])
TEXTS = torch.tensor([0, 1])
TOKENS = torch.tensor([[-1, 4, -1, -1], [7, -1, -1, -1]])


def arguments(model_class):
    """Inputs of a model, with labels where it takes them."""
    inputs = {"input_ids": IDS, "token_type_ids": TYPES, "attention_mask": MASK}
    if model_class is BertForMultipleChoice:
        inputs = {name: torch.stack([each, each], 1) for name, each in inputs.items()}
    labels = {
        BertModel: {},
        BertForMaskedLM: {"masked_lm_labels": TOKENS},
        BertForPreTraining: {"masked_lm_labels": TOKENS, "next_sentence_label": TEXTS},
        BertForQuestionAnswering: {"start_positions": TEXTS, "end_positions": TEXTS},
        BertForSequenceClassification: {"labels": TEXTS},
        BertForTokenClassification: {"labels": MASK},
        BertForMultipleChoice: {"labels": TEXTS},
    }.get(model_class, {"next_sentence_label": TEXTS})
    return inputs, labels


def same(got, want):
    for left, right in zip(tensors(got), tensors(want), strict=True):
        torch.testing.assert_close(left, right, atol=1e-5, rtol=1e-4)


@pytest.fixture(params=MODELS, ids=lambda model: model.__name__)
def model(request, tiny_config):
    torch.manual_seed(0)
    tiny_config.num_hidden_layers = 1
    tiny_config.hidden_dropout_prob = tiny_config.attention_probs_dropout_prob = 0.0
    return request.param(tiny_config)


def test_compiled_without_a_break(model):
    """The whole forward is one graph, in evaluation and in training, and gives the same."""
    inputs, labels = arguments(type(model))
    torch.compiler.reset()
    compiled = torch.compile(model, backend="eager", fullgraph=True)

    same(compiled(**inputs, **labels), model(**inputs, **labels))
    with torch.no_grad():
        same(compiled.eval()(**inputs), model(**inputs))


def test_gradients_flow_through_a_compiled_model(tiny_config):
    model = BertForPreTraining(tiny_config).eval()
    inputs, labels = arguments(BertForPreTraining)
    model(**inputs, **labels).backward()
    expected = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    torch.compiler.reset()

    torch.compile(model, backend="aot_eager", fullgraph=True)(**inputs, **labels).backward()

    same([p.grad for p in model.parameters()], expected)


def test_exported(model):
    inputs, _ = arguments(type(model))

    program = torch.export.export(model.eval(), (), inputs)

    same(program.module()(**inputs), model(**inputs))


def test_traced(model):
    inputs, _ = arguments(type(model))
    traced = torch.jit.trace(model.eval(), tuple(inputs.values()), strict=False)
    same(traced(*inputs.values()), model(**inputs))


def test_automatic_mixed_precision(model):
    inputs, labels = arguments(type(model))

    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = model(**inputs, **labels)

    for mixed, full in zip(tensors(output), tensors(model(**inputs, **labels)), strict=True):
        torch.testing.assert_close(mixed.float(), full, atol=0.05, rtol=0.05)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_has_no_overflow(model, dtype):
    inputs, labels = arguments(type(model))
    output = copy.deepcopy(model).to(dtype)(**inputs, **labels)
    assert all(tensor.isfinite().all() for tensor in tensors(output))


def test_recomputing_runs_layers_again_and_changes_no_gradient(model):
    inputs, labels = arguments(type(model))
    sum(tensor.sum() for tensor in tensors(model(**inputs, **labels))).backward()
    expected = [p.grad.clone() for p in model.parameters() if p.grad is not None]
    model.zero_grad()
    bare = model if isinstance(model, BertModel) else model.bert
    runs = []
    bare.encoder.layer[0].register_forward_pre_hook(lambda *_: runs.append(1))

    model.gradient_checkpointing = True
    sum(tensor.sum() for tensor in tensors(model(**inputs, **labels))).backward()

    assert len(runs) == 2  # once for the output, once for the gradients
    same([p.grad for p in model.parameters() if p.grad is not None], expected)


def test_recomputing_keeps_less_for_the_gradients(tiny_config):
    def kept(recompute):
        sizes = []
        model = BertModel(tiny_config)
        model.gradient_checkpointing = recompute
        with torch.autograd.graph.saved_tensors_hooks(
            lambda tensor: sizes.append(tensor.numel()) or tensor, lambda tensor: tensor
        ):
            model(IDS, TYPES, MASK)
        return sum(sizes)

    assert kept(True) < kept(False) / 2


def test_nothing_is_recomputed_in_evaluation(tiny_config):
    model = BertModel(tiny_config).eval()
    model.gradient_checkpointing = True
    runs = []
    model.encoder.layer[0].register_forward_pre_hook(lambda *_: runs.append(1))

    model(IDS)[1].sum().backward()

    assert len(runs) == 1


def test_nothing_asks_for_the_first_parameter(model, monkeypatch):
    """The replicas of DataParallel list no parameters."""
    inputs, labels = arguments(type(model))
    expected = model(**inputs, **labels)

    monkeypatch.setattr(nn.Module, "parameters", lambda *_: iter(()))

    same(nn.DataParallel(model)(**inputs, **labels), expected)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (
            {"input_ids": torch.tensor([[3, 30]])},
            "input_ids holds 30, and this model takes 0 to 29",
        ),
        ({"input_ids": torch.tensor([[-1]])}, "input_ids holds -1, and this model takes 0 to 29"),
        (
            {"input_ids": torch.tensor([[3]]), "token_type_ids": torch.tensor([[2]])},
            "token_type_ids holds 2, and this model takes 0 to 1; use this model's tokenizer",
        ),
        (
            {"input_ids": torch.ones(1, 13, dtype=torch.long)},
            "a text of 13 tokens is longer than max_position_embeddings=12; cut it, or split it",
        ),
    ],
)
def test_what_is_out_of_range_is_named(tiny_config, inputs, message):
    with pytest.raises(ValueError, match=message):
        BertModel(tiny_config)(**inputs)


def test_the_longest_text_is_as_long_as_the_table_of_positions(tiny_config):
    assert BertModel(tiny_config)(torch.ones(1, 12, dtype=torch.long))[1].shape == (1, 16)


def test_recomputed_layers_have_gradients_for_chosen_tensors():
    """``torch.autograd.grad`` and arguments by name work too."""
    weight = torch.tensor(3.0, requires_grad=True)
    layer = recomputed(lambda x, *, power: weight * x**power, wanted=True)
    (slope,) = torch.autograd.grad(layer(torch.tensor(2.0), power=3), weight)
    assert slope.item() == 8


def test_nothing_is_recomputed_without_need():
    assert recomputed(torch.square, wanted=False) is torch.square
    with torch.no_grad():
        assert recomputed(torch.square, wanted=True) is torch.square
