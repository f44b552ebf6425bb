"""The number of labels and of choices is part of a folder."""

import json
from pathlib import Path

import pytest
import torch

from ptbert_models import (
    BertConfig,
    BertForMaskedLM,
    BertForMultipleChoice,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertModel,
    ShapeMismatch,
)

VALUES = {
    "vocab_size": 30,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 8,
}


def round_trip(model, folder):
    model.save_pretrained(folder)
    return type(model).from_pretrained(folder)


def test_a_folder_says_what_it_holds_now(tmp_path):
    """Not what the file said that the model was made from."""
    changes = {"architectures": ["BertForPreTraining"], "id2label": {"0": "a", "1": "b"}}
    model = BertForSequenceClassification(BertConfig.from_dict(VALUES | changes), num_labels=3)

    model.save_pretrained(tmp_path)

    values = json.loads((tmp_path / "config.json").read_text())
    assert values["architectures"] == ["BertForSequenceClassification"]
    assert values["num_labels"] == 3
    assert "id2label" not in values


@pytest.mark.parametrize("model_class", [BertForSequenceClassification, BertForTokenClassification])
def test_the_number_of_labels_is_kept(model_class, tmp_path):
    model = model_class(BertConfig.from_dict(VALUES), num_labels=3)
    again = round_trip(model, tmp_path)
    assert again.num_labels == 3
    assert torch.equal(again.classifier.weight, model.classifier.weight)
    assert model_class.from_pretrained(tmp_path, 3).num_labels == 3
    with pytest.raises(ShapeMismatch, match="The checkpoint needs num_labels=3"):
        model_class.from_pretrained(tmp_path, num_labels=4)


def test_the_number_of_labels_of_a_tensorflow_checkpoint_is_kept(tmp_path):
    source = Path(__file__).parents[1] / "data" / "tensorflow" / "bert_classifier" / "open"
    model = BertForSequenceClassification.from_pretrained(source, from_tf=True, num_labels=3)
    again = round_trip(model, tmp_path)
    assert again.num_labels == 3
    assert torch.equal(again.classifier.weight, model.classifier.weight)


def test_names_of_labels_are_their_number(tmp_path):
    model = BertForSequenceClassification(BertConfig.from_dict(VALUES), num_labels=3)
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    names = {"id2label": {"0": "a", "1": "b", "2": "c"}, "label2id": {"a": 0, "b": 1, "c": 2}}
    (tmp_path / "config.json").write_text(json.dumps(VALUES | names))

    again = BertForSequenceClassification.from_pretrained(tmp_path)

    assert again.num_labels == 3
    assert round_trip(again, tmp_path).config.id2label == names["id2label"]


def test_labels_that_contradict_each_other_are_refused(tmp_path):
    contradiction = {"id2label": {"0": "a", "1": "b", "2": "c"}, "num_labels": 2}
    (tmp_path / "config.json").write_text(json.dumps(VALUES | contradiction))
    state = BertModel(BertConfig.from_dict(VALUES)).state_dict()
    with pytest.raises(ValueError, match="num_labels=2 contradicts id2label, which has 3 labels"):
        BertForSequenceClassification.from_pretrained(tmp_path, state_dict=state)
    model = BertForSequenceClassification.from_pretrained(tmp_path, state_dict=state, num_labels=2)
    assert model.num_labels == 2


def test_a_file_of_2019_says_how_many_labels_it_needs(tmp_path):
    torch.save(
        BertForSequenceClassification(BertConfig.from_dict(VALUES), num_labels=3).state_dict(),
        tmp_path / "pytorch_model.bin",
    )
    (tmp_path / "config.json").write_text(json.dumps(VALUES))
    with pytest.raises(ShapeMismatch, match=r"\. The checkpoint needs num_labels=3$"):
        BertForSequenceClassification.from_pretrained(tmp_path)


def test_the_number_of_choices_is_kept(tmp_path):
    model = BertForMultipleChoice(BertConfig.from_dict(VALUES), num_choices=4)
    assert round_trip(model, tmp_path).num_choices == 4


@pytest.mark.parametrize("model_class", [BertForMaskedLM, BertForTokenClassification])
def test_labels_of_tokens_may_be_in_one_row_as_in_2019(model_class):
    model = model_class(BertConfig.from_dict(VALUES)).eval()
    ids, labels = torch.tensor([[3, 4, 5], [6, 7, 0]]), torch.tensor([[-1, 1, 0], [1, -1, -1]])
    scores = model(ids, None, ids > 0)
    expected = torch.nn.functional.cross_entropy(
        scores.flatten(0, 1), labels.flatten(), ignore_index=-1
    )
    torch.testing.assert_close(model(ids, None, ids > 0, labels.flatten()), expected)
    with pytest.raises(ValueError, match=r"labels has shape \(3, 2\), where \(2, 3\) is needed"):
        model(ids, None, ids > 0, labels.T)
