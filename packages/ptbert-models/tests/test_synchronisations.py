"""How often a call would wait for an accelerator: for a value, or for a shape that depends on one.

Counted on the CPU with PyTorch's profiler, which models do not notice. Tensors say that they are on
no CPU, so models take the ways that they take on an accelerator.
"""

from collections import Counter

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from ptbert_models import (
    BertForMaskedLM,
    BertForMultipleChoice,
    BertForPreTraining,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertModel,
    GPT2DoubleHeadsModel,
    GPT2LMHeadModel,
    OpenAIGPTLMHeadModel,
    TransfoXLLMHeadModel,
    generate,
)
from ptbert_models.bert import BertConfig
from ptbert_models.gpt import GPT2Config, OpenAIGPTConfig
from ptbert_models.transfo_xl import TransfoXLConfig

WAITS = {"aten::_local_scalar_dense", "aten::nonzero", "aten::masked_select", "aten::equal"}

IDS = torch.arange(1, 41).view(4, 10)
TYPES = torch.zeros_like(IDS)
MASK = (torch.arange(10) < torch.tensor([[10], [6], [4], [8]])).long()
LEFT = MASK.flip(1)
LABELS = torch.where((IDS % 3 == 0) & (MASK == 1), IDS, -1)
ONES = torch.tensor([0, 1, 0, 1])


def bert(kind, *more):
    sizes = {"num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 32}
    return kind(BertConfig(60, hidden_size=16, **sizes), *more)


def gpt(kind, config_class):
    return kind(config_class(60, n_embd=16, n_layer=3, n_head=2))


def transfo_xl(div_val=2):
    sizes = {"d_model": 16, "d_embed": 16, "n_head": 2, "d_head": 8, "d_inner": 32, "mem_len": 5}
    config = TransfoXLConfig(60, cutoffs=[20, 40], div_val=div_val, n_layer=3, **sizes)
    return TransfoXLLMHeadModel(config)


CASES = {
    "bare": (lambda: bert(BertModel), (IDS, TYPES, MASK), {}),
    "bare with positions": (lambda: bert(BertModel), (IDS, TYPES), {"position_ids": IDS}),
    "classes": (lambda: bert(BertForSequenceClassification, 2), (IDS, TYPES, MASK, ONES), {}),
    "classes, full": (lambda: bert(BertForSequenceClassification, 2), (IDS, TYPES), {}),
    "choices": (lambda: bert(BertForMultipleChoice, 4), (IDS[None], TYPES[None], MASK[None]), {}),
    "tags": (lambda: bert(BertForTokenClassification, 60), (IDS, TYPES, MASK, LABELS), {}),
    "spans": (lambda: bert(BertForQuestionAnswering), (IDS, TYPES, MASK, ONES, ONES), {}),
    "masked": (lambda: bert(BertForMaskedLM), (IDS, TYPES, MASK, LABELS), {}),
    "masked, full": (lambda: bert(BertForMaskedLM), (IDS, TYPES, None, LABELS), {}),
    "pre-training": (lambda: bert(BertForPreTraining), (IDS, TYPES, MASK, LABELS, ONES), {}),
    "gpt2": (lambda: gpt(GPT2LMHeadModel, GPT2Config), (IDS,), {"lm_labels": LABELS}),
    "gpt2, padded": (
        lambda: gpt(GPT2LMHeadModel, GPT2Config),
        (IDS, None, TYPES, LABELS),
        {"attention_mask": LEFT},
    ),
    "gpt2 next": (lambda: gpt(GPT2LMHeadModel, GPT2Config), (IDS,), {}),
    "gpt2, two heads": (
        lambda: gpt(GPT2DoubleHeadsModel, GPT2Config),
        (IDS[None], ONES[None]),
        {},
    ),
    "gpt2, two losses": (
        lambda: gpt(GPT2DoubleHeadsModel, GPT2Config),
        (IDS[None], ONES[None]),
        {"lm_labels": LABELS[None], "mc_labels": ONES[:1]},
    ),
    "gpt": (lambda: gpt(OpenAIGPTLMHeadModel, OpenAIGPTConfig), (IDS, None, TYPES, LABELS), {}),
    "transfo_xl": (transfo_xl, (IDS, IDS), {}),
    "transfo_xl next": (transfo_xl, (IDS,), {}),
    "transfo_xl, one table": (lambda: transfo_xl(div_val=1), (IDS, IDS), {}),
}


@pytest.fixture(autouse=True)
def on_an_accelerator(monkeypatch):
    monkeypatch.setattr(torch.Tensor, "is_cpu", False)


def waits(action, monkeypatch):
    """Count where a device would be waited for, and return what the action returned, too."""
    lists, original = [], torch.Tensor.tolist
    with monkeypatch.context() as patch:
        patch.setattr(torch.Tensor, "tolist", lambda x: lists.append("tolist") or original(x))
        with profile(activities=[ProfilerActivity.CPU]) as record:
            result = action()
    names = [event.name for event in record.events() if event.name in WAITS]
    return Counter(names + lists), result


@pytest.mark.parametrize(("make", "inputs", "more"), CASES.values(), ids=CASES)
@pytest.mark.parametrize("training", [False, True])
def test_a_pass_waits_twice_at_most_and_a_backward_pass_never(
    make, inputs, more, training, monkeypatch
):
    model = make().train(training)

    forward, output = waits(lambda: model(*inputs, **more), monkeypatch)
    first = output[0] if isinstance(output, (list, tuple)) else output
    first = first[-1] if isinstance(first, list) else first
    backward, _ = waits(lambda: first.sum().backward(), monkeypatch)

    assert forward.total() <= 2, forward
    assert not backward


@pytest.mark.parametrize("mask", [None, LEFT], ids=["full", "padded"])
def test_writing_waits_twice_for_each_token(mask, monkeypatch):
    model = gpt(GPT2LMHeadModel, GPT2Config)
    options = {"temperature": 0, "attention_mask": mask}

    few, _ = waits(lambda: generate(model, IDS, 2, **options), monkeypatch)
    many, _ = waits(lambda: generate(model, IDS, 12, **options), monkeypatch)

    assert many.total() - few.total() <= 2 * 10


def test_what_waits_is_counted(monkeypatch):
    flags = torch.tensor([True, False])

    found, _ = waits(lambda: (flags.sum().item(), flags[flags], flags.tolist()), monkeypatch)

    assert found.total() == 3
