"""However a model is run, it gives the same with and without its short cuts."""

import pytest
import torch
from compared_models import KINDS, run, same, without_short_cuts
from tiny_models import MODELS, call, tensors, tiny
from torch import nn
from torch.utils._pytree import tree_map_only
from torch.utils.checkpoint import checkpoint


class Wrapped(torch.Tensor):
    """A tensor that holds another one, and sees every operation on it."""

    @staticmethod
    def __new__(cls, inner):
        return torch.Tensor._make_wrapper_subclass(  # noqa: SLF001  # has no public name
            cls, inner.shape, inner.stride(), dtype=inner.dtype, device=inner.device
        )

    def __init__(self, inner):
        self.inner = inner

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        args, kwargs = tree_map_only(cls, lambda each: each.inner, (args, kwargs or {}))
        return tree_map_only(torch.Tensor, cls, func(*args, **kwargs))


class Watched(torch.Tensor):
    """A tensor that sees every function that is called with it."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return super().__torch_function__(func, types, args, kwargs or {})


def unwrapped(tensor):
    return tensor.inner if isinstance(tensor, Wrapped) else tensor.as_subclass(torch.Tensor)


def with_wrapped_weights(model, given):
    for module in model.modules():
        for name, weight in module.named_parameters(recurse=False):
            setattr(module, name, nn.Parameter(Wrapped(weight.detach())))
    return model(**given)


def with_inputs(kind):
    def run_with(model, given):
        with torch.no_grad():
            return model(**{name: kind(each) for name, each in given.items()})

    return run_with


WAYS = {
    "compiled": lambda model, given: torch.compile(model, backend="eager")(**given),
    "exported": lambda model, given: torch.export.export(model, (), given).module()(**given),
    "traced": lambda model, given: torch.jit.trace(model, example_kwarg_inputs=given, strict=False)(
        **given
    ),
    "inputs that see operations": with_inputs(Wrapped),
    "inputs that see functions": with_inputs(lambda each: each.as_subclass(Watched)),
    "weights that see operations": with_wrapped_weights,
}


RUNS = [
    pytest.param(
        each,
        way,
        id=f"{each.__name__}-{way}",
        marks=pytest.mark.slow if way in {"compiled", "exported"} and each not in KINDS else (),
    )
    for each in MODELS
    for way in WAYS
]


@pytest.mark.parametrize(("model_class", "way"), RUNS)
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_ways_to_run_a_model_make_no_difference(model_class, way):
    torch.compiler.reset()
    model = tiny(model_class).eval()
    given = {name: each.clone() for name, each in call(model_class).items()}  # labels as the mask
    with without_short_cuts(), torch.no_grad():
        want = model(**given)

    got = WAYS[way](model, given)

    same([unwrapped(each).detach() for each in tensors(got)], want)


@pytest.mark.parametrize("model_class", MODELS, ids=lambda each: each.__name__)
def test_models_that_are_computed_again_for_the_gradients(model_class):
    model, given = tiny(model_class).double(), call(model_class)
    with without_short_cuts():
        want = run(model, **given)

    model.zero_grad()
    got = tensors(checkpoint(model, use_reentrant=False, **given))
    sum(each.sum() for each in got).backward()

    same([*got, *(each.grad for each in model.parameters() if each.grad is not None)], want)


@pytest.mark.parametrize("labels", [False, True])
@pytest.mark.parametrize("model_class", MODELS, ids=lambda each: each.__name__)
def test_second_derivatives(model_class, labels):
    """Fused attention has none; programs of 2019 that penalize gradients need them."""
    model, given = tiny(model_class).double(), call(model_class, labels=labels)
    weights = [each for each in model.parameters() if each.requires_grad]
    options = {"allow_unused": True, "materialize_grads": True}

    def gradients_of_a_penalty():
        loss = sum(each.square().sum() for each in tensors(model(**given)))
        first = torch.autograd.grad(loss, weights, create_graph=True, **options)
        penalty = sum(each.square().sum() for each in first)
        return [*first, *torch.autograd.grad(penalty, weights, **options)]

    got = gradients_of_a_penalty()

    with without_short_cuts():
        want = gradients_of_a_penalty()
    for left, right in zip(got, want, strict=True):
        torch.testing.assert_close(left, right)
