"""Logarithms of sums in slices: those of all scores, which never exist at once, compiled or not."""

import pytest
import torch
import torch.nn.functional as F
from functorch.compile import make_boxed_func
from torch._dynamo.backends.common import aot_autograd
from torch.utils._python_dispatch import TorchDispatchMode

from ptbert_models import (
    BertConfig,
    BertForMaskedLM,
    BertForPreTraining,
    GPT2Config,
    GPT2LMHeadModel,
    TransfoXLConfig,
    TransfoXLLMHeadModel,
)
from ptbert_models.parts import log_sums as module
from ptbert_models.parts.log_sums import log_sums, sliced_losses, suits_log_sums

ROWS, WIDTH, TOKENS = 50, 8, 30


@pytest.fixture(autouse=True)
def small_slices(monkeypatch):
    torch.compiler.reset()
    monkeypatch.setattr(module, "SLICE", 7 * ROWS)
    monkeypatch.setattr(module, "_HELD", 7 * ROWS)


def given(dtype=torch.float32):
    torch.manual_seed(0)
    sizes = (ROWS, WIDTH), (TOKENS, WIDTH), (TOKENS,)
    return [torch.randn(size, dtype=dtype, requires_grad=True) for size in sizes]


def plain_sums(states, weight, bias):
    return F.linear(states, weight, bias).logsumexp(-1)


@pytest.mark.parametrize(("dtype", "difference"), [(torch.float32, 1e-5), (torch.float64, 1e-13)])
@pytest.mark.parametrize("has_bias", [True, False])
def test_sums_and_gradients_are_those_of_the_plain_definition(dtype, difference, has_bias):
    inputs = given(dtype)[: 2 + has_bias]
    factors = torch.linspace(-1, 2, ROWS, dtype=dtype)
    found, expected = (
        [sums, *torch.autograd.grad((sums * factors).sum(), inputs)]
        for sums in (each(*inputs, *[None] * (not has_bias)) for each in (log_sums, plain_sums))
    )
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, atol=difference, rtol=difference)


def test_gradients_of_gradients_are_right():
    inputs = [each.detach()[:6].requires_grad_() for each in given(torch.float64)]
    assert torch.autograd.gradgradcheck(log_sums, inputs)


def test_the_operations_keep_the_rules_of_pytorch():
    checks = "test_schema", "test_autograd_registration", "test_faketensor"
    torch.library.opcheck(torch.ops.ptbert.log_sums.default, tuple(given()), test_utils=checks)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_keeps_the_digits_of_sums(dtype):
    states, weight, bias = given()
    narrow = [each.to(dtype) for each in (states, weight, bias)]
    want = plain_sums(*(each.double() for each in narrow))
    got = log_sums(*narrow)
    assert got.dtype == torch.float32
    torch.testing.assert_close(got.double(), want, atol=0.02, rtol=0.01)
    with torch.autocast("cpu", dtype):
        torch.testing.assert_close(log_sums(states, weight, bias), got)


class Largest(TorchDispatchMode):
    """Notes the largest tensor that an operation gives."""

    numel = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for each in result if isinstance(result, (list, tuple)) else (result,):
            if isinstance(each, torch.Tensor):
                self.numel = max(self.numel, each.numel())
        return result


def test_all_scores_never_exist_at_once():
    labels = torch.arange(ROWS) % TOKENS
    with Largest() as seen:
        sliced_losses(*given(), labels).sum().backward()
    assert seen.numel == max(7 * ROWS, ROWS * WIDTH)


def test_few_scores_exported_models_and_transforms_take_the_plain_way(monkeypatch):
    states, weight, _ = given()
    assert suits_log_sums(states, weight)
    assert not suits_log_sums(states[:7], weight)
    monkeypatch.setattr(torch.compiler, "is_exporting", lambda: True, raising=False)
    for name in ("is_compiling", "is_dynamo_compiling"):
        monkeypatch.setattr(torch.compiler, name, lambda: True)
    assert not suits_log_sums(states, weight)


def test_an_older_pytorch_does_not_tell_of_exports_so_what_is_compiled_takes_the_plain_way(
    monkeypatch,
):
    states, weight, _ = given()
    monkeypatch.delattr(torch.compiler, "is_exporting", raising=False)
    assert suits_log_sums(states, weight)
    for name in ("is_compiling", "is_dynamo_compiling"):
        monkeypatch.setattr(torch.compiler, name, lambda: True)
    assert not suits_log_sums(states, weight)


def compiled_is_not_exported():
    """Whether PyTorch tells models that are compiled from those that are exported; 2.6 does not."""
    if not hasattr(torch.compiler, "is_exporting"):
        return False
    number = torch.compile(lambda x: x + torch.compiler.is_exporting(), backend="eager")
    return number(torch.tensor(0)).item() == 0


def transfo_xl():
    sizes = {"d_model": 8, "d_embed": 8, "n_head": 2, "d_head": 4, "d_inner": 8, "n_layer": 1}
    config = TransfoXLConfig(
        400, cutoffs=[100, 200], div_val=2, dropout=0.0, dropatt=0.0, mem_len=4, **sizes
    )
    return TransfoXLLMHeadModel(config)


def gpt2():
    rates = dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), 0.0)
    return GPT2LMHeadModel(GPT2Config(400, n_embd=8, n_layer=1, n_head=2, n_positions=20, **rates))


def bert(kind=BertForMaskedLM):
    rates = dict.fromkeys(("hidden_dropout_prob", "attention_probs_dropout_prob"), 0.0)
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    model = kind(BertConfig(400, intermediate_size=8, max_position_embeddings=20, **sizes, **rates))
    with torch.no_grad():
        model.cls.predictions.bias.normal_()
    return model


def bert_with_both_heads():
    return bert(BertForPreTraining)


IDS = torch.arange(6 * 17).view(6, 17) * 7 % 400
TARGET = IDS.roll(-1, 1).masked_fill(IDS % 5 == 0, -1)


def loss_of(model):
    if isinstance(model, TransfoXLLMHeadModel):
        return model(IDS, TARGET)[0].sum() / 70
    if isinstance(model, BertForPreTraining):
        return model(IDS, None, None, TARGET, IDS[:, 0] % 2)
    if isinstance(model, BertForMaskedLM):
        return model(IDS, masked_lm_labels=TARGET)
    return model(IDS, lm_labels=TARGET)


def results(make, monkeypatch, limit, loss_of=loss_of):
    torch.manual_seed(0)
    model = make()
    for name in ("SLICE", "_HELD"):
        monkeypatch.setattr(module, name, limit)
    loss = loss_of(model)
    loss.backward()
    return [loss, *(each.grad for each in model.parameters() if each.grad is not None)]


def assert_same(got, want):
    for ours, theirs in zip(got, want, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_a_model_has_the_same_losses_and_gradients(monkeypatch):
    calls = []
    monkeypatch.setattr(
        torch.ops.ptbert, "log_sums", lambda *given: calls.append(1) or plain_sums(*given)
    )
    want = results(transfo_xl, monkeypatch, 10**9)
    assert not calls
    results(transfo_xl, monkeypatch, 1000)
    assert calls
    monkeypatch.undo()
    assert_same(results(transfo_xl, monkeypatch, 1000), want)


@pytest.mark.parametrize("make", [transfo_xl, gpt2, bert, bert_with_both_heads])
def test_a_compiled_model_does_too_and_holds_fewer_scores(make, monkeypatch):
    largest = []

    def note(graph, _):
        values = (node.meta.get("val") for node in graph.graph.nodes)
        largest.extend(each.numel() for each in values if isinstance(each, torch.Tensor))
        return make_boxed_func(graph.forward)

    backend = aot_autograd(fw_compiler=note, bw_compiler=note)

    def compiled(model):
        torch.compiler.reset()
        largest.clear()
        return torch.compile(loss_of, backend=backend, fullgraph=True)(model)

    want = results(make, monkeypatch, 10**9, compiled)
    assert max(largest) >= 6 * 16 * 200  # scores of the last cluster of Transformer-XL
    got = results(make, monkeypatch, 1000, compiled)
    if compiled_is_not_exported():
        assert max(largest) < 6 * 16 * 100  # scores of the smallest cluster
    else:
        assert max(largest) >= 6 * 16 * 200  # the plain way
    assert_same(got, want)
    assert_same(results(make, monkeypatch, 10**9), want)


LOSSES = {
    "gpt2": (gpt2, lambda model, labels: model(IDS, lm_labels=labels)),
    "transfo_xl": (transfo_xl, lambda model, labels: model(IDS, labels)[0].sum()),
    "bert": (bert, lambda model, labels: model(IDS, masked_lm_labels=labels)),
    "both": (
        bert_with_both_heads,
        lambda model, labels: model(IDS, None, None, labels, IDS[:, 0] % 2),
    ),
}


@pytest.mark.parametrize("limit", [1000, 10**9])
@pytest.mark.parametrize("wrong", [-5, 400])
@pytest.mark.parametrize("name", LOSSES)
def test_a_compiled_loss_takes_no_label_that_is_not_in_the_vocabulary(
    name, wrong, limit, monkeypatch
):
    make, loss_of = LOSSES[name]
    labels = IDS.index_fill(1, torch.tensor([3]), wrong)
    loss = torch.compile(lambda model: loss_of(model, labels), backend="eager")
    with pytest.raises(IndexError, match=r"out of (bounds|range)"):
        results(make, monkeypatch, limit, loss)


def test_a_compiled_loss_takes_no_labels_that_are_no_integers(monkeypatch):
    loss = torch.compile(lambda model: model(IDS, lm_labels=IDS + 0.5), backend="eager")
    for limit in (1000, 10**9):  # in slices, and as a whole
        with (
            torch.no_grad(),
            pytest.raises(ValueError, match=r"^lm_labels is of type torch\.float32, and classes"),
        ):
            results(gpt2, monkeypatch, limit, loss)


@pytest.mark.parametrize("wrong", [torch.Tensor.bool, torch.t])
@pytest.mark.parametrize("make", [bert, bert_with_both_heads])
def test_a_compiled_loss_in_slices_takes_no_masked_tokens_of_another_shape(
    make, wrong, monkeypatch
):
    labels, both = wrong(TARGET), {"next_sentence_label": IDS[:, 0] % 2}
    both = both if make is bert_with_both_heads else {}
    loss = torch.compile(lambda model: model(IDS, masked_lm_labels=labels, **both), backend="eager")
    with torch.no_grad(), pytest.raises(ValueError, match=r"^masked_lm_labels (is of|has sh)"):
        results(make, monkeypatch, 1000, loss)


def test_slices_are_larger_on_an_accelerator(monkeypatch):
    states = torch.zeros(2, WIDTH)
    assert module.scores_at_once(states) == 7 * ROWS
    monkeypatch.setattr(torch.Tensor, "is_cpu", False)
    assert module.scores_at_once(states) == 16 * 7 * ROWS
