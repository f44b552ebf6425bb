"""Losses in slices are those of all scores, and never hold all of them."""

import pytest
import torch
import torch.nn.functional as F
from torch.autograd import forward_ad
from torch.utils._python_dispatch import TorchDispatchMode

from ptbert_models import GPT2Config, GPT2LMHeadModel, OpenAIGPTConfig, OpenAIGPTLMHeadModel
from ptbert_models.parts.sliced_loss import sliced_loss, suits_slices

ROWS, WIDTH, TOKENS = 50, 8, 30


@pytest.fixture
def small_slices(monkeypatch):
    monkeypatch.setattr("ptbert_models.parts.log_sums.SLICE", 4 * TOKENS)


def given(dtype=torch.float32):
    torch.manual_seed(0)
    states = torch.randn(ROWS, WIDTH, dtype=dtype, requires_grad=True)
    weight = torch.randn(TOKENS, WIDTH, dtype=dtype, requires_grad=True)
    return states, weight, torch.randint(0, TOKENS, (ROWS,))


def plain_loss(states, weight, labels):
    return F.cross_entropy(F.linear(states, weight), labels)


@pytest.mark.usefixtures("small_slices")
@pytest.mark.parametrize(("dtype", "difference"), [(torch.float32, 1e-6), (torch.float64, 1e-13)])
def test_loss_and_gradients_are_those_of_the_plain_definition(dtype, difference):
    states, weight, labels = given(dtype)
    found, expected = (
        [loss, *torch.autograd.grad(3 * loss, (states, weight))]
        for loss in (each(states, weight, labels) for each in (sliced_loss, plain_loss))
    )
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, atol=difference, rtol=difference)


@pytest.mark.usefixtures("small_slices")
def test_gradients_of_gradients_are_right():
    states, weight, labels = given(torch.float64)
    inputs = states[:6].detach().requires_grad_(), weight
    assert torch.autograd.gradgradcheck(lambda *both: sliced_loss(*both, labels[:6]), inputs)


@pytest.mark.usefixtures("small_slices")
@pytest.mark.parametrize("fixed", [0, 1])
def test_one_of_the_two_may_need_no_gradient(fixed):
    inputs = [*given()]
    inputs[fixed] = inputs[fixed].detach()
    other = inputs[1 - fixed]
    (found,) = torch.autograd.grad(sliced_loss(*inputs), other)
    (expected,) = torch.autograd.grad(plain_loss(*inputs), other)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-6)


@pytest.mark.usefixtures("small_slices")
def test_autocast_computes_products_with_its_numbers():
    states, weight, labels = given()
    exact = torch.autograd.grad(plain_loss(states, weight, labels), (states, weight))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = torch.autograd.grad(sliced_loss(states, weight, labels), (states, weight))
        assert suits_slices(states, weight)
    for ours, theirs in zip(found, exact, strict=True):
        assert ours.dtype == torch.float32
        assert not torch.equal(ours, theirs)
        torch.testing.assert_close(ours, theirs, atol=0.01, rtol=0.05)


@pytest.mark.usefixtures("small_slices")
def test_numbers_of_half_precision_are_computed_as_a_whole():
    states, weight, _ = given()
    assert suits_slices(states, weight)
    with torch.autocast("cpu", dtype=torch.float16):
        assert not suits_slices(states, weight)
    assert not suits_slices(states[:4], weight)  # one slice


class Largest(TorchDispatchMode):
    """Notes the size of the largest tensor that is made."""

    numel = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for each in result if isinstance(result, (tuple, list)) else [result]:
            if isinstance(each, torch.Tensor):
                self.numel = max(self.numel, each.numel())
        return result


MODELS = [(GPT2Config, GPT2LMHeadModel), (OpenAIGPTConfig, OpenAIGPTLMHeadModel)]
SIZES = {"n_positions": 16, "n_ctx": 16, "n_embd": 4, "n_layer": 1, "n_head": 1}


@pytest.mark.parametrize(("config", "model"), MODELS, ids=["gpt2", "gpt"])
def test_a_model_has_the_same_loss_and_gradients(config, model, monkeypatch):
    torch.manual_seed(0)
    model = model(config(500, **SIZES)).eval()
    ids = torch.randint(0, 500, (3, 16))
    labels = ids.where(torch.arange(16) % 5 > 0, -1)
    results = []
    for size in (10**9, 2000):
        monkeypatch.setattr("ptbert_models.parts.log_sums.SLICE", size)
        model.zero_grad()
        loss = model(ids, lm_labels=labels)
        loss.backward()
        results.append([loss, *(each.grad for each in model.parameters())])
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-6)


def test_a_model_never_holds_all_scores(monkeypatch):
    monkeypatch.setattr("ptbert_models.parts.log_sums.SLICE", 2000)
    labelled, tokens = 3 * 15, 500
    states = torch.randn(labelled, 4, requires_grad=True)
    weight = torch.randn(tokens, 4, requires_grad=True)
    labels = torch.randint(0, tokens, (labelled,))
    largest = {}
    for loss in (sliced_loss, plain_loss):
        with Largest() as seen:
            loss(states, weight, labels).backward()
        largest[loss] = seen.numel
    assert largest == {sliced_loss: 2000, plain_loss: labelled * tokens}


@pytest.mark.usefixtures("small_slices")
def test_a_label_that_is_no_token_is_an_error():
    model = GPT2LMHeadModel(GPT2Config(TOKENS, **SIZES))
    ids = torch.zeros(3, 16, dtype=torch.long)
    labels = ids.clone()
    labels[1, 3] = TOKENS
    with pytest.raises(ValueError, match="lm_labels holds 30, and there are 30 scores"):
        model(ids, lm_labels=labels)


def test_gradients_of_gradients_are_right_where_states_depend_on_the_weight(monkeypatch):
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(TOKENS, **SIZES)).double().eval()
    ids = torch.randint(0, TOKENS, (3, 16))
    results = []
    for size in (10**9, 4 * TOKENS):
        monkeypatch.setattr("ptbert_models.parts.log_sums.SLICE", size)
        loss = model(ids, lm_labels=ids)
        first = torch.autograd.grad(loss, list(model.parameters()), create_graph=True)
        penalty = sum(each.square().sum() for each in first)
        results.append([*first, *torch.autograd.grad(penalty, list(model.parameters()))])
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-12, rtol=1e-10)


@pytest.mark.usefixtures("small_slices")
def test_forward_mode_computes_the_loss_as_a_whole():
    states, weight, _ = given()
    assert suits_slices(states, weight)
    with forward_ad.dual_level():
        assert not suits_slices(forward_ad.make_dual(states, states), weight)


@pytest.mark.usefixtures("small_slices")
def test_labels_may_be_bytes():
    states, weight, labels = given()
    assert sliced_loss(states, weight, labels.byte()) == sliced_loss(states, weight, labels)
