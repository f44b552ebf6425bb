"""How programs of 2019 reach into models and tokenizers."""

import copy
import pickle
from functools import partial

import pytest
import torch
from torch import nn

from ptbert.modeling import (
    BertConfig,
    BertEncoder,
    BertLayer,
    BertModel,
    BertPreTrainedModel,
    PreTrainedBertModel,
)
from ptbert.modeling_gpt2 import Attention, GPT2Config, GPT2LMHeadModel
from ptbert.tokenization import BasicTokenizer, BertTokenizer

IDS = torch.tensor([[1, 2, 3]])


@pytest.fixture
def config():
    sizes = {"hidden_size": 8, "intermediate_size": 8, "max_position_embeddings": 8}
    return BertConfig(20, num_hidden_layers=2, num_attention_heads=2, **sizes)


def test_an_encoder_and_its_layers_can_be_called_by_hand(config):
    encoder = BertEncoder(config).eval()
    hidden, mask = torch.randn(1, 3, 8), torch.zeros(1, 1, 1, 3)

    outputs = encoder(hidden, mask)

    for layer, output in zip(encoder.layer, outputs, strict=True):
        assert isinstance(layer, BertLayer)
        hidden = layer(hidden, mask)
        torch.testing.assert_close(hidden, output)


def test_a_plain_encoder_can_be_initialised_like_a_model(config):
    encoder = BertEncoder(config)
    encoder.config = config
    for parameter in encoder.parameters():
        nn.init.constant_(parameter, 7)

    encoder.apply(partial(BertPreTrainedModel.init_bert_weights, encoder))

    assert all(parameter.abs().max() <= 1 for parameter in encoder.parameters())


def test_layers_can_be_taken_away(config):
    model = BertModel(config).eval()
    (first, _), _ = model(IDS)

    model.encoder.layer = nn.ModuleList(list(model.encoder.layer)[:1])

    layers, _ = model(IDS)
    torch.testing.assert_close(layers, [first])


def test_models_can_be_copied_and_pickled(config):
    model = BertModel(config).eval()
    for again in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        torch.testing.assert_close(again(IDS), model(IDS))


def test_a_model_of_ones_own_is_built_on_the_old_base_class(config, tmp_path):
    class Tagger(PreTrainedBertModel):
        def __init__(self, config, num_tags):
            super().__init__(config)
            self.bert = BertModel(config)
            self.tags = nn.Linear(config.hidden_size, num_tags)
            self.apply(self.init_bert_weights)

        def forward(self, input_ids):
            sequence, _ = self.bert(input_ids, output_all_encoded_layers=False)
            return self.tags(sequence)

    trained = Tagger(config, 3).eval()
    torch.save(trained.state_dict(), tmp_path / "pytorch_model.bin")
    config.to_json_file(tmp_path / "config.json")

    model = Tagger.from_pretrained(str(tmp_path), 3).eval()

    torch.testing.assert_close(model(IDS), trained(IDS))


def test_attention_can_be_overridden_with_three_arguments():
    class Loud(Attention):
        def _attn(self, q, k, v):
            return super()._attn(q, k, v) * 0

    config = GPT2Config(10, n_positions=8, n_ctx=8, n_embd=8, n_layer=1, n_head=2)
    model = GPT2LMHeadModel(config).eval()
    (plain, _) = model(IDS)
    block = model.transformer.h[0]
    loud = Loud(8, 8, config, True).eval()
    loud.load_state_dict(block.attn.state_dict())

    block.attn = loud

    assert not torch.allclose(model(IDS)[0], plain)


def test_a_replaced_part_of_a_tokenizer_is_used(model_folder):
    class Words(BasicTokenizer):
        def tokenize(self, text):
            return ["cat"]

    tokenizer = BertTokenizer.from_pretrained(model_folder)
    tokenizer.basic_tokenizer = Words()

    assert tokenizer.tokenize("The key is on the mat.") == ["cat"]
