import copy
from functools import partial

import pytest
import torch
from torch import nn

from ptbert_models.bert import BertPreTrainedModel
from ptbert_models.bert.heads import BertLMPredictionHead
from ptbert_models.bert.layers import (
    BertAttention,
    BertEmbeddings,
    BertEncoder,
    BertLayer,
    BertPooler,
    BertSelfAttention,
)


@pytest.fixture
def hidden():
    torch.manual_seed(0)
    return torch.randn(2, 5, 16)


def test_a_layer_called_by_hand_returns_a_tensor(tiny_config, hidden):
    output = BertLayer(tiny_config)(hidden, torch.zeros(2, 1, 1, 5))
    assert output.shape == (2, 5, 16)


def test_a_layer_returns_its_attention_first(tiny_config, hidden):
    weights, output = BertLayer(tiny_config, output_attentions=True)(hidden, None)
    assert weights.shape == (2, 4, 5, 5)
    assert output.shape == (2, 5, 16)


@pytest.mark.parametrize("part", [BertSelfAttention, BertAttention, BertLayer, BertEncoder])
def test_a_part_returns_and_keeps_nothing_but_its_output_unless_asked(tiny_config, hidden, part):
    module = part(tiny_config)

    output = module(hidden, None)

    assert isinstance(output[-1] if part is BertEncoder else output, torch.Tensor)
    attention = [each for each in module.modules() if isinstance(each, BertSelfAttention)]
    assert [each.multihead_output for each in attention] == [None] * len(attention)


def test_an_encoder_runs_without_head_mask(tiny_config, hidden):
    encoder = BertEncoder(tiny_config).eval()

    layers = encoder(hidden, torch.zeros(2, 1, 1, 5))
    (last,) = encoder(hidden, torch.zeros(2, 1, 1, 5), output_all_encoded_layers=False)

    assert len(layers) == 2
    assert torch.equal(layers[-1], last)


def test_an_encoder_takes_a_head_mask_for_each_layer(tiny_config, hidden):
    with pytest.raises(ValueError, match="is shorter"):
        BertEncoder(tiny_config)(hidden, None, head_mask=[None])


def test_layers_can_be_sliced_and_replaced(tiny_config, hidden):
    encoder = BertEncoder(tiny_config).eval()
    first = encoder.layer[0](hidden, None)

    encoder.layer = nn.ModuleList(encoder.layer[:1])

    (only,) = encoder(hidden, None)
    assert torch.equal(only, first)


def test_a_layer_can_be_copied(tiny_config, hidden):
    layer = BertLayer(tiny_config).eval()
    assert torch.equal(copy.deepcopy(layer)(hidden), layer(hidden))


def test_only_module_types_of_2019_stand_in_the_encoder(tiny_config):
    names = {type(module).__name__ for module in BertEncoder(tiny_config).modules()}
    assert names == {
        "BertAttention",
        "BertEncoder",
        "BertIntermediate",
        "BertLayer",
        "BertLayerNorm",
        "BertOutput",
        "BertSelfAttention",
        "BertSelfOutput",
        "Dropout",
        "Linear",
        "ModuleList",
    }


def test_first_values_need_nothing_but_a_configuration(tiny_config):
    """Programs call the method with a part of a model as self."""
    encoder = BertEncoder(tiny_config)
    encoder.config = tiny_config
    tiny_config.initializer_range = 0.0

    encoder.apply(partial(BertPreTrainedModel.init_bert_weights, encoder))

    assert encoder.layer[0].output.dense.weight.eq(0).all()
    assert encoder.layer[0].output.LayerNorm.weight.eq(1).all()


def test_parts_stand_alone(tiny_config, hidden):
    embeddings = BertEmbeddings(tiny_config)
    ids = torch.tensor([[1, 2]])
    head = BertLMPredictionHead(tiny_config, embeddings.word_embeddings.weight)

    assert embeddings(ids, torch.tensor([[0, 1]])).shape == (1, 2, 16)
    assert BertPooler(tiny_config)(hidden).shape == (2, 16)
    assert head(hidden).shape == (2, 5, 30)
    assert head.decoder.weight is embeddings.word_embeddings.weight


def test_dropout_acts_in_training_on_both_paths(tiny_config, hidden):
    tiny_config.hidden_dropout_prob = 0.0
    for output_attentions in (False, True):
        layer = BertLayer(tiny_config, output_attentions)
        results = [layer(hidden, None) for _ in range(2)]
        first, second = (r[-1] if output_attentions else r for r in results)
        assert not torch.equal(first, second)


def test_the_padding_token_gets_no_gradient(tiny_config):
    embeddings = BertEmbeddings(tiny_config).eval()

    (embeddings(torch.tensor([[0, 1, 29]])) ** 3).sum().backward()

    trained = embeddings.word_embeddings.weight.grad.abs().sum(-1) > 0
    assert trained.nonzero().flatten().tolist() == [1, 29]
