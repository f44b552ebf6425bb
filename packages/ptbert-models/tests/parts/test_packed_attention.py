"""Packed texts: what a GPU's kernel computes is what attention with padding computes.

A stand-in that computes one text after the other takes the place of the kernel. The tests for a GPU
compare the kernel itself.
"""

import itertools

import pytest
import torch
from tiny_models import IDS, MASK, call, tensors, tiny
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from ptbert_models import BertForSequenceClassification, BertForTokenClassification, BertModel
from ptbert_models.bert.without_padding import Packing
from ptbert_models.parts import packed_attention
from ptbert_models.parts.attention import attend
from ptbert_models.parts.packed_attention import attend_each_text, attend_packed, text_borders

REAL = MASK.bool()


@pytest.fixture
def kernel(monkeypatch):
    """A stand-in on the CPU; a list that gets the shapes of its queries."""
    calls = []

    def each_text(query, key, value, borders, longest, dropout):
        calls.append(tuple(query.shape))
        with torch.no_grad():  # its own gradients would hide that it has no second ones
            context = attend_each_text(query, key, value, borders)
        return _Kernel.apply(context, query, key, value, borders)

    monkeypatch.setattr(packed_attention, "run_kernel", each_text)
    monkeypatch.setattr(packed_attention, "kernel_works", lambda *_: True)
    made = Packing.of.__func__
    monkeypatch.setattr(Packing, "of", classmethod(lambda *a, **b: with_borders(made(*a, **b))))
    return calls


def with_borders(packing):
    return packing and packing._replace(borders=text_borders(REAL))


class _Kernel(torch.autograd.Function):
    """Has first derivatives only, as the kernel."""

    @staticmethod
    def forward(ctx, context, query, key, value, borders):
        ctx.save_for_backward(query, key, value, borders)
        return context.clone()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):
        *rows, borders = ctx.saved_tensors
        rows = [each.detach().requires_grad_() for each in rows]
        with torch.enable_grad():
            context = attend_each_text(*rows, borders)
        return None, *torch.autograd.grad(context, rows, gradient), None


@pytest.mark.parametrize("kind", [BertForSequenceClassification, BertForTokenClassification])
@pytest.mark.parametrize("labels", [True, False])
def test_heads_give_what_they_give_with_padding(kernel, kind, labels):
    model = tiny(kind).double()
    given = call(kind, labels=labels)
    model.leave_out_padding = True
    found = gradients(model, given)
    assert kernel == [(REAL.sum(), 2, 4)] * 2  # once for each layer, on real tokens alone
    model.leave_out_padding = False
    model.bert.encoder.register_forward_hook(lambda *_: None)  # who watches sees padding
    want = gradients(model, given)
    assert len(kernel) == 2
    for name, each in want.items():
        torch.testing.assert_close(found[name], each)


def gradients(model, given):
    model.zero_grad()
    (output,) = tensors(model(**given))
    if output.dim() == 3:
        output = output[REAL]
    output.square().sum().backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def test_hidden_states_are_those_with_padding(kernel):
    model = tiny(BertModel).eval()
    with torch.no_grad():
        want, pooled = model(IDS, attention_mask=MASK, output_all_encoded_layers=False)
        model.leave_out_padding = True
        found, pooled_too = model(IDS, attention_mask=MASK, output_all_encoded_layers=False)
    assert len(kernel) == 2
    torch.testing.assert_close(found[REAL], want[REAL])
    torch.testing.assert_close(pooled_too, pooled)


def test_borders_are_made_where_a_kernel_may_be(monkeypatch):
    encoder = tiny(BertModel).encoder
    assert Packing.of(encoder, IDS, MASK, torch.float32).borders is None
    monkeypatch.setattr(torch.Tensor, "is_cpu", False)
    assert Packing.of(encoder, IDS, MASK, torch.float32).borders.tolist() == [0, 5, 10, 13]


def rows(seed=0):
    torch.manual_seed(seed)
    return [torch.randn(int(REAL.sum()), 2, 4, dtype=torch.double) for _ in range(3)]


def test_each_text_is_a_text_of_its_own():
    borders = text_borders(REAL)
    context = attend_each_text(*rows(), borders)
    for begin, end in itertools.pairwise(borders):
        one = [each[begin:end].transpose(0, 1)[None] for each in rows()]
        torch.testing.assert_close(context[begin:end], attend(*one)[0][0].transpose(0, 1))


def test_gradients_of_gradients_are_those_of_the_formula(kernel):
    borders = text_borders(REAL)

    def kernel_of(*rows):
        return attend_packed(*rows, borders, 5, 0.0)

    given = [each.requires_grad_() for each in rows()]
    assert torch.autograd.gradgradcheck(kernel_of, given)


@pytest.mark.parametrize("dropout", [nn.Dropout(0.5), torch.zeros_like], ids=["module", "function"])
def test_a_function_as_dropout_is_called(kernel, dropout):
    assert attend_packed(*rows(), text_borders(REAL), 5, dropout) is None


def test_a_program_can_forbid_the_kernel(kernel):
    with sdpa_kernel(SDPBackend.MATH):
        assert attend_packed(*rows(), text_borders(REAL), 5, 0.0) is None
    assert kernel == []


def test_numbers_of_two_types_are_left_to_the_plain_attention(kernel):
    query, key, value = rows()
    assert attend_packed(query, key, value.float(), text_borders(REAL), 5, 0.0) is None
    assert kernel == []


def test_forward_mode_takes_the_formula(kernel):
    query, key, value = rows()
    seen = []

    def function(query):
        seen.append(attend_packed(query, key, value, text_borders(REAL), 5, 0.0))
        return query

    torch.func.jvp(function, (query,), (query,))
    assert seen == [None]


def test_a_cpu_has_no_such_kernel():
    for dtype in (torch.float32, torch.bfloat16):
        assert not packed_attention.kernel_works(torch.device("cpu"), dtype, 8)
        found = [each.to(dtype) for each in rows()]
        assert attend_packed(*found, text_borders(REAL), 5, 0.0) is None
