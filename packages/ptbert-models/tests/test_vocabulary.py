"""The vocabulary of every model can be found, replaced and resized; what is shared stays shared."""

import json

import pytest
import torch
from torch import nn

from ptbert_models import (
    BertConfig,
    BertForMaskedLM,
    BertForPreTraining,
    BertModel,
    GPT2Config,
    GPT2DoubleHeadsModel,
    GPT2LMHeadModel,
    OpenAIGPTConfig,
    OpenAIGPTDoubleHeadsModel,
    OpenAIGPTLMHeadModel,
    TransfoXLConfig,
    TransfoXLLMHeadModel,
    TransfoXLModel,
)
from ptbert_models.bert.bare import BertPreTrainedModel
from ptbert_models.bert.heads import BertOnlyMLMHead
from ptbert_models.families import FAMILIES

MODELS = [model for family in FAMILIES.values() for model in family.models]
SCORING = [
    BertForMaskedLM,
    BertForPreTraining,
    OpenAIGPTLMHeadModel,
    OpenAIGPTDoubleHeadsModel,
    GPT2LMHeadModel,
    GPT2DoubleHeadsModel,
]
IDS = torch.tensor([[3, 4, 5], [6, 7, 8]])
by_name = pytest.mark.parametrize("model_class", MODELS, ids=lambda each: each.__name__)
scoring = pytest.mark.parametrize("model_class", SCORING, ids=lambda each: each.__name__)


def config_of(model_class, **more):
    sizes = {"n_positions": 6, "n_ctx": 6, "n_embd": 8, "n_layer": 1, "n_head": 2}
    make, values = {
        "bert": (BertConfig, {"vocab_size": 12, "hidden_size": 8, "num_hidden_layers": 1}),
        "gpt": (OpenAIGPTConfig, {"vocab_size": 12, **sizes}),
        "gpt2": (GPT2Config, {"vocab_size": 12, **sizes}),
        "transfo_xl": (TransfoXLConfig, {"vocab_size": 12, "cutoffs": [5], "d_model": 8}),
    }[model_class.family]
    if make is BertConfig:
        values |= {"num_attention_heads": 2, "intermediate_size": 8, "max_position_embeddings": 6}
    if make is TransfoXLConfig:
        values |= {"d_embed": 8, "n_head": 2, "d_head": 4, "d_inner": 8, "n_layer": 1, "div_val": 2}
    return make.from_dict(values | more)


def made(model_class, **more):
    torch.manual_seed(0)
    return model_class(config_of(model_class, **more)).eval()


def call(model, ids=IDS):
    """What a model returns first: hidden states of the last layer, or scores."""
    if "Choice" in type(model).__name__:
        return model(ids[:, None])
    if "DoubleHeads" in type(model).__name__:
        return model(ids[:, None], torch.zeros(len(ids), 1, dtype=torch.long))[0]
    output = model(ids)
    output = output[0] if isinstance(output, tuple) else output
    return output[-1] if isinstance(output, list) else output


def rows(model):
    """How many tokens the embeddings have."""
    table = model.get_input_embeddings()
    return table.num_embeddings if isinstance(table, nn.Embedding) else table.n_token


@by_name
def test_a_larger_vocabulary_keeps_what_there_was(model_class, tmp_path):
    model, ids = made(model_class), IDS
    before, old_config = call(model), model.config

    table = model.resize_token_embeddings(15)

    assert table is model.get_input_embeddings()
    assert rows(model) == 15
    after = call(model)
    if model_class is TransfoXLLMHeadModel:
        # Probabilities of more tokens are smaller; those of the first cluster stay as they were.
        torch.testing.assert_close(after[..., :5], before[..., :5])
    else:
        torch.testing.assert_close(after[..., : before.size(-1)], before)
    call(model, torch.full_like(ids, 14))
    sizes = [getattr(each, each.vocabulary_key) for each in (model.config, old_config)]
    assert sizes == [15, 12]
    model.save_pretrained(tmp_path)
    again = model_class.from_pretrained(tmp_path).eval()
    torch.testing.assert_close(call(again), after)


@by_name
def test_a_smaller_vocabulary_loses_the_last_tokens(model_class, tmp_path):
    model = made(model_class)
    before = call(model)
    model.resize_token_embeddings(9)
    after = call(model)
    if model_class is TransfoXLLMHeadModel:
        assert after.shape == (2, 3, 9)
    else:
        torch.testing.assert_close(after, before[..., : after.size(-1)])
    with pytest.raises(ValueError, match="input_ids holds 9, and this model takes 0 to 8"):
        call(model, torch.full_like(IDS, 9))
    model.save_pretrained(tmp_path)
    torch.testing.assert_close(call(model_class.from_pretrained(tmp_path).eval()), after)


@scoring
def test_scores_and_embeddings_are_resized_together(model_class):
    model = made(model_class)
    model.resize_token_embeddings(15)
    scores = model.get_output_embeddings()
    assert scores.weight is model.get_input_embeddings().weight
    assert scores.out_features == 15
    assert call(model).size(-1) == 15


def test_new_biases_are_zero_and_old_ones_stay():
    model = made(BertForMaskedLM)
    head = model.cls.predictions
    nn.init.normal_(head.bias)
    before = head.bias.detach().clone()
    model.resize_token_embeddings(15)
    assert torch.equal(head.bias, torch.cat([before, torch.zeros(3)]))


def test_new_rows_have_the_first_values_of_the_class():
    model = made(BertModel, initializer_range=3.0)
    model.resize_token_embeddings(2000)
    assert 2.9 < model.get_input_embeddings().weight[12:].std() < 3.1


def test_numbers_are_rounded_up_on_request():
    model = made(GPT2LMHeadModel)
    assert model.resize_token_embeddings(pad_to_multiple_of=8).num_embeddings == 16
    assert model.resize_token_embeddings(17, pad_to_multiple_of=8).num_embeddings == 24
    for multiple in (0, -8, 2.5):
        with pytest.raises(ValueError, match=f"pad_to_multiple_of={multiple} must be an integer"):
            model.resize_token_embeddings(17, pad_to_multiple_of=multiple)
    assert model.resize_token_embeddings().num_embeddings == 24


@by_name
@pytest.mark.parametrize("wrong", [0, -3, 2.5])
def test_a_vocabulary_of_no_tokens_is_refused_and_nothing_changed(model_class, wrong):
    model = made(model_class)
    with pytest.raises(ValueError, match=r"(vocab_size|n_token)=.* must be an integer above 0"):
        model.resize_token_embeddings(wrong)
    assert rows(model) == 12


def test_a_vocabulary_must_reach_the_last_cluster():
    with pytest.raises(ValueError, match=r"cutoffs=\[5\] must ascend and lie between 0 and n_toke"):
        made(TransfoXLModel).resize_token_embeddings(5)


def test_a_bert_keeps_its_padding_token():
    model = made(BertModel, pad_token_id=10)
    with pytest.raises(ValueError, match="pad_token_id=10 must be below vocab_size=9"):
        model.resize_token_embeddings(9)
    assert model.resize_token_embeddings(15).padding_idx == 10


class Own(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, ids):
        return self.inner(ids)


@pytest.mark.parametrize("model_class", [BertModel, GPT2LMHeadModel, TransfoXLModel])
def test_embeddings_of_a_program_s_own_are_not_resized(model_class):
    model = made(model_class)
    before = call(model)
    model.set_input_embeddings(Own(model.get_input_embeddings()))
    torch.testing.assert_close(call(model), before)
    with pytest.raises(TypeError, match="a Own has no rows that could be added or removed here"):
        model.resize_token_embeddings(15)


def test_scores_of_a_program_s_own_are_not_resized():
    model = made(BertForMaskedLM)
    model.cls.predictions.decoder = Own(model.cls.predictions.decoder)
    with pytest.raises(TypeError, match="the scores of tokens are computed by a Own, whose output"):
        model.resize_token_embeddings(15)


def test_only_modules_are_embeddings():
    with pytest.raises(TypeError, match="input embeddings of type Tensor were given; give a modul"):
        made(BertModel).set_input_embeddings(torch.zeros(12, 8))


@scoring
def test_embeddings_of_another_width_are_refused(model_class):
    model = made(model_class)
    before = model.get_input_embeddings()
    with pytest.raises(ValueError, match="with vectors of width 9 were given, and this model has"):
        model.set_input_embeddings(nn.Embedding(12, 9))
    assert model.get_input_embeddings() is before


@scoring
def test_replaced_embeddings_are_shared_too(model_class):
    model = made(model_class)
    table = nn.Embedding(12, 8)
    model.set_input_embeddings(table)
    assert model.get_input_embeddings() is table
    assert model.get_output_embeddings().weight is table.weight


@pytest.mark.parametrize("sampled", [-1, 3])
def test_transformer_xl_shares_replaced_and_resized_embeddings(sampled):
    more = {"sample_softmax": sampled} | ({"cutoffs": [], "div_val": 1} if sampled > 0 else {})
    model = made(TransfoXLLMHeadModel, **more)
    other = made(TransfoXLModel, **more).word_emb

    model.set_input_embeddings(other)
    model.resize_token_embeddings(15)

    layer = model.out_layer if sampled > 0 else model.crit.out_layers[-1]
    assert layer.weight is other.emb_layers[-1].weight
    assert len(layer.bias) == len(layer.weight) == (15 if sampled > 0 else 10)
    assert model.get_output_embeddings() is (model.out_layer if sampled > 0 else model.crit)
    target = torch.tensor([[14, 13, 1]])
    assert model.train()(IDS[:1], target)[0].isfinite().all()


def test_a_program_s_own_head_follows():
    class Own(BertPreTrainedModel):
        def __init__(self, config):
            super().__init__(config)
            self.bert = BertModel(config)
            self.mine = BertOnlyMLMHead(config, self.bert.embeddings.word_embeddings.weight)

    model = Own(config_of(BertModel))
    model.resize_token_embeddings(15)
    assert model.mine.predictions.decoder.weight is model.get_input_embeddings().weight
    assert model.mine(torch.zeros(1, 2, 8)).shape == (1, 2, 15)


def test_frozen_embeddings_stay_frozen():
    model = made(BertForMaskedLM)
    model.get_input_embeddings().weight.requires_grad_(False)
    model.resize_token_embeddings(15)
    assert not model.get_input_embeddings().weight.requires_grad
    assert model.cls.predictions.bias.requires_grad


def test_special_tokens_of_gpt_stay_after_the_vocabulary():
    model = made(GPT2LMHeadModel)
    model.set_num_special_tokens(2, predict_special_tokens=False)
    model.resize_token_embeddings(17)
    assert (model.config.vocab_size, model.config.n_special) == (12, 5)
    assert call(model).size(-1) == 12
    with pytest.raises(ValueError, match="11 tokens are fewer than vocab_size=12, and this model"):
        model.resize_token_embeddings(11)


def test_models_that_score_no_tokens_have_no_output_embeddings():
    assert made(BertModel).get_output_embeddings() is None


@scoring
def test_untied_weights_are_two_matrices(model_class, tmp_path):
    model = made(model_class, tie_word_embeddings=False)
    table, scores = model.get_input_embeddings(), model.get_output_embeddings()
    assert scores.weight is not table.weight
    assert scores.weight.std() > 0.01  # has first values
    model.tie_weights()
    assert scores.weight is not table.weight

    model.resize_token_embeddings(15)
    nn.init.normal_(scores.weight)
    want = call(model)
    assert want.size(-1) == 15
    model.save_pretrained(tmp_path)
    again = model_class.from_pretrained(tmp_path).eval()

    assert json.loads((tmp_path / "config.json").read_text())["tie_word_embeddings"] is False
    assert torch.equal(again.get_output_embeddings().weight, scores.weight)
    torch.testing.assert_close(call(again), want)


@pytest.mark.parametrize("model_class", [GPT2LMHeadModel, OpenAIGPTLMHeadModel])
def test_untied_scores_of_special_tokens(model_class):
    model = made(model_class, tie_word_embeddings=False)
    before = call(model)
    model.set_num_special_tokens(3)
    after = call(model)
    torch.testing.assert_close(after[..., :12], before)
    assert after.size(-1) == 15
    assert model.get_output_embeddings().weight is not model.get_input_embeddings().weight
