"""How programs of 2019 reach into models and tokenizers."""

import copy
import pickle
from functools import partial

import pytest
import torch
from torch import nn

from ptbert.modeling import (
    BertAttention,
    BertConfig,
    BertEmbeddings,
    BertEncoder,
    BertForSequenceClassification,
    BertLayer,
    BertModel,
    BertPreTrainedModel,
    BertSelfAttention,
    PreTrainedBertModel,
)
from ptbert.modeling_gpt2 import Attention, GPT2Config, GPT2LMHeadModel, GPT2MultipleChoiceHead
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
    class Silent(Attention):
        def _attn(self, q, k, v):
            return super()._attn(q, k, v) * 0

    config = GPT2Config(10, n_positions=8, n_ctx=8, n_embd=8, n_layer=1, n_head=2)
    model = GPT2LMHeadModel(config).eval()
    for parameter in model.parameters():
        nn.init.normal_(parameter)
    attention = model.transformer.h[0].attn
    plain = model(IDS)[0]
    silent = copy.deepcopy(model)  # only the bias is left of its attention
    nn.init.zeros_(silent.transformer.h[0].attn.c_proj.weight)
    replacement = Silent(8, 8, config, True).eval()
    replacement.load_state_dict(attention.state_dict())

    model.transformer.h[0].attn = replacement

    torch.testing.assert_close(model(IDS)[0], silent(IDS)[0])
    assert not torch.allclose(model(IDS)[0], plain, atol=0.1)


def test_a_replaced_part_of_a_tokenizer_is_used(model_folder):
    class Words(BasicTokenizer):
        def tokenize(self, text):
            return ["cat"]

    tokenizer = BertTokenizer.from_pretrained(model_folder)
    tokenizer.basic_tokenizer = Words()

    assert tokenizer.tokenize("The key is on the mat.") == ["cat"]


def test_tables_can_be_replaced_by_larger_ones(config):
    model = BertModel(config).eval()
    before = model(IDS)
    embeddings = model.embeddings
    for name, size in (
        ("word_embeddings", 30),
        ("position_embeddings", 16),
        ("token_type_embeddings", 4),
    ):
        old = getattr(embeddings, name)
        new = nn.Embedding(size, 8)
        new.weight.data[: old.num_embeddings] = old.weight.data
        setattr(embeddings, name, new)
    model.config.vocab_size = 30

    ids = torch.tensor([[29, *range(1, 15)]])  # longer than the old table, and a new word
    layers, _ = model(ids, torch.full_like(ids, 3))

    assert layers[-1].shape == (1, 15, 8)
    torch.testing.assert_close(model(IDS), before)


def test_embeddings_can_be_replaced_as_a_whole(config):
    class Embeddings(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Embedding(5, 8)

        def forward(self, input_ids, token_type_ids=None):
            return self.table(input_ids)

    model = BertModel(config).eval()
    model.embeddings = Embeddings()

    layers, pooled = model(torch.tensor([[4, 0]]))

    hidden = model.embeddings.table.weight[[4, 0]][None]
    expected = model.encoder(hidden, torch.zeros(1, 1, 1, 2))
    torch.testing.assert_close(layers, expected)
    torch.testing.assert_close(pooled, model.pooler(expected[-1]))


def test_the_vocabulary_of_gpt2_can_be_replaced():
    config = GPT2Config(10, n_positions=8, n_ctx=8, n_embd=8, n_layer=1, n_head=2)
    model = GPT2LMHeadModel(config).eval()
    model.transformer.wte = nn.Embedding(12, 8)
    model.lm_head.set_embeddings_weights(model.transformer.wte.weight)

    scores, _ = model(torch.tensor([[11, 1]]))

    hidden = model.transformer(torch.tensor([[11, 1]]))[0][-1]
    torch.testing.assert_close(scores, hidden @ model.transformer.wte.weight.T)


def test_a_changed_configuration_is_saved_and_changes_nothing_else(config):
    model = BertModel(config).eval()
    before = model(IDS)[1]

    model.config.num_labels = 7
    model.config.hidden_dropout_prob = 0.5

    torch.testing.assert_close(model(IDS)[1], before)
    assert '"num_labels": 7' in model.config.to_json_string()


@pytest.mark.parametrize("dtype", [torch.uint8, torch.bool, torch.int64, torch.float32])
def test_masks_of_any_type_mean_the_same(config, dtype):
    model = BertModel(config).eval()
    alone = model(IDS)[1]
    mask = torch.tensor([[1, 1, 1, 0]]).to(dtype)
    torch.testing.assert_close(model(torch.tensor([[1, 2, 3, 4]]), None, mask)[1], alone)


def test_models_run_in_half_precision_and_wrapped(config):
    model = BertModel(config).eval()
    exact = model(IDS)[1]
    torch.testing.assert_close(nn.DataParallel(model)(IDS)[1], exact)
    torch.testing.assert_close(model.half()(IDS)[1].float(), exact, atol=1e-2, rtol=0)


def test_forward_may_ask_the_parameters_for_their_type(config):
    class Scorer(BertPreTrainedModel):
        def __init__(self, config):
            super().__init__(config)
            self.bert = BertModel(config)
            self.apply(self.init_bert_weights)

        def forward(self, ids):
            weights = torch.ones(8).to(next(self.parameters()).dtype)
            return self.bert(ids, output_all_encoded_layers=False)[1] @ weights

    assert nn.DataParallel(Scorer(config)).double()(IDS).dtype == torch.float64


def test_whole_models_can_be_saved_and_loaded(config, tmp_path):
    model = BertModel(config).eval()
    torch.save(model, tmp_path / "model.bin")
    again = torch.load(tmp_path / "model.bin", weights_only=False)
    torch.testing.assert_close(again(IDS), model(IDS))


def test_tokenizers_and_configurations_can_be_pickled(config, model_folder):
    tokenizer = BertTokenizer.from_pretrained(model_folder)
    text = "The key is on the mat."
    again = pickle.loads(pickle.dumps(tokenizer))
    assert again.tokenize(text) == tokenizer.tokenize(text)
    assert pickle.loads(pickle.dumps(config)).to_dict() == config.to_dict()


def plain_layer(layer):
    """The forward of a layer as programs write it: two arguments, and a mask that is there."""

    def forward(hidden, mask):
        context = layer.attention.self(hidden, mask + 0)
        attended = layer.attention.output(context, hidden)
        return layer.output(layer.intermediate(attended), attended)

    return forward


class OldLayer(BertLayer):
    def forward(self, hidden_states, attention_mask):
        return plain_layer(self)(hidden_states, attention_mask)


class OldAttention(BertAttention):
    def forward(self, input_tensor, attention_mask):
        return self.output(self.self(input_tensor, attention_mask + 0), input_tensor)


class OldSelfAttention(BertSelfAttention):
    def forward(self, hidden_states, attention_mask):
        return super().forward(hidden_states, attention_mask + 0)


class OldEncoder(BertEncoder):
    def forward(self, hidden_states, attention_mask, output_all_encoded_layers=True):
        return super().forward(hidden_states, attention_mask + 0, output_all_encoded_layers)


class OldEmbeddings(BertEmbeddings):
    def forward(self, input_ids, token_type_ids):
        return super().forward(input_ids, token_type_ids + 0)


class OldModel(BertModel):
    def forward(self, input_ids, token_type_ids, attention_mask, output_all_encoded_layers=True):
        return super().forward(input_ids, token_type_ids, attention_mask, output_all_encoded_layers)


def rebuilt(cls, part, config):
    new = cls(config)
    new.load_state_dict(part.state_dict())
    return new.eval()


def replace_layers(bert, config):
    bert.encoder.layer[0] = rebuilt(OldLayer, bert.encoder.layer[0], config)


def replace_attention(bert, config):
    layer = bert.encoder.layer[0]
    layer.attention = rebuilt(OldAttention, layer.attention, config)


def replace_self_attention(bert, config):
    attention = bert.encoder.layer[1].attention
    attention.self = rebuilt(OldSelfAttention, attention.self, config)


def replace_encoder(bert, config):
    bert.encoder = rebuilt(OldEncoder, bert.encoder, config)


def replace_embeddings(bert, config):
    bert.embeddings = rebuilt(OldEmbeddings, bert.embeddings, config)


def replace_forward(bert, config):
    layer = bert.encoder.layer[0]
    layer.forward = plain_layer(layer)


@pytest.mark.parametrize(
    "replace",
    [
        replace_layers,
        replace_attention,
        replace_self_attention,
        replace_encoder,
        replace_embeddings,
        replace_forward,
    ],
)
@pytest.mark.parametrize("mask", [None, torch.ones(1, 3), torch.tensor([[1, 1, 0]])])
def test_parts_are_called_as_they_were(config, replace, mask):
    model = BertForSequenceClassification(config, 2).eval()
    expected = model(IDS, None, mask), model.bert(IDS, None, mask)[1]

    replace(model.bert, config)

    torch.testing.assert_close((model(IDS, None, mask), model.bert(IDS, None, mask)[1]), expected)


def test_a_patch_of_a_class_is_used(config, monkeypatch):
    model = BertForSequenceClassification(config, 2).eval()
    expected = model(IDS)
    calls = []

    def forward(self, hidden_states, attention_mask):
        calls.append(attention_mask.shape)
        return plain_layer(self)(hidden_states, attention_mask)

    monkeypatch.setattr(BertLayer, "forward", forward)

    torch.testing.assert_close(model(IDS), expected)
    assert calls == [(1, 1, 1, 3)] * 2


def test_a_bare_model_of_ones_own_serves_every_head(config):
    model = BertForSequenceClassification(config, 2).eval()
    expected = model(IDS)
    model.bert = rebuilt(OldModel, model.bert, config)
    torch.testing.assert_close(model(IDS), expected)


def test_heads_may_be_listed_in_lists(config):
    model, other = BertModel(config).eval(), BertModel(config).eval()
    other.load_state_dict(model.state_dict())
    model.prune_heads({0: [[1]], 1: torch.tensor([[0]])})
    other.prune_heads({0: [1], 1: [0]})
    torch.testing.assert_close(model(IDS), other(IDS))


def test_hooks_on_the_dropout_of_attention_see_the_weights(config):
    model = BertModel(config).eval()
    expected = model(IDS)
    seen = []
    dropout = model.encoder.layer[0].attention.self.dropout
    dropout.register_forward_hook(lambda module, inputs, output: seen.append(output))

    torch.testing.assert_close(model(IDS), expected)

    (weights,) = seen
    assert weights.shape == (1, 2, 3, 3)
    torch.testing.assert_close(weights.sum(-1), torch.ones(1, 2, 3))


@pytest.mark.parametrize("dtype", [torch.long, torch.bool])
def test_ready_made_masks_are_added_whatever_their_type(config, dtype):
    layer = BertLayer(config).eval()
    hidden, mask = torch.randn(1, 3, 8), torch.tensor([[[[1, 1, 0]]]])
    torch.testing.assert_close(layer(hidden, mask.to(dtype)), layer(hidden, mask.float()))


def test_an_empty_batch_is_no_error(config):
    layers, pooled = BertModel(config)(torch.zeros(0, 4, dtype=torch.long))
    assert (layers[-1].shape, pooled.shape) == ((0, 4, 8), (0, 8))


def test_a_choice_head_of_the_release_has_no_dropout():
    config = GPT2Config(10, n_positions=8, n_ctx=8, n_embd=8, n_layer=1, n_head=2)
    head = GPT2MultipleChoiceHead(config).train()
    del head.dropout
    state = head.__getstate__() if hasattr(head, "__getstate__") else vars(head)

    again = GPT2MultipleChoiceHead.__new__(GPT2MultipleChoiceHead)
    again.__setstate__(dict(state))

    hidden, places = torch.randn(1, 2, 3, 8), torch.tensor([[2, 1]])
    torch.testing.assert_close(again(hidden, places), again.eval()(hidden, places))
