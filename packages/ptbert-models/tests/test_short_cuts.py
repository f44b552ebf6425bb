"""Every model gives the same with and without its short cuts, whatever is done to it.

A hook for all modules switches every short cut off, so each model can be compared with itself.
"""

import copy
import functools
import io
from contextlib import contextmanager, nullcontext

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.func import functional_call, grad, vmap
from torch.nn.modules.module import register_module_forward_hook
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only
from torch.utils.checkpoint import checkpoint

import ptbert_models
from ptbert_models import (
    BertConfig,
    BertForMaskedLM,
    BertForMultipleChoice,
    BertForNextSentencePrediction,
    BertForPreTraining,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    GPT2Config,
    OpenAIGPTConfig,
    TransfoXLConfig,
    TransfoXLLMHeadModel,
)
from ptbert_models.families import FAMILIES

MODELS = [model for family in FAMILIES.values() for model in family.models]
IDS = torch.tensor([[3, 4, 5, 6, 7], [8, 9, 10, 1, 2], [4, 4, 20, 0, 0]])
MASK = (IDS > 0).long()
TOKENS = torch.tensor([[-1, 4, -1, 6, -1], [8, -1, -1, -1, -1], [-1, 4, 20, -1, -1]])
TEXTS = torch.tensor([0, 1, 0])


# Recording a model takes seconds, so the ordinary run does that with one model of each kind.
KINDS = {
    BertForMaskedLM,
    BertForTokenClassification,
    ptbert_models.OpenAIGPTDoubleHeadsModel,
    ptbert_models.GPT2LMHeadModel,
    TransfoXLLMHeadModel,
}
RECORDED = [
    pytest.param(each, id=each.__name__, marks=() if each in KINDS else pytest.mark.slow)
    for each in MODELS
]


def test_all_sixteen_are_compared():
    assert len(MODELS) == 16


def tiny(model_class):
    """A model without dropout, with weights large enough to show a difference."""
    torch.manual_seed(0)
    sizes = {"n_positions": 12, "n_ctx": 12, "n_embd": 8, "n_layer": 2, "n_head": 2}
    config = {
        "bert": lambda: BertConfig(
            30,
            hidden_size=8,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=12,
            max_position_embeddings=12,
            initializer_range=0.5,
        ),
        "gpt": lambda: OpenAIGPTConfig(30, initializer_range=0.5, **sizes),
        "gpt2": lambda: GPT2Config(30, initializer_range=0.5, **sizes),
        "transfo_xl": lambda: TransfoXLConfig(
            30,
            cutoffs=[10, 20],
            d_model=8,
            d_embed=8,
            n_head=2,
            d_head=4,
            d_inner=12,
            div_val=2,
            n_layer=2,
            mem_len=4,
            init_std=0.5,
            proj_init_std=0.5,
        ),
    }[model_class.family]()
    model = model_class(config)
    for module in model.modules():
        if isinstance(module, (nn.Dropout, nn.Dropout1d)):
            module.p = 0.0
    return model


def call(model_class, *, labels=True, rows=slice(None)):
    """Arguments of a call with padding, and with labels where the model takes them."""
    ids, mask, tokens, texts = (each[rows] for each in (IDS, MASK, TOKENS, TEXTS))
    given = {"input_ids": ids}
    if model_class.family != "transfo_xl":
        given["attention_mask"] = mask
    if model_class is BertForMultipleChoice:
        given = {name: torch.stack([each, each.flip(0)], 1) for name, each in given.items()}
    if "DoubleHeads" in model_class.__name__:
        given = {name: each[:, None] for name, each in given.items()}
        given["mc_token_ids"] = torch.full((len(ids), 1), 2)
        wanted = {"lm_labels": tokens[:, None], "mc_labels": torch.zeros_like(texts)}
    else:
        wanted = {
            BertForMaskedLM: {"masked_lm_labels": tokens},
            BertForPreTraining: {"masked_lm_labels": tokens, "next_sentence_label": texts},
            BertForNextSentencePrediction: {"next_sentence_label": texts},
            BertForSequenceClassification: {"labels": texts},
            BertForTokenClassification: {"labels": mask},
            BertForMultipleChoice: {"labels": texts},
            BertForQuestionAnswering: {"start_positions": texts, "end_positions": texts + 1},
            TransfoXLLMHeadModel: {"target": tokens},
        }.get(model_class, {"lm_labels": tokens} if "LMHead" in model_class.__name__ else {})
    return given | (wanted if labels else {})


def tensors(output):
    if output is None:
        return []
    if isinstance(output, torch.Tensor):
        return [output]
    return [tensor for each in output for tensor in tensors(each)]


@contextmanager
def without_short_cuts():
    handle = register_module_forward_hook(lambda *_: None)
    try:
        yield
    finally:
        handle.remove()


def same(got, want):
    for left, right in zip(tensors(got), tensors(want), strict=True):
        torch.testing.assert_close(left, right, atol=2e-5, rtol=1e-4)


def run(model, **arguments):
    """Results and gradients of a call."""
    model.zero_grad()
    output = tensors(model(**arguments))
    sum(each.float().sum() for each in output).backward()
    gradients = [each.grad for each in model.parameters() if each.requires_grad]
    return [*(each.detach() for each in output), *(each for each in gradients if each is not None)]


class Observer(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


class Counter(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


def hook(module, register):
    getattr(module, register)(lambda *_: None)


def in_list(model):
    """The list of layers, under its name in each family."""
    bare = getattr(model, model.base_model_prefix, model)
    return bare.encoder.layer if model.family == "bert" else getattr(bare, "h", None) or bare.layers


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


@pytest.fixture
def one_process(tmp_path):
    """A group of processes that consists of this one."""
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1
    )
    yield init_device_mesh("cpu", (1,))
    torch.distributed.destroy_process_group()


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "layer by layer"])
@pytest.mark.parametrize(
    "model_class",
    [BertForMaskedLM, ptbert_models.OpenAIGPTLMHeadModel, TransfoXLLMHeadModel],
    ids=lambda each: each.__name__,
)
@pytest.mark.filterwarnings("ignore:FSDP2-wrapped module:UserWarning")  # returned a view
def test_sharded_weights(model_class, whole, one_process):
    model, given = tiny(model_class).eval(), call(model_class)
    want = [each.detach() for each in tensors(model(**given))]
    for layer in [] if whole else in_list(model):
        fully_shard(layer, mesh=one_process)
    fully_shard(model, mesh=one_process)
    same([each.detach() for each in tensors(model(**given))], want)


@pytest.mark.filterwarnings("ignore:FSDP2-wrapped module:UserWarning")  # returned a view
def test_sharded_weights_without_padding(one_process):
    ids = torch.tensor([[3, 4, 5, 6], [7, 8, 0, 0]])
    mask = (ids > 0).long()
    model = tiny(ptbert_models.BertForSequenceClassification).eval()
    model(ids, None, mask).sum().backward()
    want = model(ids, None, mask).detach()
    gradients = {name: each.grad for name, each in model.named_parameters()}
    model.zero_grad()
    rows = []
    for layer in model.bert.encoder.layer:
        layer.intermediate.dense.register_forward_hook(
            lambda _, inputs, __: rows.append(inputs[0].shape[:-1].numel())
        )
        fully_shard(layer, mesh=one_process)
    fully_shard(model, mesh=one_process)
    model.leave_out_padding = True

    got = model(ids, None, mask)
    got.sum().backward()

    assert rows == [6, 2]  # all real tokens, and in the last layer the first ones
    same([got.detach()], [want])
    for name, each in model.named_parameters():
        same([each.grad.full_tensor()], [gradients[name]])


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
@pytest.mark.filterwarnings(
    "ignore::torch.jit.TracerWarning", "ignore::DeprecationWarning", "ignore::FutureWarning"
)
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


@pytest.mark.parametrize("model_class", MODELS, ids=lambda each: each.__name__)
@pytest.mark.usefixtures("one_process")
def test_models_that_several_processes_would_train(model_class):
    model, given = tiny(model_class).double(), call(model_class)
    with without_short_cuts():
        want = run(model, **given)

    parallel = nn.parallel.DistributedDataParallel(model, find_unused_parameters=True)

    same(run(parallel, **given), want)


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
