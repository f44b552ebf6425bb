"""What a training begins with."""

import pytest
import torch

import ptbert.training.preparation
from ptbert import BertConfig, BertForSequenceClassification, BertForTokenClassification
from ptbert.training import train
from ptbert.training.preparation import learning_rate_of
from ptbert_models.bert import layers
from ptbert_models.errors import ShapeMismatch


@pytest.fixture
def short(settings):
    """A step that changes nothing, so that the result shows what the training began with."""
    return settings.replaced(epochs=1, validation="", batch_size=24, learning_rate=1e-30)


def give_a_head(model_folder, labels):
    """Make the model a classifier of some labels, and return its head."""
    model = BertForSequenceClassification.from_pretrained(model_folder, num_labels=len(labels))
    model.config.id2label = {str(number): label for number, label in enumerate(labels)}
    model.config.label2id = {label: number for number, label in enumerate(labels)}
    torch.nn.init.normal_(model.classifier.weight)
    model.save_pretrained(model_folder)
    return model.classifier.weight


def result(settings):
    train(settings)
    return BertForSequenceClassification.from_pretrained(settings.output)


@pytest.mark.parametrize(("width", "rate"), [(768, 5e-5), (384, 1e-4), (1024, 3.75e-5)])
def test_the_learning_rate_fits_the_width_unless_it_is_set(settings, width, rate):
    config = BertConfig(10, width, 1, num_attention_heads=4, intermediate_size=1)
    model = BertForSequenceClassification(config, 2)
    assert learning_rate_of(settings.replaced(learning_rate=0.0), model) == pytest.approx(rate)
    assert learning_rate_of(settings.replaced(learning_rate=0.3), model) == 0.3


def test_a_classifier_of_the_same_labels_keeps_its_head_and_their_order(
    short, model_folder, caplog
):
    head = give_a_head(model_folder, ["thing", "animal"])
    model = result(short)
    assert model.config.id2label == {"0": "thing", "1": "animal"}
    torch.testing.assert_close(model.classifier.weight, head, atol=1e-6, rtol=0)
    assert "begins anew" not in caplog.text


def test_a_head_of_other_labels_begins_anew(short, model_folder, caplog):
    head = give_a_head(model_folder, ["good", "bad"])
    model = result(short)
    assert model.config.id2label == {"0": "animal", "1": "thing"}
    assert (model.classifier.weight - head).abs().max() > 0.1
    assert model.classifier.weight.std() < 0.1
    message = (
        "are good, bad, and those of the data are animal, thing, so the classifier begins anew"
    )
    assert caplog.text.count(message) == 1


@pytest.mark.parametrize("number", [1, 3])
def test_a_head_of_another_number_of_labels_begins_anew(short, model_folder, caplog, number):
    give_a_head(model_folder, ["good", "bad", "animal"][:number])
    model = result(short)
    assert model.classifier.weight.shape == (2, 16)
    assert model.config.id2label == {"0": "animal", "1": "thing"}
    assert caplog.text.count("has weights of other shapes than the checkpoint") == 1


def test_numbers_are_learned_with_a_head_of_labels_that_begins_anew(short, model_folder, tmp_path):
    give_a_head(model_folder, ["good", "bad", "ugly"])
    (tmp_path / "numbers.csv").write_text("text,label\na cat,1.5\na key,2.5\n")
    model = result(short.replaced(data=str(tmp_path / "numbers.csv"), regression=True))
    assert model.classifier.weight.shape == (1, 16)


def test_other_weights_of_another_shape_are_an_error_as_ever(short, model_folder):
    give_a_head(model_folder, ["good", "bad", "ugly"])
    config = BertConfig(str(model_folder / "config.json"))
    config.intermediate_size = 8
    config.to_json_file(model_folder / "config.json")
    with pytest.raises(ShapeMismatch, match="intermediate"):
        train(short)


@pytest.fixture
def conll(tmp_path):
    path = tmp_path / "train.conll"
    path.write_text("a O\ncat B-X\n.\tO\n\nwhere O\nis O\na O\nkey B-X\n? O\n".replace("\t", " "))
    return path


@pytest.mark.parametrize(
    "change",
    [{}, {"gradient_checkpointing": True}, {"precision": "bfloat16"}, {"precision": "float16"}],
)
@pytest.mark.parametrize("task", ["classify", "tag"])
def test_no_padding_is_computed(short, conll, task, change, monkeypatch):
    """Every layer gets the real tokens alone; the last one of a classifier ends at first tokens."""
    if task == "tag":
        short = short.replaced(task="tag", data=str(conll))
    monkeypatch.setattr(layers, "attend", None)  # of layers that compute padding
    rows = []
    packed_layer = layers.packed_layer

    def counted(layer, states, packing):
        rows.append(len(states))
        return packed_layer(layer, states, packing)

    monkeypatch.setattr(layers, "packed_layer", counted)
    tokens = []
    real = ptbert.training.loop.Monitor.step
    monkeypatch.setattr(
        ptbert.training.loop.Monitor,
        "step",
        lambda *a, **k: tokens.append(k["tokens"]) or real(*a, **k),
    )

    train(short.replaced(**change))

    again = 2 if "gradient_checkpointing" in change else 1
    assert len(tokens) == 1
    assert rows == tokens * again
    assert BertForTokenClassification.from_pretrained(short.output).config.num_hidden_layers == 1
