"""Padding that is left out on request: what counts more than the request, and what it changes."""

import pytest
import torch

from ptbert_models import (
    BertForMaskedLM,
    BertForPreTraining,
    BertForTokenClassification,
    BertModel,
)
from ptbert_models.bert import layers

IDS = torch.tensor([[3, 4, 5, 6], [7, 8, 0, 0]])
MASK = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])


@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8])
@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("watched", [False, True])
@pytest.mark.parametrize("model_class", [BertForMaskedLM, BertForPreTraining])
def test_labels_of_padding_do_not_count_if_it_is_left_out_on_request(
    model_class, watched, flat, dtype, tiny_config
):
    torch.manual_seed(0)
    model = model_class(tiny_config).eval()
    ids, mask = (
        torch.randint(1, 30, (3, 7)),
        torch.tensor([[1] * 7, [1] * 4 + [0] * 3, [1] + [0] * 6]),
    )
    more = (
        {} if model_class is BertForMaskedLM else {"next_sentence_label": torch.tensor([0, 1, 0])}
    )
    if watched:
        model.cls.register_forward_hook(lambda *_: None)

    def loss(labels):
        return model(ids, None, mask, masked_lm_labels=labels, **more)

    want = loss(ids.masked_fill(mask == 0, -1))
    assert not torch.isclose(loss(ids), want)
    model.leave_out_padding = True
    labels = ids.to(dtype).flatten() if flat else ids.to(dtype)
    torch.testing.assert_close(loss(labels), want)


def test_a_batch_without_texts_has_no_states(tiny_config):
    model = BertModel(tiny_config).eval()
    model.leave_out_padding = True
    empty = torch.zeros(0, 7, dtype=torch.long)
    layers_, pooled = model(empty, None, empty)
    assert [each.shape[:2] for each in layers_] == [(0, 7)] * tiny_config.num_hidden_layers
    assert len(pooled) == 0


@pytest.mark.parametrize(
    "given",
    [
        {"attention_mask": MASK, "head_mask": torch.tensor([1, 1, 0, 1])},
        {"attention_mask": MASK * 2},
        {"attention_mask": MASK[:, None].expand(2, 4, 4)},
    ],
)
def test_other_requests_count_more(tiny_config, given):
    model = BertForTokenClassification(tiny_config).eval()
    want = model(IDS, **given)
    model.leave_out_padding = True
    assert torch.equal(model(IDS, **given), want)


@pytest.mark.parametrize("pools", [True, False])
def test_a_pooler_reads_no_zeros_where_a_text_begins_with_padding(tiny_config, pools):
    model = BertModel(tiny_config, add_pooling_layer=pools).eval()
    mask = torch.ones_like(IDS)
    mask[0, :2] = 0
    states, pooled = model(IDS, None, mask, output_all_encoded_layers=False)
    model.leave_out_padding = True
    same_states, same_pooled = model(IDS, None, mask, output_all_encoded_layers=False)
    if pools:
        torch.testing.assert_close(same_pooled, pooled)
    torch.testing.assert_close(same_states[mask == 1], states[mask == 1], atol=1e-6, rtol=1e-5)
    assert bool((same_states[mask == 0] == 0).all()) is not pools


class Doubled(layers.BertEncoder):
    """An encoder of a program, with other results."""

    def forward(self, *args, **kwargs):
        return [2 * states for states in super().forward(*args, **kwargs)]


ENCODERS = {
    "a hook": lambda encoder: encoder.register_forward_hook(
        lambda module, args, states: [2 * each for each in states]
    ),
    "a class": lambda encoder: setattr(encoder, "__class__", Doubled),
}


@pytest.mark.parametrize("change", ENCODERS)
def test_a_changed_encoder_is_called_though_padding_was_to_be_left_out(tiny_config, change):
    model = BertModel(tiny_config).eval()
    ENCODERS[change](model.encoder)
    (*_, want), pooled = model(IDS, None, MASK)
    model.leave_out_padding = True
    (*_, got), same_pooled = model(IDS, None, MASK)
    assert torch.equal(got, want)
    assert torch.equal(same_pooled, pooled)
