"""Attention by lengths: texts without padding see what they see in a batch with padding."""

import pytest
import torch
from tiny_models import rows_computed
from torch import nn
from torch.autograd import forward_ad
from torch.nn.attention import SDPBackend, sdpa_kernel

from ptbert_models import (
    BertConfig,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertModel,
)
from ptbert_models.bert import without_padding
from ptbert_models.parts import packed_attention
from ptbert_models.parts.attention import attend, padding_bias
from ptbert_models.parts.packed_attention import attend_by_lengths, texts_by_length

HEADS, FEATURES = 2, 4
LENGTHS = [1, 90, 7, 7, 100, 12, 12, 12, 3]


@pytest.fixture(autouse=True)
def _always_worth_it(monkeypatch):
    monkeypatch.setattr(packed_attention, "_WORTH_A_CALL", 0)


@pytest.fixture
def calls(monkeypatch):
    """The number of scores with padding, for each call that was answered by lengths."""
    found = []

    def spy(*given):
        context = attend_by_lengths(*given)
        if context is not None:
            found.append(given[4])
        return context

    monkeypatch.setattr(without_padding, "attend_by_lengths", spy)
    return found


def real_tokens(lengths=LENGTHS, seed=0):
    """(B, L), with padding anywhere."""
    torch.manual_seed(seed)
    real = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    return real[:, torch.randperm(max(lengths))]


def rows(real, dtype=torch.double):
    return [torch.randn(int(real.sum()), HEADS, FEATURES, dtype=dtype) for _ in range(3)]


def with_padding(query, key, value, real):
    """The definition: attention in the whole batch, where padding is hidden."""
    batch = []
    for each in (query, key, value):
        spread = each.new_zeros(*real.shape, HEADS, FEATURES)
        spread[real] = each
        batch.append(spread.transpose(1, 2))
    return attend(*batch, padding_bias(real, query.dtype))[0].transpose(1, 2)[real]


def by_lengths(query, key, value, real, dropout=0.0):
    padded = real.size(0) * real.size(1) ** 2
    return attend_by_lengths(query, key, value, texts_by_length(real), padded, dropout)


def test_texts_in_a_row_of_the_same_length_are_counted_together():
    assert texts_by_length(real_tokens([2, 2, 5, 2])) == [(2, 2), (1, 5), (1, 2)]


def test_texts_without_real_tokens_do_not_count():
    real = torch.tensor([[0, 0], [1, 1], [0, 0], [1, 1], [0, 0]]).bool()
    assert texts_by_length(real) == [(1, 2), (1, 2)]


@pytest.mark.parametrize("seed", range(4))
def test_the_context_is_that_of_a_batch_with_padding(seed):
    real = real_tokens(seed=seed)
    given = rows(real)
    torch.testing.assert_close(by_lengths(*given, real), with_padding(*given, real))


def test_in_bfloat16_it_is_as_near_to_the_exact_result_as_with_padding():
    real = real_tokens()
    given = rows(real, torch.bfloat16)
    exact = with_padding(*(each.double() for each in given), real)
    found = (by_lengths(*given, real).double() - exact).abs().max()
    padded = (with_padding(*given, real).double() - exact).abs().max()
    assert found <= max(padded, 2**-8)  # 2**-8: half a unit of the last of 8 bits


def test_gradients_are_those_of_a_batch_with_padding():
    real = real_tokens()
    given = [each.requires_grad_() for each in rows(real)]
    weights = torch.randn_like(given[0])
    found, want = (
        torch.autograd.grad((way(*given, real) * weights).sum(), given)
        for way in (by_lengths, with_padding)
    )
    for got, expected in zip(found, want, strict=True):
        torch.testing.assert_close(got, expected)


def test_it_has_second_derivatives():
    real = real_tokens([1, 3, 3])
    given = [each.requires_grad_() for each in rows(real)]
    assert torch.autograd.gradgradcheck(lambda *rows: by_lengths(*rows, real), given)


def test_it_has_derivatives_in_forward_mode():
    real = real_tokens([1, 3, 3])
    query, key, value = rows(real)
    found = []
    for way in (by_lengths, with_padding):
        with forward_ad.dual_level():
            dual = way(forward_ad.make_dual(query, key), key, value, real)
            found.append(forward_ad.unpack_dual(dual).tangent)
    torch.testing.assert_close(*found)


def test_a_program_can_choose_the_kernel():
    real = real_tokens()
    given = rows(real)
    with sdpa_kernel(SDPBackend.MATH):
        torch.testing.assert_close(by_lengths(*given, real), with_padding(*given, real))


def test_dropout_drops_weights():
    real = real_tokens()
    query, key, value = rows(real)
    assert by_lengths(query, key, value, real, dropout=1.0).eq(0).all()
    torch.manual_seed(0)
    context = by_lengths(query, key, torch.ones_like(value), real, dropout=0.5)
    one_token = context[: LENGTHS[0]]  # its only weight is 1: dropped, or doubled
    assert one_token.eq(one_token[..., :1]).all()
    assert set(one_token.flatten().tolist()) <= {0.0, 2.0}
    assert abs(context.mean() - 1) < 0.1


@pytest.mark.parametrize("dropout", [nn.Dropout(0.5), torch.zeros_like], ids=["module", "function"])
def test_a_function_as_dropout_gets_the_weights_of_the_whole_batch(dropout):
    real = real_tokens()
    assert by_lengths(*rows(real), real, dropout) is None


def test_nothing_is_there_to_be_computed_without_real_tokens():
    real = torch.zeros(2, 3).bool()
    assert by_lengths(*rows(real), real) is None


@pytest.mark.parametrize(("worth", "pays"), [(24, True), (25, False)])
def test_padding_is_computed_where_that_costs_less(worth, pays, monkeypatch):
    """Two heads times (2 texts times 4 x 4 scores, less 4 x 4 and 2 x 2) are 24, in 2 calls."""
    monkeypatch.setattr(packed_attention, "_WORTH_A_CALL", worth / 2)
    real = real_tokens([4, 2])
    assert (by_lengths(*rows(real), real) is not None) == pays


SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
MODELS = [BertModel, BertForSequenceClassification, BertForTokenClassification]
MODELS += [BertForQuestionAnswering]


def batch():
    """Real tokens (B, L) with those that poolers read."""
    real = real_tokens()
    real[:, 0] = True
    return real


def model_of(kind, dropout=0.0):
    torch.manual_seed(0)
    config = BertConfig(
        30,
        **SIZES,
        intermediate_size=32,
        max_position_embeddings=128,
        initializer_range=0.5,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=dropout,
    )
    return kind(config)


def outputs_and_gradients(model, real):
    model.zero_grad()
    torch.manual_seed(1)
    ids = torch.randint(1, 30, real.shape)
    given = model(ids, None, real.long())
    outputs = given if isinstance(given, tuple) else (given,)
    flat = [*outputs[0], outputs[1]] if isinstance(outputs[0], list) else list(outputs)
    flat = [each[real] if each.shape[:2] == real.shape else each for each in flat]
    sum(each.square().sum() for each in flat).backward()
    named = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    return {**{str(i): each.detach() for i, each in enumerate(flat)}, **named}


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("recompute", [False, True])
def test_models_give_what_they_give_with_padding(calls, kind, training, recompute):
    real = batch()
    model = model_of(kind).double().train(training)
    want = outputs_and_gradients(watched(model), real)
    assert calls == []
    model = model_of(kind).double().train(training)
    model.leave_out_padding, model.gradient_checkpointing = True, recompute
    found = outputs_and_gradients(model, real)
    layers = 2 * (2 if training and recompute else 1)
    assert calls == [real.numel() * real.size(1)] * layers
    assert found.keys() == want.keys()
    for name, each in want.items():
        torch.testing.assert_close(found[name], each)


def watched(model):
    """Who watches every part sees padding."""
    bert = model if isinstance(model, BertModel) else model.bert
    bert.encoder.register_forward_hook(lambda *_: None)
    return model


def test_heads_that_are_pruned_in_one_layer(calls):
    real = batch()
    model = model_of(BertModel).eval()
    model.prune_heads({0: [1]})
    want, _ = model(real.long(), None, real)
    model.leave_out_padding = True
    found, _ = model(real.long(), None, real)
    assert len(calls) == 2
    for got, expected in zip(found, want, strict=True):
        torch.testing.assert_close(got[real], expected[real])


def test_a_batch_of_nothing_but_padding_has_states_of_zeros(calls):
    model = model_of(lambda config: BertModel(config, add_pooling_layer=False)).eval()
    model.leave_out_padding = True
    states, _ = model(torch.ones(2, 3).long(), None, torch.zeros(2, 3))
    assert states[-1].eq(0).all()
    assert calls == []


def test_autocast_is_followed(calls):
    real = batch()
    model = model_of(BertModel).eval()
    model.leave_out_padding = True
    with torch.no_grad():
        want, _ = model(real.long(), None, real)
        with torch.autocast("cpu", torch.bfloat16):
            found, _ = model(real.long(), None, real)
    assert len(calls) == 4
    torch.testing.assert_close(found[-1].float(), want[-1], atol=0.1, rtol=0.1)
    assert not torch.equal(found[-1].float(), want[-1])


def test_dropout_of_a_program_is_called_with_all_weights(calls):
    real = batch()
    shapes = []

    class Seen(nn.Module):
        def forward(self, weights):
            shapes.append(tuple(weights.shape))
            return weights

    model = model_of(BertForTokenClassification).eval()
    want = model(real.long(), None, real.long())
    rows = rows_computed(model)
    model.leave_out_padding = True
    for layer in model.bert.encoder.layer:
        layer.attention.self.dropout = Seen()
    found = model(real.long(), None, real.long())
    assert shapes == [(len(LENGTHS), 2, 100, 100)] * 2
    assert set(rows) == {int(real.sum())}  # padding is left out elsewhere
    assert calls == []
    torch.testing.assert_close(found[real], want[real])


def test_training_with_dropout_differs_from_call_to_call(calls):
    real = batch()
    model = model_of(BertForTokenClassification, dropout=0.5).train()
    model.leave_out_padding = True
    first, second = (model(real.long(), None, real.long()) for _ in range(2))
    assert len(calls) == 4
    assert not torch.equal(first, second)
