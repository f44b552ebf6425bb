"""Labels choose the loss, and those that no model can have are named."""

import math

import pytest
import torch
from tiny_models import call, tiny
from torch.nn import functional as F

from ptbert_models import (
    BertForMaskedLM,
    BertForNextSentencePrediction,
    BertForPreTraining,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertModel,
    GPT2DoubleHeadsModel,
    GPT2LMHeadModel,
)

IDS = torch.tensor([[3, 4, 5, 6], [7, 8, 9, 2]])


def made(model_class, **arguments):
    return tiny(model_class, **arguments).eval()


class TestProblems:
    """Expected values are the formulas of the losses."""

    def made(self, labels, kind=None):
        model = made(BertForSequenceClassification, num_labels=labels)
        model.config.problem_type = kind
        return model

    @pytest.mark.parametrize("kind", [None, "regression"])
    @pytest.mark.parametrize("shape", [(2,), (2, 1)])
    def test_one_number_for_each_text(self, kind, shape):
        model, wanted = self.made(1, kind), torch.tensor([0.5, -2.0])
        scores = model(IDS)[:, 0]
        expected = ((scores - wanted) ** 2).mean()
        torch.testing.assert_close(model(IDS, labels=wanted.view(shape)), expected)

    def test_integers_are_numbers_where_the_configuration_says_so(self):
        model = self.made(1, "regression")
        expected = ((model(IDS)[:, 0] - torch.tensor([3.0, 1.0])) ** 2).mean()
        torch.testing.assert_close(model(IDS, labels=torch.tensor([3, 1])), expected)

    def test_one_label_is_a_class_as_in_2019_where_it_is_an_integer(self):
        assert self.made(1)(IDS, labels=torch.tensor([0, 0])) == 0

    def test_several_numbers_for_each_text(self):
        model, wanted = self.made(3, "regression"), torch.arange(6.0).view(2, 3)
        expected = ((model(IDS) - wanted) ** 2).mean()
        torch.testing.assert_close(model(IDS, labels=wanted), expected)

    @pytest.mark.parametrize("kind", [None, "multi_label_classification"])
    def test_several_labels_for_each_text(self, kind):
        model, wanted = self.made(3, kind), torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
        scores = model(IDS)
        right = torch.where(wanted == 1, scores.sigmoid(), 1 - scores.sigmoid())
        torch.testing.assert_close(model(IDS, labels=wanted), -right.log().mean())

    def test_several_labels_may_be_integers_where_the_configuration_says_so(self):
        model, wanted = self.made(3, "multi_label_classification"), torch.tensor([[1, 0, 1]] * 2)
        torch.testing.assert_close(model(IDS, labels=wanted), model(IDS, labels=wanted.float()))

    @pytest.mark.parametrize("kind", [None, "single_label_classification"])
    def test_one_of_several_labels(self, kind):
        model, wanted = self.made(3, kind), torch.tensor([2, 0])
        expected = F.cross_entropy(model(IDS), wanted)
        torch.testing.assert_close(model(IDS, labels=wanted), expected)

    @pytest.mark.parametrize(
        ("labels", "kind", "shape"),
        [(3, None, (2,)), (3, "multi_label_classification", (2, 1)), (3, "regression", (2,))],
    )
    def test_labels_of_another_shape_are_refused(self, labels, kind, shape):
        with pytest.raises(
            ValueError, match=r"labels has shape .*, where \(2, 3\) is needed for '"
        ):
            self.made(labels, kind)(IDS, labels=torch.zeros(shape))

    @pytest.mark.parametrize("wrong", [2.0, -1.0, -100.0, math.nan])
    def test_several_labels_are_numbers_from_0_to_1(self, wrong):
        labels = torch.tensor([[1.0, 0.5, 0.0], [0.0, wrong, 1.0]])
        with pytest.raises(ValueError, match=f"labels holds {wrong}, where problem_type is 'multi"):
            self.made(3)(IDS, labels=labels)

    def test_integers_are_needed_for_one_of_several_labels(self):
        with pytest.raises(
            ValueError, match=r"labels is of type torch.float32, and classes are int"
        ):
            self.made(3, "single_label_classification")(IDS, labels=torch.zeros(2))

    def test_an_unknown_kind_is_refused_when_a_model_is_made(self):
        config = made(BertModel).config
        config.problem_type = "ranking"
        with pytest.raises(ValueError, match="problem_type='ranking' is unknown; choose one of"):
            BertForSequenceClassification(config)

    def test_the_kind_is_saved(self, tmp_path):
        self.made(1, "regression").save_pretrained(tmp_path)
        again = BertForSequenceClassification.from_pretrained(tmp_path)
        assert again.config.problem_type == "regression"
        assert again.num_labels == 1


class TestLabels:
    def test_the_configuration_says_how_many(self):
        config = made(BertModel).config
        assert BertForSequenceClassification(config).num_labels == 2
        config.id2label = {"0": "a", "1": "b", "2": "c"}
        assert BertForTokenClassification(config).num_labels == 3
        assert BertForTokenClassification(config, 2).num_labels == 2
        config.id2label, config.num_labels = None, 5
        assert BertForSequenceClassification(config).classifier.out_features == 5

    @pytest.mark.parametrize("wrong", [3, -7])
    @pytest.mark.parametrize(
        ("model_class", "name", "number"),
        [
            (BertForSequenceClassification, "labels", 3),
            (BertForTokenClassification, "labels", 3),
            (BertForMaskedLM, "masked_lm_labels", 30),
            (BertForNextSentencePrediction, "next_sentence_label", 2),
            (GPT2LMHeadModel, "lm_labels", 30),
        ],
    )
    def test_a_label_that_does_not_exist_is_named(self, model_class, name, number, wrong):
        more = {"num_labels": 3} if name == "labels" else {}
        labels = torch.zeros_like(IDS)
        if name == "next_sentence_label" or model_class is BertForSequenceClassification:
            labels = labels[:, 0].clone()
        labels.view(-1)[-1] = wrong * (10 if number == 30 else 1)
        holds = wrong * (10 if number == 30 else 1)
        with pytest.raises(ValueError, match=f"^{name} holds {holds}, and there are {number} sco"):
            made(model_class, **more)(IDS, **{name: labels})

    def test_a_choice_that_does_not_exist_is_named(self):
        with pytest.raises(ValueError, match=r"^mc_labels holds 2, and there are 1 scores"):
            made(GPT2DoubleHeadsModel)(
                IDS[:, None], torch.ones(2, 1, dtype=torch.long), mc_labels=torch.tensor([0, 2])
            )


def compiled(model):
    torch.compiler.reset()
    return torch.compile(model, backend="eager")


@torch.no_grad()
def message_of(model_class, name, change):
    """The message about a changed argument, which is the same for a compiled model."""
    model, given = tiny(model_class), call(model_class)
    given[name] = change(given[name])
    with pytest.raises((TypeError, ValueError)) as error:
        model(**given)
    with pytest.raises(error.type) as again:
        compiled(model)(**given)
    assert str(again.value) == str(error.value)
    return str(error.value)


class TestCompiled:
    """Types and shapes are known while a model is compiled, so they are checked then, too."""

    @pytest.mark.parametrize(
        ("model_class", "name"),
        [
            (BertForMaskedLM, "masked_lm_labels"),
            (BertForPreTraining, "masked_lm_labels"),
            (BertForQuestionAnswering, "end_positions"),
            (GPT2DoubleHeadsModel, "lm_labels"),
            (GPT2DoubleHeadsModel, "mc_labels"),
            (GPT2DoubleHeadsModel, "mc_token_ids"),
        ],
    )
    def test_labels_that_are_no_integers_are_the_same_error(self, model_class, name):
        message = message_of(model_class, name, lambda labels: labels > 0)
        assert message.startswith(f"{name} is of type torch.bool")

    @pytest.mark.parametrize(
        ("model_class", "name"),
        [
            (BertForMaskedLM, "masked_lm_labels"),
            (BertForPreTraining, "masked_lm_labels"),
            (GPT2LMHeadModel, "lm_labels"),
        ],
    )
    def test_labels_in_another_order_are_the_same_error(self, model_class, name):
        message = message_of(model_class, name, torch.t)
        assert (
            message == f"{name} has shape (5, 3), where (3, 5) is needed; give one label for each"
        )

    def test_there_is_one_position_for_each_choice(self):
        head, states = tiny(GPT2DoubleHeadsModel).multiple_choice_head, torch.zeros(2, 3, 5, 8)
        message = r"mc_token_ids has shape \(2, 1\) and the choices \(2, 3\); give one position"
        for each in (head, compiled(head)):
            with torch.no_grad(), pytest.raises(ValueError, match=message):
                each(states, torch.zeros(2, 1, dtype=torch.long))

    @pytest.mark.parametrize("changed", [torch.flatten, lambda labels: labels.clamp(0).byte()])
    def test_what_is_allowed_gives_the_same_loss(self, changed):
        model, given = tiny(GPT2LMHeadModel), call(GPT2LMHeadModel)
        given["lm_labels"] = changed(given["lm_labels"])
        torch.testing.assert_close(compiled(model)(**given), model(**given))


def test_labels_of_8_bits_are_left_out_at_padding():
    model, given = tiny(BertForTokenClassification), call(BertForTokenClassification)
    expected = model(**given)
    given["labels"] = given["labels"].byte()
    assert model(**given) == expected
