"""Everything of a module that can carry behaviour is looked at before a short cut is taken."""

import copy
import functools
import weakref

import pytest
import torch
from torch import nn
from torch.nn.modules import module as torch_module
from torch.nn.utils import prune
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode

from ptbert_models import BertConfig, BertModel
from ptbert_models.bert.bare import is_usual
from ptbert_models.bert.layers import BertLayer, BertPooler
from ptbert_models.parts.untouched import HOOKS, has_usual_weight, is_plain

# What PyTorch calls when modules are made or copied, and what says something about a class.
NOT_IN_CALLS = {"__init__", "__setstate__", "__doc__", "__annotations__"}


@pytest.fixture
def bert(tiny_config):
    bert = BertModel(tiny_config)
    assert is_usual(bert)  # and this is kept
    return bert


def nothing(*args, **kwargs):
    """Do nothing, as a hook, a method or a function."""


def test_untouched_models_of_all_sizes_and_rates_are_usual():
    config = BertConfig(
        7, hidden_size=6, num_hidden_layers=3, num_attention_heads=3, intermediate_size=5
    )
    config.hidden_act, config.hidden_dropout_prob, config.layer_norm_eps = "relu", 0.0, 1e-5
    bert = BertModel(config)
    assert is_usual(bert)
    assert is_usual(bert.eval())
    assert is_usual(bert.to(torch.bfloat16))
    assert is_usual(copy.deepcopy(bert))
    bert.prune_heads({0: [1]})
    bert.encoder.layer = bert.encoder.layer[:1]
    bert.encoder.layer.append(bert.encoder.layer[0])
    assert is_usual(bert)


def test_attributes_that_nothing_reads_make_no_difference(bert, monkeypatch):
    for number, module in enumerate(bert.modules()):
        module.my_number, module.my_function = number, nothing
    monkeypatch.setattr(nn.Module, "my_method", nothing, raising=False)
    assert is_usual(bert)


def test_hooks_of_state_dicts_make_no_difference(bert):
    for module in bert.modules():
        module.register_state_dict_pre_hook(nothing)
        module.register_load_state_dict_post_hook(nothing)
    assert is_usual(bert)


def registrations():
    """All methods that register hooks of calls or gradients, on modules and for all modules."""
    names = [name for name in dir(nn.Module) if name.startswith("register_") and "hook" in name]
    return [name for name in names if "state_dict" not in name]


def test_the_names_of_hooks_are_known():
    assert set(HOOKS) == {
        "_backward_hooks",
        "_backward_pre_hooks",
        "_forward_hooks",
        "_forward_pre_hooks",
    }


@pytest.mark.parametrize("register", registrations())
def test_every_hook_on_every_module_is_seen_and_may_go_again(bert, register):
    for module in bert.modules():
        handle = getattr(module, register)(nothing)
        assert not is_usual(bert), type(module)
        handle.remove()
    assert is_usual(bert)


def test_hooks_in_a_dictionary_of_a_programs_own_are_seen(bert):
    """Programs remove hooks by putting a new dictionary in their place."""
    for module in bert.modules():
        for name in HOOKS:
            setattr(module, name, type(getattr(module, name))())
        assert is_usual(bert)
        handle = module.register_forward_hook(nothing)
        assert not is_usual(bert)
        handle.remove()


@pytest.mark.parametrize(
    "register",
    [n for n in vars(torch_module) if n.startswith("register_module_") and n.endswith("_hook")],
)
def test_hooks_of_all_modules_are_seen(bert, register, monkeypatch):
    # PyTorch remembers which of two kinds was registered first.
    monkeypatch.setattr(torch_module, "_global_is_full_backward_hook", None)
    handle = getattr(torch_module, register)(nothing)
    try:
        assert not is_usual(bert)
        assert not is_plain(nn.Dropout(), nn.Dropout)
    finally:
        handle.remove()
    assert is_usual(bert)


@pytest.mark.parametrize("name", [n for n in dir(nn.Module) if not n.startswith("__")])
def test_every_attribute_of_a_class_that_an_object_hides_is_seen(bert, name):
    for module in (bert, bert.encoder.layer, bert.encoder.layer[1].output.dense):
        vars(module)[name] = nothing
        assert not is_usual(bert), type(module)
        del vars(module)[name]
    assert is_usual(bert)


def test_every_changed_attribute_of_every_class_is_seen(bert):
    classes = {each for module in bert.modules() for each in type(module).__mro__[:-1]}
    assert len(classes) > 15
    for each in classes:
        for name, value in list(vars(each).items()):
            if name in NOT_IN_CALLS | {"__module__", "__dict__", "__weakref__"}:
                continue
            if name.startswith("___"):  # a note that torch.compile leaves
                continue
            replacement = functools.partial(value) if callable(value) else object()
            type.__setattr__(each, name, replacement)
            seen = not is_usual(bert)
            type.__setattr__(each, name, value)
            assert seen, (each, name)
    assert is_usual(bert)


@pytest.mark.parametrize("name", ["forward", "__call__", "__getattribute__", "__torch_function__"])
def test_a_method_that_a_class_gets_is_seen(bert, monkeypatch, name):
    """Setting it is seen also where it was inherited before."""
    original = getattr(nn.ModuleList, name, nothing)
    monkeypatch.setattr(nn.ModuleList, name, original, raising=False)
    if name in vars(nn.ModuleList):

        def changed(*args, **named):
            return original(*args, **named)

        monkeypatch.setattr(nn.ModuleList, name, changed)
    assert not is_usual(bert)


class Base(nn.Module):
    def __call__(self, *args, **kwargs):
        return super().__call__(*args, **kwargs)


@pytest.mark.parametrize("bases", [(Base,), (BertLayer,)], ids=["of a program", "of this library"])
def test_other_base_classes_are_seen(bert, bases):
    for each in {type(module) for module in bert.modules() if type(module) is not BertLayer}:
        usual = each.__bases__
        if usual != (nn.Module,):
            continue
        each.__bases__ = bases
        seen = not is_usual(bert), not is_plain(bert.pooler, BertPooler)
        each.__bases__ = usual
        assert seen == (True, each is BertPooler), each
        assert is_usual(bert)


def test_what_torch_compile_does_to_classes_makes_no_difference(bert):
    torch.compile(nn.Linear(2, 2), backend="eager")(torch.zeros(1, 2))
    assert is_usual(bert)
    assert is_plain(nn.Dropout(), nn.Dropout)


class Mine(nn.Linear):
    pass


PARTS = {
    "an equal class": lambda bert: setattr(bert.pooler, "dense", Mine(16, 16)),
    "another class": lambda bert: setattr(bert, "pooler", nn.Tanh()),
    "a usual class in another place": lambda bert: setattr(
        bert.encoder.layer[0], "intermediate", nn.Linear(16, 24)
    ),
    "a replaced layer": lambda bert: bert.encoder.layer.__setitem__(1, nn.Identity()),
    "a part more": lambda bert: bert.encoder.layer[1].add_module("adapter", nn.Linear(2, 2)),
    "a part less": lambda bert: bert.encoder.layer[1].output.__delattr__("dropout"),
    "an activation": lambda bert: setattr(
        bert.encoder.layer[0].intermediate, "intermediate_act_fn", torch.sin
    ),
    "an activation that is a module": lambda bert: setattr(
        bert.encoder.layer[0].intermediate, "intermediate_act_fn", nn.GELU()
    ),
    "attentions wanted": lambda bert: setattr(
        bert.encoder.layer[1].attention.self, "output_attentions", True
    ),
    "outputs kept": lambda bert: setattr(
        bert.encoder.layer[1].attention.self, "keep_multihead_output", True
    ),
    "the class of an object": lambda bert: setattr(
        bert.encoder.layer[1], "__class__", type("Mine", (BertLayer,), {})
    ),
    "a parametrization": lambda bert: nn.utils.parametrizations.weight_norm(bert.pooler.dense),
    "a compiled part": lambda bert: bert.encoder.layer[0].compile(backend="eager"),
    "weights without values": lambda bert: bert.pooler.to("meta"),
    "a weight of another type": lambda bert: setattr(
        bert.pooler.dense,
        "weight",
        nn.Parameter(bert.pooler.dense.weight.data.as_subclass(type("T", (torch.Tensor,), {}))),
    ),
    "a weight that is an attribute": lambda bert: vars(bert.pooler.dense).update(
        weight=bert.pooler.dense.weight
    ),
    "a sparse weight": lambda bert: setattr(
        bert.pooler.dense, "weight", nn.Parameter(torch.eye(16).to_sparse())
    ),
}


@pytest.mark.parametrize("change", PARTS)
@pytest.mark.filterwarnings("ignore:.*Sparse.*:UserWarning")
def test_every_change_of_parts_is_seen(bert, change):
    PARTS[change](bert)
    assert not is_usual(bert)


def test_layers_that_an_empty_list_gets_are_seen(bert):
    layers = list(bert.encoder.layer)
    del bert.encoder.layer[:]
    assert is_usual(bert)
    layers[0].register_forward_hook(nothing)
    bert.encoder.layer.append(layers[0])
    assert not is_usual(bert)


def test_replaced_weights_of_the_usual_kind_make_no_difference(bert):
    bert.pooler.dense.weight = nn.Parameter(torch.zeros(16, 16))
    assert is_usual(bert)


class Observer(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    "mode",
    [Observer, functools.partial(FlopCounterMode, display=False)],
    ids=["function", "dispatch"],
)
def test_modes_are_seen(bert, mode):
    with mode():
        assert not is_usual(bert)
        assert not is_plain(nn.Dropout(), nn.Dropout)
    assert is_usual(bert)


def test_a_default_device_makes_no_difference(bert):
    with torch.device("cpu"):
        assert is_usual(bert)


def test_transforms_are_seen(bert):
    seen = []
    torch.func.vmap(lambda x: seen.append(is_usual(bert)) or x)(torch.zeros(2))
    torch.func.grad(lambda x: seen.append(is_usual(bert)) or x)(torch.tensor(1.0))
    assert seen == [False, False]


def test_changes_are_seen_in_both_modes_of_a_model_that_was_looked_at_in_both(bert):
    assert is_usual(bert.eval())
    assert is_usual(bert.train())
    handle = bert.encoder.layer[1].output.register_forward_hook(nothing)
    assert not is_usual(bert.eval())
    assert not is_usual(bert.train())
    handle.remove()
    for module in bert.modules():
        assert is_usual(bert.train())
        assert is_usual(bert.eval())
        vars(module)["forward"] = nothing
        assert not is_usual(bert), type(module)
        assert not is_usual(bert.train()), type(module)
        del vars(module)["forward"]


def test_parts_that_were_replaced_can_go(bert):
    assert is_usual(bert.eval())
    assert is_usual(bert.train())
    gone = weakref.ref(bert.pooler)
    bert.pooler = copy.deepcopy(bert.pooler)
    assert is_usual(bert.eval())
    assert gone() is None


def test_weights_that_become_another_class_are_seen(bert):
    weight = bert.pooler.dense.weight
    weight.__class__ = type("Mine", (nn.Parameter,), {})
    assert not is_usual(bert)
    weight.__class__ = nn.Parameter
    assert is_usual(bert)


def test_looking_takes_no_random_numbers(tiny_config):
    model = BertModel(tiny_config)
    state = torch.get_rng_state()
    is_usual(model)
    assert torch.equal(torch.get_rng_state(), state)


def test_models_that_were_looked_at_can_go(tiny_config):
    model = BertModel(tiny_config)
    assert is_usual(model)
    gone = weakref.ref(model)
    del model
    assert gone() is None


@pytest.mark.parametrize(
    "change",
    [
        lambda linear: linear.register_forward_hook(nothing),
        lambda linear: vars(linear).update(forward=nothing),
        lambda linear: setattr(linear, "__class__", Mine),
        lambda linear: prune.identity(linear, "weight"),
    ],
    ids=["a hook", "a patch", "a class", "pruned"],
)
def test_the_weight_of_a_changed_layer_is_not_used(change):
    linear = nn.Linear(2, 2)
    assert has_usual_weight(linear)
    change(linear)
    assert not has_usual_weight(linear)


def test_a_patched_class_of_torch_is_seen(monkeypatch):
    dropout = nn.Dropout()
    monkeypatch.setattr(nn.Dropout, "forward", nothing)
    assert not is_plain(dropout, nn.Dropout)


@pytest.mark.parametrize("name", ["gradient_checkpointing", "leave_out_padding"])
def test_what_short_cuts_take_account_of_is_no_change(bert, name):
    setattr(bert, name, True)
    assert is_usual(bert)
    setattr(bert.encoder, name, "yes")
    assert not is_usual(bert)
