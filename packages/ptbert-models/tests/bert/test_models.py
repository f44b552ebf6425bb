import copy
import io
import pickle

import pytest
import torch
from tiny_models import tensors
from torch import nn

import ptbert_models
from ptbert_models import (
    BertForMaskedLM,
    BertForMultipleChoice,
    BertForPreTraining,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertModel,
)

MODELS = [getattr(ptbert_models, name) for name in ptbert_models.__all__ if name.startswith("Bert")]
MODELS = [model for model in MODELS if issubclass(model, nn.Module)]
IDS = torch.tensor([[3, 4, 5, 6], [7, 8, 0, 0]])
MASK = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])


def inputs(model_class):
    if model_class is BertForMultipleChoice:
        return IDS[:, None].expand(2, 2, 4), None, MASK[:, None].expand(2, 2, 4)
    return IDS, None, MASK


@pytest.fixture(params=MODELS, ids=lambda model: model.__name__)
def model(request, tiny_config):
    torch.manual_seed(0)
    return request.param(tiny_config).eval()


def test_there_are_eight_models():
    assert len(MODELS) == 8


def test_attentions_come_first(model, tiny_config):
    with_weights = type(model)(tiny_config, output_attentions=True).eval()
    with_weights.load_state_dict(model.state_dict())

    weights, *outputs = with_weights(*inputs(type(model)))

    texts = 4 if isinstance(model, BertForMultipleChoice) else 2
    assert [w.shape for w in weights] == [(texts, 4, 4, 4)] * 2
    for got, want in zip(tensors(outputs), tensors(model(*inputs(type(model)))), strict=True):
        torch.testing.assert_close(got, want, atol=1e-6, rtol=1e-5)


def test_one_keeps_a_head_and_zero_silences_it(model):
    plain = tensors(model(*inputs(type(model))))
    kept = tensors(model(*inputs(type(model)), head_mask=torch.ones(4)))
    silenced = tensors(model(*inputs(type(model)), head_mask=torch.tensor([1, 0, 1, 1])))

    for got, want in zip(kept, plain, strict=True):
        torch.testing.assert_close(got, want, atol=1e-6, rtol=1e-5)
    assert not torch.allclose(silenced[-1], plain[-1])


def test_copies_and_whole_model_files_are_equal(model):
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)

    for again in (copy.deepcopy(model), torch.load(file, weights_only=False)):
        for got, want in zip(
            tensors(again(*inputs(type(model)))), tensors(model(*inputs(type(model)))), strict=True
        ):
            assert torch.equal(got, want)


def test_whole_model_files_that_are_older_than_attributes_run(model):
    """Pickles of 2019 lack attributes that came later."""
    expected = tensors(model(*inputs(type(model))))
    later = {"output_attentions", "keep_multihead_output", "multihead_output"}
    for module in model.modules():
        for name in later & vars(module).keys():
            delattr(module, name)

    again = pickle.loads(pickle.dumps(model))

    for got, want in zip(tensors(again(*inputs(type(model)))), expected, strict=True):
        assert torch.equal(got, want)
    assert not again.gradient_checkpointing
    assert getattr(again, "bert", again).get_multihead_outputs() == [None, None]


def test_outputs_of_heads_are_kept_on_request_only(model, tiny_config):
    keeping = type(model)(tiny_config, keep_multihead_output=True)
    for each, kept in ((model, False), (keeping, True)):
        each(*inputs(type(model)), head_mask=torch.ones(4))  # runs every layer
        outputs = getattr(each, "bert", each).get_multihead_outputs()
        assert [output is not None for output in outputs] == [kept, kept]


def test_padding_does_not_change_real_tokens(tiny_config):
    model = BertModel(tiny_config).eval()

    layers, pooled = model(IDS, attention_mask=MASK)
    alone, pooled_alone = model(IDS[1:, :2])

    torch.testing.assert_close(layers[-1][1:, :2], alone[-1], atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(pooled[1:], pooled_alone, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("convert", [torch.Tensor.bool, torch.Tensor.byte, torch.Tensor.float])
def test_masks_may_be_of_any_type(tiny_config, convert):
    model = BertModel(tiny_config).eval()
    torch.testing.assert_close(
        model(IDS, attention_mask=convert(MASK))[1], model(IDS, attention_mask=MASK)[1]
    )


def test_half_precision_runs_throughout(tiny_config):
    model = BertModel(tiny_config).to(torch.bfloat16).eval()
    layers, pooled = model(IDS, attention_mask=MASK, head_mask=torch.ones(4))
    assert {pooled.dtype, layers[-1].dtype} == {torch.bfloat16}
    assert pooled.isfinite().all()


def test_each_head_s_output_and_gradient_are_kept(tiny_config):
    model = BertModel(tiny_config, keep_multihead_output=True)

    model(IDS)[1].sum().backward()

    outputs = model.get_multihead_outputs()
    assert [output.shape for output in outputs] == [(2, 4, 4, 4)] * 2
    assert all(output.grad.abs().sum() > 0 for output in outputs)


def test_head_outputs_are_kept_without_gradients_too(tiny_config):
    model = BertModel(tiny_config, output_attentions=True, keep_multihead_output=True)
    assert model.get_multihead_outputs() == [None, None]

    with torch.no_grad():
        model(IDS)

    assert model.get_multihead_outputs()[0].shape == (2, 4, 4, 4)


def test_pruning_is_silencing(tiny_config):
    model = BertModel(tiny_config).eval()
    mask = torch.tensor([[1, 0, 0, 1], [0, 1, 1, 1]])
    silenced = model(IDS, head_mask=mask)[1]

    model.prune_heads({0: [1, 2], 1: [0]})

    torch.testing.assert_close(model(IDS)[1], silenced, atol=1e-6, rtol=1e-5)
    attention = model.encoder.layer[0].attention.self
    assert attention.query.out_features == attention.all_head_size == 8


def test_the_heads_that_stay_are_numbered_anew(tiny_config):
    at_once = BertModel(tiny_config).eval()
    one_by_one = copy.deepcopy(at_once)

    at_once.prune_heads({0: [1, 2]})
    one_by_one.prune_heads({0: [1]})
    one_by_one.prune_heads({0: [1]})

    assert torch.equal(one_by_one(IDS)[1], at_once(IDS)[1])


def test_pre_training_returns_scores_unless_both_labels_are_given(tiny_config):
    model = BertForPreTraining(tiny_config).eval()
    labels = torch.full_like(IDS, -1)
    labels[0, 1] = 9

    scores, relationship = model(IDS, masked_lm_labels=labels)
    loss = model(IDS, masked_lm_labels=labels, next_sentence_label=torch.tensor([0, 1]))

    expected = (
        -scores[0, 1].log_softmax(-1)[9]
        - torch.stack(
            [relationship[0].log_softmax(-1)[0], relationship[1].log_softmax(-1)[1]]
        ).mean()
    )
    torch.testing.assert_close(loss, expected, atol=1e-6, rtol=1e-5)


def test_padding_does_not_count_in_token_classification(tiny_config):
    model = BertForTokenClassification(tiny_config, num_labels=3).eval()
    labels = torch.tensor([[0, 1, 2, 0], [1, 2, 0, 0]])
    other = torch.tensor([[0, 1, 2, 0], [1, 2, 1, 2]])

    assert torch.equal(model(IDS, None, MASK, labels), model(IDS, None, MASK, other))
    assert not torch.equal(model(IDS, None, None, labels), model(IDS, None, None, other))
    twos = MASK.masked_fill(MASK == 0, 2)  # what is not 1 does not count, as in 2019
    assert torch.equal(model(IDS, None, twos, labels), model(IDS, None, twos, other))


def test_labels_and_choices_are_two_unless_said_otherwise(tiny_config):
    assert BertForSequenceClassification(tiny_config).classifier.out_features == 2
    assert BertForTokenClassification(tiny_config).classifier.out_features == 2
    assert BertForMultipleChoice(tiny_config).num_choices == 2


def test_every_number_of_choices_is_scored_by_question(tiny_config):
    model = BertForMultipleChoice(tiny_config).eval()
    ids = torch.arange(1, 25).reshape(3, 4, 2)

    scores = model(ids)

    assert scores.shape == (3, 4)
    alone = [[model(choice[None, None]).item() for choice in question] for question in ids]
    assert scores.tolist() == [pytest.approx(question, abs=1e-6) for question in alone]


def test_spans_are_scored_unless_both_ends_are_given(tiny_config):
    model = BertForQuestionAnswering(tiny_config).eval()
    at = torch.tensor([1, 2])
    for given in ({"start_positions": at}, {"end_positions": at}):
        starts, ends = model(IDS, **given)
        assert starts.shape == ends.shape == (2, 4)
    assert model(IDS, start_positions=at, end_positions=at).shape == ()


def test_the_loss_looks_at_labelled_tokens_only(tiny_config):
    model = BertForMaskedLM(tiny_config).eval()
    labels = torch.tensor([[-1, 4, -1, 2], [-1, -1, -1, -1]])

    loss = model(IDS, None, MASK, labels)

    logits = model(IDS, None, MASK).log_softmax(-1)
    torch.testing.assert_close(loss, -(logits[0, 1, 4] + logits[0, 3, 2]) / 2)


def test_a_seed_gives_the_same_first_values(tiny_config):
    torch.manual_seed(5)
    first = BertForSequenceClassification(tiny_config).state_dict()
    torch.manual_seed(5)
    second = BertForSequenceClassification(tiny_config).state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_other_embeddings_may_take_the_place(tiny_config):
    class Doubled(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, input_ids, token_type_ids=None):
            return self.inner(input_ids, token_type_ids) * 2

    model = BertModel(tiny_config)
    model.embeddings = Doubled(model.embeddings)
    assert model(IDS, attention_mask=MASK)[1].shape == (2, 16)


def test_inputs_that_are_no_tensors_are_named(model):
    ids, *others = inputs(type(model))
    with pytest.raises(TypeError, match="input_ids is of type NoneType; give a tensor"):
        model(None, *others)
    with pytest.raises(TypeError, match="head_mask is of type list; give a tensor"):
        model(ids, *others, head_mask=[1, 0])


@pytest.mark.parametrize("shape", [(2, 5), (3, 4), (1, 2, 4)])
def test_token_types_of_another_batch_are_refused(tiny_config, shape):
    model = BertModel(tiny_config)
    model(IDS, MASK[:1] * 0)  # one row for all texts
    with pytest.raises(ValueError, match=r"token_type_ids has shape \(\d, .* the batch \(2, 4\)"):
        model(IDS, torch.zeros(shape, dtype=torch.long))


def test_texts_that_are_no_whole_questions_are_refused(tiny_config):
    model = BertForMultipleChoice(tiny_config, num_choices=2)
    with pytest.raises(ValueError, match=r"3 texts are no questions of 2 choices each; give input"):
        model(torch.tensor([[3, 4], [5, 6], [7, 8]]))
