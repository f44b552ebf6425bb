"""Whatever surrounds a call, a model gives the same with and without its short cuts."""

import io
from contextlib import nullcontext

import pytest
import torch
from compared_models import RECORDED, run, same, without_short_cuts
from tiny_models import MODELS, call, tensors, tiny
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.func import functional_call, grad, vmap
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from ptbert_models import (
    BertForMultipleChoice,
)


class Observer(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


class Counter(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


class Words(torch.Tensor):
    """Ids with a class of their own, as libraries of data loaders make them."""


SURROUNDINGS = {
    "no gradients": torch.no_grad,
    "inference": torch.inference_mode,
    "a function mode": Observer,
    "a dispatch mode": Counter,
    "a default device": lambda: torch.device("cpu"),
    "half precision": lambda: torch.autocast("cpu", torch.bfloat16),
    "kept tensors watched": lambda: torch.autograd.graph.saved_tensors_hooks(
        lambda tensor: tensor, lambda tensor: tensor
    ),
    "a subclass of tensors": nullcontext,
}


@pytest.mark.parametrize("surrounding", SURROUNDINGS)
@pytest.mark.parametrize("model_class", MODELS, ids=lambda each: each.__name__)
def test_surroundings_make_no_difference(model_class, surrounding):
    model, given = tiny(model_class), call(model_class)
    with without_short_cuts(), torch.no_grad():
        want = model(**given)
    if surrounding == "a subclass of tensors":
        given["input_ids"] = given["input_ids"].as_subclass(Words)

    with SURROUNDINGS[surrounding]():
        got = model(**given)

    tolerance = {"atol": 2e-5, "rtol": 1e-4}
    if surrounding == "half precision":
        tolerance = {"atol": 1.0, "rtol": 0.2}
    for left, right in zip(tensors(got), tensors(want), strict=True):
        torch.testing.assert_close(left.as_subclass(torch.Tensor).float(), right, **tolerance)


@pytest.mark.parametrize("labels", [False, True])
@pytest.mark.parametrize("model_class", MODELS, ids=lambda each: each.__name__)
def test_given_weights_and_gradients_of_single_texts(model_class, labels):
    """With ``torch.func``: another model's weights, one text at a time, and its gradients."""
    model = tiny(model_class).eval().double()
    weights = {name: 2 * each.detach() for name, each in model.named_parameters()}
    given = call(model_class, labels=labels)

    def loss(weights, one):
        one = {name: each[None] for name, each in one.items()}
        return sum(each.sum() for each in tensors(functional_call(model, weights, (), one)))

    got = vmap(lambda one: grad(loss)(weights, one))(given)

    leaves = {name: each.requires_grad_() for name, each in weights.items()}
    for row in range(3):
        one = {name: each[row] for name, each in given.items()}
        with without_short_cuts():
            want = torch.autograd.grad(
                loss(leaves, one), leaves.values(), allow_unused=True, materialize_grads=True
            )
        for name, expected in zip(leaves, want, strict=True):
            torch.testing.assert_close(got[name][row], expected)


@pytest.mark.parametrize("labels", [False, True])
@pytest.mark.parametrize("model_class", MODELS, ids=lambda each: each.__name__)
def test_shapes_without_values(model_class, labels):
    """On the meta device, and with fake tensors."""
    given = call(model_class, labels=labels)
    shapes = [each.shape for each in tensors(tiny(model_class)(**given))]

    with torch.device("meta"):
        model = tiny(model_class)
        output = model(**{name: each.to("meta") for name, each in given.items()})
    assert [each.shape for each in tensors(output)] == shapes

    with FakeTensorMode() as mode:
        fake = {name: mode.from_tensor(each) for name, each in given.items()}
        output = tiny(model_class)(**fake)
    assert [each.shape for each in tensors(output)] == shapes


@pytest.mark.parametrize("model_class", MODELS, ids=lambda each: each.__name__)
def test_a_batch_of_no_texts(model_class):
    model = tiny(model_class).eval()
    nothing = call(model_class, labels=False, rows=slice(0))
    if model_class is BertForMultipleChoice:
        nothing = {name: torch.empty(0, 2, 5, dtype=torch.long) for name in nothing}

    output = tensors(model(**nothing))

    full = [list(each.shape) for each in tensors(model(**call(model_class, labels=False)))]
    for shape in full:
        shape[shape.index(3)] = 0  # there are three texts
    assert [list(each.shape) for each in output] == full


@pytest.mark.parametrize("model_class", MODELS, ids=lambda each: each.__name__)
def test_whole_models_can_be_stored_after_a_call(model_class):
    model, given = tiny(model_class).eval(), call(model_class, labels=False)
    want = model(**given)
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    same(torch.load(file, weights_only=False)(**given), want)


def later_arguments(model, given):
    """Calls with arguments that 2019 did not have, made from one with ids and padding."""
    ids = given["input_ids"]
    vectors = {"inputs_embeds": model.get_input_embeddings()(ids).detach()}
    rest = {name: each for name, each in given.items() if name != "input_ids"}
    calls = {"vectors": rest | vectors}
    if model.family != "transfo_xl":
        positions = torch.arange(ids.size(-1)).flip(0).expand_as(ids)
        seen = given["attention_mask"][..., None, :].expand(*ids.shape, ids.size(-1))
        calls |= {
            "positions": given | {"position_ids": positions},
            "positions and vectors": rest | vectors | {"position_ids": positions},
            "a mask for each token": given | {"attention_mask": seen.tril()},
            "no mask": {name: each for name, each in given.items() if name != "attention_mask"},
        }
    return calls


@pytest.mark.parametrize("labels", [False, True])
@pytest.mark.parametrize("model_class", MODELS, ids=lambda each: each.__name__)
def test_later_arguments_give_the_same_without_short_cuts(model_class, labels):
    model = tiny(model_class).double()
    for given in later_arguments(model, call(model_class, labels=labels)).values():
        got = run(model, **given)
        with without_short_cuts():
            same(got, run(model, **given))


@pytest.mark.parametrize("model_class", RECORDED)
def test_later_arguments_in_graphs(model_class):
    """Exported, and with shapes only."""
    model = tiny(model_class).eval()
    for given in later_arguments(model, call(model_class, labels=False)).values():
        want = [each.detach() for each in tensors(model(**given))]
        exported = torch.export.export(model, (), given).module()
        same([each.detach() for each in tensors(exported(**given))], want)
        with FakeTensorMode(allow_non_fake_inputs=True) as mode:
            fake = {name: mode.from_tensor(each) for name, each in given.items()}
            output = tensors(tiny(model_class)(**fake))
        assert [each.shape for each in output] == [each.shape for each in want]
