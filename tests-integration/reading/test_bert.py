import bert
import pytest
import torch
import torch.nn.functional as F

from ptbert_models import BertConfig, BertForMaskedLM, BertModel

CONFIG = BertConfig(
    30,
    hidden_size=16,
    num_hidden_layers=3,
    num_attention_heads=4,
    intermediate_size=64,
    max_position_embeddings=12,
)
SIZES = {"vocabulary": 30, "width": 16, "layers": 3, "heads": 4, "longest": 12}


@pytest.fixture
def inputs(random_ids):
    """Three texts, the second padded and the third nothing but padding, with segments."""
    lengths = torch.tensor([[12], [5], [0]])
    real = (torch.arange(12) < lengths).long()
    return random_ids(30, 3, 12), random_ids(2, 3, 12), real


def assert_equal(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


def test_every_layer_and_the_pooled_token_are_those_of_the_real_model(same_weights, inputs):
    real, page = same_weights(BertModel(CONFIG), bert.Bert(**SIZES))

    layers, pooled = page(*inputs)

    expected_layers, expected_pooled = real(*inputs)
    assert_equal(layers, expected_layers)
    assert_equal(pooled, expected_pooled)


def test_scores_are_those_of_the_real_model(same_weights, inputs):
    page = bert.MaskedLanguageModel(bert.Bert(**SIZES))
    real, page = same_weights(BertForMaskedLM(CONFIG), page)

    assert_equal(page(*inputs), real(*inputs))


def test_cross_entropy_at_hidden_places_is_the_loss_of_the_real_model(same_weights, inputs):
    page = bert.MaskedLanguageModel(bert.Bert(**SIZES))
    real, page = same_weights(BertForMaskedLM(CONFIG), page)
    ids, segments, is_real = inputs
    hidden = torch.zeros_like(ids, dtype=torch.bool)
    hidden[0, [2, 7]] = hidden[1, 3] = True

    loss = F.cross_entropy(page(*inputs)[hidden], ids[hidden])

    labels = ids.where(hidden, -1)
    assert_equal(loss, real(ids, segments, is_real, masked_lm_labels=labels))


def test_padding_changes_no_vector_of_a_token(same_weights, inputs):
    _, page = same_weights(BertModel(CONFIG), bert.Bert(**SIZES))
    ids, segments, _ = inputs

    padded, _ = page(*inputs)
    alone, _ = page(ids[1:2, :5], segments[1:2, :5], torch.ones(1, 5))

    assert_equal(padded[-1][1:2, :5], alone[-1])


def test_the_published_sizes_are_those_of_the_docstring():
    with torch.device("meta"):
        page = bert.MaskedLanguageModel(bert.Bert(30522, 768, 12, 12, 512))
        real = BertForMaskedLM(BertConfig(30522))

    shapes = {name: weight.shape for name, weight in page.state_dict().items()}
    assert shapes == {name: weight.shape for name, weight in real.state_dict().items()}
    assert page.bert.embeddings.word_embeddings.weight.numel() == pytest.approx(23e6, rel=0.02)
