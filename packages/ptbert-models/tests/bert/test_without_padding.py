"""Leaving out unused work changes no number."""

import contextlib
import copy

import pytest
import torch
from tiny_models import rows_computed
from torch import nn

from ptbert_models import (
    BertForMaskedLM,
    BertForMultipleChoice,
    BertForNextSentencePrediction,
    BertForPreTraining,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertModel,
)
from ptbert_models.bert import layers, with_head, without_padding
from ptbert_models.bert.layers import BertLayer


@pytest.fixture
def batch(request):
    """A random batch: token ids, types, and a mask with padding anywhere but at first tokens."""
    torch.manual_seed(request.param)
    texts, length = (int(torch.randint(1, limit, ())) for limit in (5, 12))
    ids = torch.randint(1, 30, (texts, length))
    types = torch.randint(0, 2, (texts, length))
    mask = (torch.rand(texts, length) < torch.rand(())).long()
    mask[:, 0] = 1
    return ids, types, mask


random_batches = pytest.mark.parametrize("batch", range(12), indirect=True)


def both_ways(run, monkeypatch):
    """Return results and gradients with packing, which must have happened, and without."""
    calls = []
    monkeypatch.setattr(
        with_head, "packed_states", lambda *a: calls.append(1) or without_padding.packed_states(*a)
    )
    fast = run()
    assert calls
    monkeypatch.setattr(with_head.Packing, "of", lambda *_, **__: None)
    return fast, run()


def result_with_gradients(model, *inputs, **labels):
    def run():
        model.zero_grad()
        output = model(*inputs, **labels)
        output.sum().backward()
        gradients = [p.grad.clone() for p in model.parameters() if p.grad is not None]
        return [output.detach(), *gradients]

    return run


@random_batches
@pytest.mark.parametrize(
    "model_class", [BertForSequenceClassification, BertForNextSentencePrediction]
)
def test_pooled_heads(model_class, batch, tiny_config, monkeypatch):
    model = model_class(tiny_config).eval()

    fast, plain = both_ways(result_with_gradients(model, *batch), monkeypatch)

    for got, want in zip(fast, plain, strict=True):
        torch.testing.assert_close(got, want, atol=1e-6, rtol=1e-5)


@random_batches
def test_multiple_choice(batch, tiny_config, monkeypatch):
    model = BertForMultipleChoice(tiny_config).eval()
    choices = [torch.stack([each, each.flip(0)], 1) for each in batch]

    fast, plain = both_ways(result_with_gradients(model, *choices), monkeypatch)

    for got, want in zip(fast, plain, strict=True):
        torch.testing.assert_close(got, want, atol=1e-6, rtol=1e-5)


@random_batches
@pytest.mark.parametrize("model_class", [BertForMaskedLM, BertForPreTraining])
def test_losses_of_labelled_tokens(model_class, batch, tiny_config, monkeypatch):
    model = model_class(tiny_config).eval()
    ids, types, mask = batch
    labels = torch.where((torch.rand(ids.shape) < 0.5) & (mask == 1), ids, -1)
    labels[0, 0] = 3
    more = {}
    if model_class is BertForPreTraining:
        more["next_sentence_label"] = torch.randint(0, 2, (len(ids),))

    run = result_with_gradients(model, ids, types, mask, masked_lm_labels=labels, **more)
    fast, plain = both_ways(run, monkeypatch)

    for got, want in zip(fast, plain, strict=True):
        torch.testing.assert_close(got, want, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("batch", range(3), indirect=True)
def test_without_a_mask_the_last_layer_is_still_saved(batch, tiny_config, monkeypatch):
    model = BertForSequenceClassification(tiny_config).eval()
    fast, plain = both_ways(result_with_gradients(model, *batch[:2]), monkeypatch)
    for got, want in zip(fast, plain, strict=True):
        torch.testing.assert_close(got, want, atol=1e-6, rtol=1e-5)


IDS = torch.tensor([[3, 4, 5, 6], [7, 8, 0, 0]])
MASK = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])


@pytest.fixture
def is_packed(tiny_config, monkeypatch):
    """Return a function that says whether a call of a changed classifier leaves out padding."""
    calls = []

    def spy(*args):
        calls.append(1)
        return without_padding.packed_states(*args)

    monkeypatch.setattr(with_head, "packed_states", spy)

    def ask(change=lambda encoder: None, mask=MASK):
        model = BertForSequenceClassification(tiny_config).eval()
        change(model.bert.encoder)
        calls.clear()
        with contextlib.suppress(TypeError, NotImplementedError):  # parts that cannot be run
            model(IDS, None, mask)
        return bool(calls)

    return ask


@pytest.mark.parametrize("mask", [MASK, MASK.bool(), MASK.float(), None])
def test_a_usual_encoder_can_be_packed(is_packed, mask):
    assert is_packed(mask=mask)


class MyLayer(nn.Module):
    def forward(self, hidden_states, attention_mask=None, head_mask=None):
        return hidden_states


CHANGES = {
    "a replaced layer": lambda e: e.layer.__setitem__(0, MyLayer()),
    "a replaced linear": lambda e: setattr(e.layer[1].output, "dense", nn.Bilinear(2, 2, 2)),
    "a patched method": lambda e: setattr(e.layer[0], "forward", MyLayer().forward),
    "a hook": lambda e: e.layer[0].register_forward_hook(lambda *_: None),
    "a hook before": lambda e: e.layer[0].output.register_forward_pre_hook(lambda *_: None),
    "a backward hook": lambda e: e.layer[0].register_full_backward_hook(lambda *_: None),
    "a backward hook before": lambda e: e.layer[0].register_full_backward_pre_hook(lambda *_: None),
    "attentions wanted": lambda e: setattr(e.layer[0].attention.self, "output_attentions", True),
    "outputs kept": lambda e: setattr(e.layer[0].attention.self, "keep_multihead_output", True),
}


@pytest.mark.parametrize("change", CHANGES)
def test_changed_parts_are_honoured(is_packed, change):
    assert not is_packed(CHANGES[change])


def test_a_patched_class_is_honoured(is_packed, monkeypatch):
    monkeypatch.setattr(BertLayer, "forward", MyLayer.forward)
    assert not is_packed()


@pytest.mark.parametrize("change", ["encoder", "layer", "attention", "self-attention", None])
def test_parts_and_hooks_of_programs_always_get_a_mask(tiny_config, change):
    """Only this library's own parts are known to do without one, if nobody sees it."""
    model = BertModel(tiny_config).eval()
    layer = model.encoder.layer[1]
    owner, name = {
        "encoder": (model, "encoder"),
        "layer": (model.encoder.layer, "1"),
        "attention": (layer, "attention"),
        "self-attention": (layer.attention, "self"),
        None: (model, "pooler"),
    }[change]
    part = getattr(owner, name)
    setattr(owner, name, type("Mine", (type(part),), {})(tiny_config).eval())
    masks = []
    layer = model.encoder.layer[0]
    layer.register_forward_pre_hook(lambda _, inputs: masks.append(inputs[1]))

    for mask in (None, torch.ones(2, 4)):
        model(IDS, attention_mask=mask)

    assert len(masks) == 2
    assert all(mask.eq(0).all() and mask.shape == (2, 1, 1, 4) for mask in masks)


def test_untouched_parts_get_no_mask_that_hides_nothing(tiny_config, monkeypatch):
    biases = []
    original = layers.attend
    monkeypatch.setattr(layers, "attend", lambda *a, **k: biases.append(a[3]) or original(*a, **k))

    BertModel(tiny_config)(IDS, attention_mask=torch.ones(2, 4))

    assert biases == [None, None]


@pytest.mark.parametrize(
    "mask",
    [
        torch.tensor([[1, 1, 1, 1], [0, 1, 1, 1]]),
        MASK * 0.5,
        MASK * 2,
        torch.tensor([[1, 1, 0.5, 1], [1, 1, 0, 0]]),
        torch.tensor([[1, 2, 1, 1], [1, 1, 0, 0]]),
        torch.tensor([[1, 1, 1, -1], [1, 1, 0, 0]]),
    ],
    ids=["a first token is padding", "halves", "twos", "one half", "one two", "a negative one"],
)
def test_unusual_masks_are_honoured(is_packed, mask):
    assert not is_packed(mask=mask)


def test_a_subclass_of_the_bare_model_is_run_as_it_is(tiny_config):
    class Mine(BertModel):
        def forward(self, *inputs, **kwargs):
            _, pooled = super().forward(*inputs, **kwargs)
            return None, torch.zeros_like(pooled)

    model = BertForSequenceClassification(tiny_config).eval()
    model.bert = Mine(tiny_config)
    assert model(IDS, None, MASK).eq(model.classifier.bias).all()


def test_head_masks_are_honoured(tiny_config):
    tiny_config.initializer_range = 0.5  # large, so that heads show in the scores
    model = BertForSequenceClassification(tiny_config).eval()
    pruned = copy.deepcopy(model)
    pruned.bert.prune_heads({0: [1, 2, 3], 1: [1, 2, 3]})

    masked = model(IDS, None, MASK, head_mask=torch.tensor([1, 0, 0, 0]))

    torch.testing.assert_close(masked, pruned(IDS, None, MASK), atol=1e-6, rtol=1e-5)
    assert (masked - model(IDS, None, MASK)).abs().max() > 0.01


def test_later_arguments_are_packed_unless_each_token_has_a_mask(tiny_config, monkeypatch):
    model, calls = BertForSequenceClassification(tiny_config).eval(), []
    packed_states = with_head.packed_states
    monkeypatch.setattr(with_head, "packed_states", lambda *a: calls.append(1) or packed_states(*a))
    vectors = model.get_input_embeddings()(IDS)
    for given, expected in (
        ({"input_ids": IDS, "position_ids": torch.arange(4)[None]}, 1),
        ({"inputs_embeds": vectors}, 1),
        ({"inputs_embeds": vectors, "attention_mask": MASK}, 1),
        ({"input_ids": IDS, "attention_mask": MASK[:, None].expand(2, 4, 4)}, 0),
    ):
        model(**given)
        assert len(calls) == expected
        calls.clear()


@random_batches
def test_recomputed_layers_are_packed_too(batch, tiny_config, monkeypatch):
    model = BertForSequenceClassification(tiny_config)  # in training, where the rates are 0
    for part in model.modules():
        if isinstance(part, nn.Dropout):
            part.p = 0.0
    runs = []
    packed_layer = layers.packed_layer
    monkeypatch.setattr(layers, "packed_layer", lambda *a: runs.append(1) or packed_layer(*a))
    plain = result_with_gradients(model, *batch)()
    count = len(runs)

    model.gradient_checkpointing = True
    saved = result_with_gradients(model, *batch)()

    assert len(runs) == 3 * count  # once more for the output, and once for the gradients
    for got, want in zip(saved, plain, strict=True):
        assert torch.equal(got, want)


def of_real_tokens(model, batch):
    """A function that returns all outputs at real tokens, and the gradients of their sum."""
    real = batch[2] == 1

    def run():
        model.zero_grad()
        outputs = model(*batch)
        outputs = [each[real] for each in (outputs if isinstance(outputs, tuple) else (outputs,))]
        sum(each.square().sum() for each in outputs).backward()
        gradients = [p.grad.clone() for p in model.parameters() if p.grad is not None]
        return [*(each.detach() for each in outputs), *gradients]

    return run


@random_batches
@pytest.mark.parametrize("model_class", [BertForTokenClassification, BertForQuestionAnswering])
@pytest.mark.parametrize("recompute", [False, True])
def test_padding_is_left_out_on_request(model_class, recompute, batch, tiny_config):
    model = model_class(tiny_config).eval()
    plain = of_real_tokens(model, batch)()
    rows = rows_computed(model)
    model.leave_out_padding, model.gradient_checkpointing = True, recompute

    fast = of_real_tokens(model, batch)()

    assert model.leave_out_padding
    assert set(rows) == {int(batch[2].sum())}
    for got, want in zip(fast, plain, strict=True):
        torch.testing.assert_close(got, want, atol=1e-6, rtol=1e-5)


@random_batches
def test_all_layers_without_padding(batch, tiny_config):
    model = BertModel(tiny_config).eval()
    plain, pooled = model(*batch)
    model.leave_out_padding = True
    states, same_pooled = model(*batch)
    torch.testing.assert_close(same_pooled, pooled, atol=1e-6, rtol=1e-5)
    for got, want in zip(states, plain, strict=True):
        torch.testing.assert_close(got, want * batch[2][..., None], atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("change", CHANGES)
def test_padding_is_computed_if_a_changed_layer_may_need_it(tiny_config, change, monkeypatch):
    model = BertForTokenClassification(tiny_config).eval()
    CHANGES[change](model.bert.encoder)
    model.leave_out_padding = True
    runs = []
    packed_layer = layers.packed_layer
    monkeypatch.setattr(layers, "packed_layer", lambda *a: runs.append(1) or packed_layer(*a))
    with contextlib.suppress(TypeError, NotImplementedError):  # parts that cannot be run
        model(IDS, None, MASK)
    of_a_whole_layer = {"a hook", "a backward hook", "a backward hook before", "a hook before"}
    sees_rows = change in of_a_whole_layer | {"a replaced linear"}
    assert bool(runs) == sees_rows
