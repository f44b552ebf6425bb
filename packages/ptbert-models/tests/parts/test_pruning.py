import pytest
import torch
from torch import nn

from ptbert_models import (
    BertConfig,
    BertModel,
    GPT2Config,
    GPT2Model,
    OpenAIGPTConfig,
    OpenAIGPTModel,
)
from ptbert_models.parts.conv1d import Conv1D
from ptbert_models.parts.pruning import prune_conv1d_layer, prune_linear_layer, remaining_features


def test_outputs_are_chosen_with_their_biases():
    layer = nn.Linear(2, 3)

    pruned = prune_linear_layer(layer, torch.tensor([2, 0]))

    assert torch.equal(pruned.weight, layer.weight[[2, 0]])
    assert torch.equal(pruned.bias, layer.bias[[2, 0]])


def test_inputs_are_chosen_and_biases_stay():
    layer = nn.Linear(3, 2)

    pruned = prune_linear_layer(layer, torch.tensor([1]), dim=1)

    assert torch.equal(pruned.weight, layer.weight[:, [1]])
    assert torch.equal(pruned.bias, layer.bias)


def test_the_pruned_layer_is_separate_and_keeps_what_trains():
    layer = nn.Linear(3, 2, bias=False).requires_grad_(False)

    pruned = prune_linear_layer(layer, torch.tensor([0, 1, 2]), dim=1)
    layer.weight.fill_(7)

    assert pruned.bias is None
    assert not pruned.weight.requires_grad
    assert not pruned.weight.eq(7).any()


def test_unknown_heads_are_refused():
    with pytest.raises(
        ValueError, match=r"cannot prune heads \[4, 9\]: this layer has heads 0 to 3"
    ):
        remaining_features([1, 4, 9], 4, 2)


def test_the_last_head_stays():
    with pytest.raises(ValueError, match="cannot prune all 2 heads of a layer; leave at least one"):
        remaining_features([0, 1], 2, 2)


def test_gpt_layers_lie_the_other_way_round():
    layer = Conv1D(3, 2).requires_grad_(False)
    layer.bias.copy_(torch.tensor([1.0, 2.0, 3.0]))
    index = torch.tensor([2, 0])

    outputs = prune_conv1d_layer(layer, index)
    inputs = prune_conv1d_layer(layer, torch.tensor([1]), dim=0)
    expected = layer.weight[[1]]
    layer.weight.fill_(7)

    assert outputs.bias.tolist() == [3, 1]
    assert outputs(torch.ones(2)).shape == (2,)
    assert inputs.bias.tolist() == [1, 2, 3]
    assert torch.equal(inputs.weight, expected)
    assert not inputs.weight.requires_grad


def test_a_new_gpt_layer_has_small_weights_and_no_bias():
    torch.manual_seed(0)
    layer = Conv1D(200, 100)
    assert layer.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert layer.weight.mean().item() == pytest.approx(0, abs=0.001)
    assert layer.bias.eq(0).all()


GPT = {"n_positions": 9, "n_ctx": 9, "n_embd": 8, "n_layer": 2, "n_head": 2}
MODELS = [
    lambda: BertModel(BertConfig(30, hidden_size=8, num_hidden_layers=2, num_attention_heads=2)),
    lambda: GPT2Model(GPT2Config(30, **GPT)),
    lambda: OpenAIGPTModel(OpenAIGPTConfig(30, **GPT)),
]


@pytest.mark.parametrize(
    ("heads", "error", "message"),
    [
        ({9: [0]}, ValueError, "cannot prune heads of layer 9: this model has layers 0 to 1"),
        ({1: [0], -3: [0]}, ValueError, "cannot prune heads of layer -3: this model has layers 0"),
        ({0: [1], 1: [5]}, ValueError, r"cannot prune heads \[5\]: this layer has heads 0 to 1"),
        ({0: [-1]}, ValueError, r"cannot prune heads \[-1\]: this layer has heads 0 to 1"),
        ({0: [0, 1]}, ValueError, "cannot prune all 2 heads of a layer; leave at least one"),
        ({"0": [0]}, TypeError, r"'0' is no number of a layer; give numbers such as \{0: \[1"),
        ({0.5: [0]}, TypeError, "0.5 is no number of a layer"),
        ({0: ["a"]}, TypeError, "'a' is no number of a head; give numbers such as"),
        ({0: None}, TypeError, "None is no number of a head"),
        ({0: [0.5]}, TypeError, "0.5 is no number of a head"),
        ([0], TypeError, r"heads to prune are a list; give a dictionary .*, such as \{0: \[1, 2"),
        (None, TypeError, "heads to prune are a NoneType; give a dictionary from layers to heads"),
    ],
)
@pytest.mark.parametrize("make", MODELS, ids=["bert", "gpt2", "gpt"])
def test_heads_that_do_not_exist_are_refused_before_any_is_pruned(make, heads, error, message):
    model = make()
    shapes = {name: each.shape for name, each in model.state_dict().items()}
    with pytest.raises(error, match=message):
        model.prune_heads(heads)
    assert {name: each.shape for name, each in model.state_dict().items()} == shapes
