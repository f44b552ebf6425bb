"""A model that was changed gives the same with and without its short cuts."""

import copy
import functools

import pytest
from compared_models import run, same, without_short_cuts
from tiny_models import MODELS, call, in_list, tiny
from torch import nn

from ptbert_models import (
    BertForMaskedLM,
)


def test_all_sixteen_are_compared():
    assert len(MODELS) == 16


def hook(module, register):
    getattr(module, register)(lambda *_: None)


def share_layers(model):
    in_list(model)[1] = in_list(model)[0]


def drop_layers(model):
    layers = in_list(model)
    del layers[1]
    if model.family == "transfo_xl":
        getattr(model, "transformer", model).n_layer = 1


def replace_leaves(model):
    """Replace every linear layer and normalization by a program's own class."""
    for module in list(model.modules()):
        for name, part in list(module.named_children()):
            if type(part) in {nn.Linear, nn.Dropout}:
                mine = copy.copy(part)
                mine.__class__ = type(f"My{type(part).__name__}", (type(part),), {})
                setattr(module, name, mine)


def patch_all(model):
    for module in model.modules():
        if not isinstance(module, (nn.ModuleList, nn.ParameterList)):
            module.forward = functools.partial(module.forward)


def hook_all(register):
    def change(model):
        for module in model.modules():
            # PyTorch allows no such hook around an operation in place, and there is one.
            in_place = model.family == "transfo_xl" and isinstance(module, (nn.Linear, nn.ReLU))
            if not (in_place and "full" in register):
                hook(module, register)

    return change


def is_linear(module):
    return type(module) is nn.Linear


def freeze(model):
    """Leave one weight trainable."""
    weights = list(model.requires_grad_(False).parameters())
    weights[0].requires_grad_(True)


def parametrize_one(model):
    for module in model.modules():
        if is_linear(module):
            nn.utils.parametrize.register_parametrization(module, "weight", nn.Identity())
            return


CHANGES = {
    "nothing": lambda model: None,
    "evaluation": lambda model: model.eval(),
    "hooks after": hook_all("register_forward_hook"),
    "hooks before": hook_all("register_forward_pre_hook"),
    "hooks of gradients": hook_all("register_full_backward_hook"),
    "hooks before gradients": hook_all("register_full_backward_pre_hook"),
    "patched methods": patch_all,
    "replaced leaves": replace_leaves,
    "shared layers": share_layers,
    "fewer layers": drop_layers,
    "a copy": copy.deepcopy,
    "frozen weights": freeze,
    "a parametrization": parametrize_one,
    "gradient checkpointing": lambda model: setattr(model, "gradient_checkpointing", True),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("model_class", MODELS, ids=lambda each: each.__name__)
@pytest.mark.filterwarnings(
    "ignore:Full backward hook is firing:UserWarning",
    "ignore:For backward hooks to be called:UserWarning",  # some parts return lists, as in 2019
)
def test_a_changed_model_gives_the_same_without_short_cuts(model_class, change):
    model = tiny(model_class)
    changed = CHANGES[change](model)
    model = changed if isinstance(changed, type(model)) else model

    got = run(model, **call(model_class))

    with without_short_cuts():
        same(got, run(model, **call(model_class)))


CHANGED_VOCABULARIES = {
    "more tokens": lambda model: model.resize_token_embeddings(37),
    "other embeddings": lambda model: model.set_input_embeddings(nn.Embedding(30, 8).double()),
}


@pytest.mark.parametrize("change", CHANGED_VOCABULARIES)
@pytest.mark.parametrize("model_class", MODELS, ids=lambda each: each.__name__)
def test_another_vocabulary_gives_the_same_without_short_cuts(model_class, change):
    if model_class.family == "transfo_xl" and change == "other embeddings":
        return  # they have clusters
    model, given = tiny(model_class).double(), call(model_class)
    run(model, **given)
    CHANGED_VOCABULARIES[change](model)
    got = run(model, **given)
    with without_short_cuts():
        same(got, run(model, **given))


def test_a_removed_pooler_gives_the_same_without_short_cuts():
    model, given = tiny(BertForMaskedLM), call(BertForMaskedLM)
    want = model(**given)
    model.bert.pooler = None
    same(model(**given), want)
    with without_short_cuts():
        same(model(**given), want)
