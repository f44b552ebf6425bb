"""Programs reach into a Transformer-XL: its attention calls the modules that it finds."""

import copy
import types

import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from ptbert_models import generate
from ptbert_models.transfo_xl.attention import MultiHeadAttn, RelPartialLearnableMultiHeadAttn

QUERIES, MEMORY = 3, 4


class Lora(nn.Module):
    """A linear layer with a small trainable product beside it."""

    def __init__(self, base):
        super().__init__()
        self.base = base
        self.weight = base.weight  # some libraries show the weight that they wrap
        self.down = nn.Parameter(torch.randn(2, base.in_features))
        self.up = nn.Parameter(torch.randn(base.out_features, 2))

    def forward(self, x):
        return self.base(x) + x @ self.down.t() @ self.up.t()


def merged(lora):
    linear = copy.deepcopy(lora.base)
    linear.weight = nn.Parameter(lora.base.weight + lora.up @ lora.down)
    return linear


def nets(attention):
    return [name for name in ("qkv_net", "kv_net") if hasattr(attention, name)]


@pytest.fixture(params=[0, 1, 2, 3], ids=lambda kind: f"attn_type={kind}")
def model(request, make_model):
    return make_model(attn_type=request.param)


def test_hooks_fire_once_for_each_layer_with_the_shapes_of_2019(model, ids):
    expected = model(ids)[0]
    seen = []
    for layer in model.transformer.layers:
        for name in (*nets(layer.dec_attn), "dropatt", "o_net"):
            getattr(layer.dec_attn, name).register_forward_hook(
                lambda _, inputs, __, name=name: seen.append((name, tuple(inputs[0].shape)))
            )

    torch.testing.assert_close(model(ids)[0], expected, atol=1e-5, rtol=1e-4)

    (net,) = nets(model.transformer.layers[0].dec_attn)
    keys = 7 + 12  # memory and tokens
    assert seen == 3 * [(net, (keys, 2, 16)), ("dropatt", (12, keys, 2, 4)), ("o_net", (12, 2, 16))]


def test_adapters_act_and_are_trained(model, ids):
    plain = copy.deepcopy(model)
    for layer, other in zip(model.transformer.layers, plain.transformer.layers, strict=True):
        (name,) = nets(layer.dec_attn)
        lora = Lora(getattr(layer.dec_attn, name))
        setattr(layer.dec_attn, name, lora)
        setattr(other.dec_attn, name, merged(lora))

    losses, mems = model(ids, ids)
    losses.sum().backward()

    torch.testing.assert_close(losses, plain(ids, ids)[0], atol=1e-4, rtol=1e-3)
    assert all(
        layer.dec_attn.get_submodule(name).up.grad is not None for layer in model.transformer.layers
    )
    step = ids[:, :1]
    torch.testing.assert_close(
        model(step, mems=mems)[0], plain(step, mems=plain(ids)[1])[0], atol=1e-4, rtol=1e-3
    )


def test_pruned_weights_are_used_and_trained_twice(make_model, ids):
    model = make_model().train()
    net = model.transformer.layers[0].dec_attn.qkv_net
    prune.l1_unstructured(net, "weight", 0.5)
    for _ in range(2):
        model(ids, target=ids)[0].mean().backward()
    assert net.weight_orig.grad[net.weight_mask == 0].eq(0).all()
    assert net.weight_orig.grad.abs().sum() > 0


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:torch.quantize:UserWarning")
def test_quantized_layers_are_called(make_model, ids):
    model = make_model()
    quantized = torch.ao.quantization.quantize_dynamic(model, {nn.Linear}, dtype=torch.qint8)
    torch.testing.assert_close(quantized(ids)[0], model(ids)[0], atol=1.5, rtol=0.2)
    torch.testing.assert_close(quantized(ids, ids)[0], model(ids, ids)[0], atol=1.5, rtol=0.2)


def test_a_replaced_dropout_of_weights_is_called(model, ids):
    expected = model(ids)[0]
    for layer in model.transformer.layers:
        layer.dec_attn.dropatt = nn.Identity()
    torch.testing.assert_close(model(ids)[0], expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", [MultiHeadAttn, RelPartialLearnableMultiHeadAttn])
def test_attention_may_be_called_with_another_object(kind):
    attention = kind(2, 6, 4, 0.1).eval()
    names = ["n_head", "d_head", "scale", "pre_lnorm", "o_net", "layer_norm", "drop", "dropatt"]
    names += ["q_net", "kv_net"] if kind is MultiHeadAttn else ["qkv_net", "r_net", "r_r_bias"]
    wrapper = types.SimpleNamespace(
        **{name: getattr(attention, name) for name in names}, r_w_bias=attention.r_w_bias
    )
    hidden, memory = torch.randn(QUERIES, 2, 6), torch.randn(MEMORY, 2, 6)
    inputs = [hidden]
    if kind is not MultiHeadAttn:
        inputs.append(torch.randn(QUERIES + MEMORY, 1, 6))
    torch.testing.assert_close(
        kind.forward(wrapper, *inputs, None, memory), attention(*inputs, None, memory)
    )


@pytest.mark.parametrize("changes", [{}, {"div_val": 1}, {"cutoffs": []}])
def test_observed_softmaxes_continue_texts_alike(make_model, ids, changes):
    model = make_model(**changes)
    expected = generate(model, ids, 4, temperature=0)
    shapes = []
    model.crit.register_forward_pre_hook(lambda _, inputs: shapes.append(len(inputs[0])))
    assert torch.equal(generate(model, ids, 4, temperature=0), expected)
    assert shapes == [24, 2, 2, 2]  # all tokens that were read


@pytest.mark.parametrize("changes", [{}, {"div_val": 1}, {"cutoffs": []}])
def test_observed_tables_give_the_same_losses(make_model, ids, changes):
    model = make_model(**changes)
    expected, seen = model(ids, ids)[0], []
    for layer in model.crit.out_layers:
        layer.register_forward_hook(lambda *_: seen.append(1))
    torch.testing.assert_close(model(ids, ids)[0], expected, atol=1e-5, rtol=1e-4)
    assert seen


def test_targets_of_either_convention_are_left_out(make_model, ids):
    for changes in ({}, {"sample_softmax": 5}):
        model = make_model(**changes)
        losses = model(ids, ids)[0]
        target = ids.clone()
        target[0, 0], target[1, 3] = -100, -1
        left_out = model(ids, target)[0]
        assert left_out[0, 0] == left_out[1, 3] == 0
        torch.testing.assert_close(left_out[target >= 0], losses[target >= 0])


def test_one_row_of_ids_for_each_text_is_asked_for(make_model, ids):
    with pytest.raises(ValueError, match=r"input_ids has shape \(12,\); give one row for each"):
        make_model()(ids[0])


def test_softmax_and_embeddings_stay_one(make_model, make_config):
    model = make_model()
    state = {name: each.clone() for name, each in model.state_dict().items()}

    def is_tied(model):
        tables = zip(model.crit.out_layers, model.transformer.word_emb.emb_layers, strict=True)
        return all(ours.weight is theirs.weight for ours, theirs in tables)

    assert is_tied(model)
    model.load_state_dict(state, assign=True)
    assert is_tied(model)
    with torch.device("meta"):
        empty = type(model)(make_config())
    empty.to_empty(device="cpu").load_state_dict(state)
    assert is_tied(empty)
    assert empty.crit.out_projs[1] is empty.transformer.word_emb.emb_projs[1]
    model.transformer.tie_weights()  # a bare model shares nothing
