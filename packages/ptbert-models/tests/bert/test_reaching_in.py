"""Programs reach into a BERT: what they put there is used, and sees what it saw in 2019."""

import copy
import logging
import types

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ptbert_models import (
    BertConfig,
    BertForMaskedLM,
    BertForMultipleChoice,
    BertForPreTraining,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertModel,
)
from ptbert_models.bert import layers, token_types
from ptbert_models.bert.heads import (
    BertLMPredictionHead,
    BertOnlyMLMHead,
    BertOnlyNSPHead,
    BertPredictionHeadTransform,
    BertPreTrainingHeads,
)

IDS = torch.tensor([[3, 4, 5, 6], [7, 8, 0, 0]])
MASK = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])
MASKS = pytest.mark.parametrize("mask", [MASK, torch.ones(2, 4), None], ids=["some", "all", "none"])


@pytest.fixture
def classifier(tiny_config):
    torch.manual_seed(0)
    return BertForSequenceClassification(tiny_config, 3).eval()


@MASKS
def test_a_hook_on_the_bare_model_fires_once(classifier, mask):
    seen = []
    classifier.bert.register_forward_hook(lambda module, inputs, output: seen.append(output))
    classifier(IDS, None, mask)
    assert [pooled.shape for _, pooled in seen] == [(2, 16)]


@MASKS
def test_hooks_on_leaves_see_whole_batches(classifier, mask):
    shapes = []
    for module in classifier.bert.encoder.modules():
        if isinstance(module, (nn.Linear, nn.Dropout)):
            module.register_forward_hook(lambda _, inputs, __: shapes.append(inputs[0].shape))
    classifier(IDS, None, mask)
    attention = (2, 4, 4, 4)
    assert {tuple(shape) for shape in shapes} == {(2, 4, 16), (2, 4, 24), attention}


@MASKS
def test_a_patched_forward_is_called(classifier, monkeypatch, mask):
    calls = []
    original = BertModel.forward

    def mine(self, *args, **kwargs):
        calls.append(1)
        return original(self, *args, **kwargs)

    classifier.bert.forward = types.MethodType(mine, classifier.bert)
    classifier(IDS, None, mask)
    assert calls == [1]
    del classifier.bert.forward
    monkeypatch.setattr(BertModel, "forward", mine)
    classifier(IDS, None, mask)
    assert calls == [1, 1]


class MeanPooler(nn.Module):
    def forward(self, hidden_states):
        return hidden_states.mean(1)


@MASKS
def test_a_replaced_pooler_gets_all_positions(classifier, mask):
    classifier.bert.pooler = MeanPooler()
    _, pooled = classifier.bert(IDS, None, mask)
    torch.testing.assert_close(classifier(IDS, None, mask), classifier.classifier(pooled))


class Mixing(nn.Module):
    """A head that looks at other positions too."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(16, 30)

    def forward(self, sequence):
        return self.linear(sequence - sequence.mean(-2, keepdim=True))


class MixingWithNext(Mixing):
    def forward(self, sequence, pooled):
        return super().forward(sequence), pooled[:, :2]


@MASKS
@pytest.mark.parametrize(
    ("model_class", "head"), [(BertForMaskedLM, Mixing), (BertForPreTraining, MixingWithNext)]
)
def test_a_replaced_head_gets_all_positions(tiny_config, model_class, head, mask):
    model = model_class(tiny_config).eval()
    model.cls = head()
    labels = torch.tensor([[-1, 5, -1, -1], [7, -1, -1, -1]])
    following = torch.tensor([0, 1])

    scores = model(IDS, None, mask)
    expected = F.cross_entropy(
        (scores[0] if head is MixingWithNext else scores).flatten(0, 1),
        labels.flatten(),
        ignore_index=-1,
    )
    if head is MixingWithNext:
        expected = expected + F.cross_entropy(scores[1], following)
        loss = model(IDS, None, mask, labels, following)
    else:
        loss = model(IDS, None, mask, labels)
    torch.testing.assert_close(loss, expected)


def test_a_hook_on_a_head_sees_all_positions(tiny_config):
    model = BertForMaskedLM(tiny_config).eval()
    shapes = []
    model.cls.register_forward_pre_hook(lambda _, inputs: shapes.append(inputs[0].shape))
    model(IDS, None, MASK, torch.tensor([[-1, 5, -1, -1], [7, -1, -1, -1]]))
    assert shapes == [(2, 4, 16)]


def test_without_layers_the_embeddings_are_pooled(classifier):
    classifier.bert.encoder.layer = nn.ModuleList()
    embedded = classifier.bert.embeddings(IDS)
    expected = classifier.classifier(classifier.bert.pooler(embedded))
    torch.testing.assert_close(classifier(IDS, None, MASK), expected)


def test_one_layer_three_times_is_three_layers(classifier):
    layer = classifier.bert.encoder.layer[0]
    classifier.bert.encoder.layer = nn.ModuleList([layer, layer, layer])
    hidden = classifier.bert.embeddings(IDS)
    bias = (1.0 - MASK[:, None, None, :].float()) * -10000.0
    for _ in range(3):
        hidden = layer(hidden, bias)
    expected = classifier.classifier(classifier.bert.pooler(hidden))
    torch.testing.assert_close(classifier(IDS, None, MASK), expected, atol=1e-5, rtol=1e-4)


def test_embeddings_of_a_programs_own_take_any_input(classifier):
    class Features(nn.Module):
        def forward(self, features, token_type_ids=None):
            return features

    classifier.bert.embeddings = Features()
    features = torch.randn(2, 4, 16)
    hidden = classifier.bert.encoder(features, output_all_encoded_layers=False)[-1]
    expected = classifier.classifier(classifier.bert.pooler(hidden))
    torch.testing.assert_close(classifier(features), expected)


@pytest.mark.parametrize("name", ["word", "position", "token_type"])
def test_a_table_of_a_programs_own_needs_no_number_of_rows(classifier, name):
    table = getattr(classifier.bert.embeddings, f"{name}_embeddings")
    mine = nn.Module()
    mine.weight, mine.forward = table.weight, lambda ids: table.weight[ids]
    expected = classifier(IDS, None, MASK)
    setattr(classifier.bert.embeddings, f"{name}_embeddings", mine)
    torch.testing.assert_close(classifier(IDS, None, MASK), expected, atol=1e-6, rtol=1e-5)


def test_one_row_of_a_mask_is_for_all_texts(classifier):
    row = torch.tensor([[1, 1, 1, 0]])
    torch.testing.assert_close(classifier(IDS, None, row), classifier(IDS, None, row.expand(2, -1)))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m(IDS, None, torch.ones(2, 3)), r"has shape \(2, 3\) and the batch \(2, 4\)"),
        (lambda m: m(IDS, None, torch.ones(2, 1)), r"has shape \(2, 1\) and the batch \(2, 4\)"),
        (lambda m: m(IDS[0]), r"input_ids has shape \(4,\); give one row for each text"),
        (lambda m: m(IDS.float()), "input_ids is of type torch.float32; give integers"),
    ],
)
def test_inputs_of_other_shapes_and_types_are_named(classifier, call, message):
    with pytest.raises(ValueError, match=message):
        call(classifier)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m(IDS.tolist()), "input_ids is of type list; give a tensor"),
        (lambda m: m(IDS.numpy()), "input_ids is of type ndarray; give a tensor"),
        (lambda m: m(IDS, None, MASK.tolist()), "attention_mask is of type list; give a tensor"),
    ],
)
def test_inputs_that_are_no_tensors_are_named(classifier, call, message):
    with pytest.raises(TypeError, match=message):
        call(classifier)


def test_choices_that_are_no_tensors_are_named(tiny_config):
    with pytest.raises(TypeError, match="input_ids is of type list; give a tensor"):
        BertForMultipleChoice(tiny_config)([[[1, 2]]])


@pytest.fixture
def warnings_about_types(caplog):
    token_types.warn_of_types.cache_clear()
    caplog.set_level(logging.WARNING)
    yield lambda: [each for each in caplog.messages if "token_type_ids is 1" in each]
    token_types.warn_of_types.cache_clear()


@pytest.mark.parametrize("model_class", [BertModel, BertForSequenceClassification])
def test_a_mask_in_the_place_of_token_types_is_named_once(
    tiny_config, warnings_about_types, model_class
):
    model = model_class(tiny_config)
    for _ in range(2):
        model(IDS, MASK)
    (message,) = warnings_about_types()
    assert "pass a mask as attention_mask=mask" in message


@pytest.mark.parametrize(
    "types", [torch.zeros_like(IDS), torch.tensor([[0, 0, 1, 1], [0, 1, 0, 0]])]
)
def test_usual_token_types_are_not_taken_for_a_mask(tiny_config, warnings_about_types, types):
    BertModel(tiny_config)(IDS, types)
    BertModel(tiny_config)(IDS, MASK, MASK)
    assert not warnings_about_types()


@pytest.mark.parametrize(
    "config_class",
    [types.SimpleNamespace, type("Mine", (dict,), {"__getattr__": dict.__getitem__})],
)
def test_parts_read_attributes_of_any_configuration(config_class):
    config = config_class(
        vocab_size=30,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=24,
        hidden_act="gelu",
        hidden_dropout_prob=0.1,
        attention_probs_dropout_prob=0.1,
        max_position_embeddings=12,
        type_vocab_size=2,
    )
    hidden, bias = torch.randn(2, 4, 16), torch.zeros(2, 1, 1, 4)
    embeddings = layers.BertEmbeddings(config)
    shared = embeddings.word_embeddings.weight

    assert embeddings(IDS).shape == hidden.shape
    assert layers.BertEncoder(config)(hidden, bias)[-1].shape == hidden.shape
    assert layers.BertPooler(config)(hidden).shape == (2, 16)
    assert BertPredictionHeadTransform(config)(hidden).shape == hidden.shape
    assert BertLMPredictionHead(config, shared)(hidden).shape == (2, 4, 30)
    assert BertOnlyMLMHead(config, shared)(hidden).shape == (2, 4, 30)
    assert BertOnlyNSPHead(config)(hidden[:, 0]).shape == (2, 2)
    assert BertPreTrainingHeads(config, shared)(hidden, hidden[:, 0])[1].shape == (2, 2)
    assert layers.BertLayer(config).output.LayerNorm.variance_epsilon == 1e-12


@pytest.mark.parametrize("labels", [None, torch.tensor([0, 1])])
def test_forward_may_be_called_with_another_object(classifier, labels):
    """A wrapper needs the attributes that the class had in 2019, and nothing else."""
    wrapper = types.SimpleNamespace(
        bert=classifier.bert, dropout=nn.Identity(), classifier=classifier.classifier, num_labels=3
    )
    got = BertForSequenceClassification.forward(wrapper, IDS, None, MASK, labels)
    torch.testing.assert_close(got, classifier(IDS, None, MASK, labels))


def test_forward_of_the_bare_model_may_be_called_with_another_object(classifier):
    bert = classifier.bert
    wrapper = types.SimpleNamespace(
        embeddings=bert.embeddings, encoder=bert.encoder, pooler=bert.pooler, config=bert.config
    )
    _, pooled = BertModel.forward(wrapper, IDS, None, MASK)
    torch.testing.assert_close(pooled, bert(IDS, None, MASK)[1])


def test_kept_outputs_of_heads_do_not_keep_a_model_from_being_copied(tiny_config):
    model = BertModel(tiny_config, keep_multihead_output=True)
    model(IDS)[1].sum().backward()
    copied = copy.deepcopy(model)
    assert copied.get_multihead_outputs() == [None, None]
    assert all(output.grad is not None for output in model.get_multihead_outputs())
    copied(IDS)[1].sum().backward()
    assert all(output.grad is not None for output in copied.get_multihead_outputs())


def test_labels_may_be_parts_of_larger_tensors_and_of_either_convention(tiny_config):
    labels = torch.full((2, 9), -100)
    labels[0, 1], labels[1, 0] = 1, -1
    model = BertForTokenClassification(tiny_config, 3).eval()
    scores = model(IDS, None, MASK)

    loss = model(IDS, None, MASK, labels[:, :4])

    torch.testing.assert_close(loss, F.cross_entropy(scores[0, 1:2], torch.tensor([1])))
    assert BertForMaskedLM(tiny_config)(IDS, None, MASK, labels[:, :4]).isfinite()


def test_every_text_has_positions_of_its_own(classifier):
    """Gradients of single texts need that: libraries for private training look for the batch."""
    shapes = []
    table = classifier.bert.embeddings.position_embeddings
    table.register_forward_pre_hook(lambda _, inputs: shapes.append(inputs[0].shape))
    classifier(IDS, None, MASK)
    assert shapes == [(2, 4)]


@pytest.mark.parametrize("model_class", [BertForMaskedLM, BertForPreTraining])
def test_head_and_embeddings_stay_one(tiny_config, model_class):
    model = model_class(tiny_config)
    state = {name: each.clone() for name, each in model.state_dict().items()}

    def is_tied(model):
        return model.cls.predictions.decoder.weight is model.bert.embeddings.word_embeddings.weight

    model.load_state_dict(state, assign=True)
    assert is_tied(model)
    with torch.device("meta"):
        empty = model_class(tiny_config)
    empty.to_empty(device="cpu").load_state_dict(state)
    assert is_tied(empty)
    model.cls.predictions.decoder.weight = nn.Parameter(torch.zeros(30, 16))
    model.double()
    assert not is_tied(model)
    model.tie_weights()
    assert is_tied(model)
    BertModel(BertConfig(9, hidden_size=4, num_attention_heads=1)).tie_weights()
