"""Checkpoints of BERT's TensorFlow code give the outputs of that code."""

import logging
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from ptbert_models import (
    BertConfig,
    BertForMaskedLM,
    BertForMultipleChoice,
    BertForPreTraining,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertModel,
    ShapeMismatch,
    load_tf_weights_in_bert,
)

DATA = Path(__file__).parents[1] / "data" / "tensorflow"
PRE_TRAINING = DATA / "bert" / "open"
CLASSIFIER = DATA / "bert_classifier" / "open"
SQUAD = DATA / "bert_squad" / "open"


def recorded(path):
    with np.load(path) as arrays:
        return {name: torch.from_numpy(arrays[name]) for name in arrays.files}


def close(got, want):
    torch.testing.assert_close(got, want, atol=1e-5, rtol=1e-4)


def encode(model, io):
    ids, segments, mask = (io[name].long() for name in ("input_ids", "segment_ids", "input_mask"))
    with torch.no_grad():
        return model.eval()(ids, segments, mask)


@pytest.mark.parametrize("activation", ["erf", "tanh"])
@pytest.mark.parametrize("variant", ["", "v1", "v1_sharded", "v2_sharded"])
def test_all_layers_and_heads_of_pre_training(tmp_path, variant, activation):
    shutil.copytree(PRE_TRAINING / variant, tmp_path / "checkpoint", dirs_exist_ok=True)
    config = BertConfig.from_json_file(PRE_TRAINING / "bert_config.json")
    config.hidden_act = "gelu" if activation == "erf" else "gelu_tanh"
    config.to_json_file(tmp_path / "checkpoint" / "bert_config.json")
    io = recorded(PRE_TRAINING / f"io_gelu_{activation}.npz")

    model = BertForPreTraining.from_pretrained(tmp_path / "checkpoint", from_tf=True)

    layers, pooled = encode(model.bert, io)
    for index, layer in enumerate(layers):
        close(layer, io[f"encoder_layer_{index}"])
    close(pooled, io["pooled_output"])
    scores, relationship = encode(model, io)
    masked = scores.log_softmax(-1).gather(
        1, io["masked_lm_positions"].long()[..., None].expand(-1, -1, scores.size(-1))
    )
    close(masked.flatten(0, 1), io["masked_lm_log_probs"])
    close(relationship.log_softmax(-1), io["next_sentence_log_probs"])


def test_gradients_are_those_of_tensorflow():
    """The loss of TensorFlow's own code: a weighted mean over masked tokens plus the other task."""
    model = BertForPreTraining.from_pretrained(PRE_TRAINING, from_tf=True).eval()
    io = recorded(PRE_TRAINING / "io_gelu_erf.npz")
    expected = recorded(PRE_TRAINING / "grads_gelu_erf.npz")

    ids, segments, mask = (io[name].long() for name in ("input_ids", "segment_ids", "input_mask"))
    scores, relationship = model(ids, segments, mask)
    positions = io["masked_lm_positions"].long()[..., None].expand(-1, -1, scores.size(-1))
    log_probs = scores.log_softmax(-1).gather(1, positions)
    losses = -log_probs.gather(-1, io["masked_lm_ids"].long()[..., None])[..., 0]
    weights = io["masked_lm_weights"]
    loss = (losses * weights).sum() / (weights.sum() + 1e-5)
    loss = loss + torch.nn.functional.cross_entropy(
        relationship, io["next_sentence_labels"].long()[:, 0]
    )
    loss.backward()

    close(loss, io["total_loss"].view(()))
    layer = model.bert.encoder.layer[1]
    close(
        layer.attention.self.query.weight.grad.T,
        expected["grad/bert/encoder/layer_1/attention/self/query/kernel"],
    )
    close(
        model.cls.predictions.transform.LayerNorm.weight.grad,
        expected["grad/cls/predictions/transform/LayerNorm/gamma"],
    )


def test_classifier():
    io = recorded(CLASSIFIER / "io.npz")
    model = BertForSequenceClassification.from_pretrained(CLASSIFIER, num_labels=3, from_tf=True)

    close(encode(model, io), io["logits"])


def test_spans():
    io = recorded(SQUAD / "io.npz")
    model = BertForQuestionAnswering.from_pretrained(SQUAD, from_tf=True)

    starts, ends = encode(model, io)
    close(starts, io["start_logits"])
    close(ends, io["end_logits"])


@pytest.mark.parametrize(
    ("model_class", "folder", "prefix"),
    [
        (BertModel, PRE_TRAINING, ""),
        (BertModel, CLASSIFIER, ""),
        (BertForMaskedLM, SQUAD, "bert."),
        (BertForMultipleChoice, PRE_TRAINING, "bert."),
        (BertForTokenClassification, SQUAD, "bert."),
    ],
)
def test_any_checkpoint_fits_any_model(model_class, folder, prefix, caplog):
    caplog.set_level(logging.INFO)
    config = BertConfig.from_json_file(folder / "bert_config.json")

    model = load_tf_weights_in_bert(model_class(config), folder)

    reference = BertModel.from_pretrained(folder, from_tf=True).state_dict()
    for key, tensor in reference.items():
        assert torch.equal(model.state_dict()[prefix + key], tensor)
    missing = [r.getMessage() for r in caplog.records if "newly initialised" in r.getMessage()]
    assert all("bert." not in message.rpartition(":")[2] for message in missing)
    assert "adam" not in caplog.text


def test_what_is_missing_and_what_is_unused_is_named(caplog):
    caplog.set_level(logging.INFO)
    config = BertConfig.from_json_file(PRE_TRAINING / "bert_config.json")

    model = BertForQuestionAnswering(config)
    torch.nn.init.constant_(model.qa_outputs.bias, 0.5)

    load_tf_weights_in_bert(model, PRE_TRAINING)

    assert model.qa_outputs.bias.eq(0.5).all()  # what is missing keeps its values
    missing, unused = (record.getMessage() for record in caplog.records)
    assert missing.endswith("need training: qa_outputs.weight, qa_outputs.bias")
    assert "cls.seq_relationship.weight" in unused


def test_a_prefix_finds_the_configuration_beside_it():
    by_folder = BertModel.from_pretrained(PRE_TRAINING, from_tf=True).state_dict()
    by_prefix = BertModel.from_pretrained(PRE_TRAINING / "bert_model.ckpt", from_tf=True)
    assert all(torch.equal(by_folder[k], v) for k, v in by_prefix.state_dict().items())


def test_an_archive_as_google_published_them(tmp_path):
    archive = tmp_path / "uncased_L-3_H-48_A-4.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in PRE_TRAINING.glob("bert_*"):
            file.write(path, f"uncased_L-3_H-48_A-4/{path.name}")

    model = BertModel.from_pretrained(archive, from_tf=True, cache_dir=tmp_path / "cache")

    assert model.config.hidden_size == 48


def test_a_head_of_another_size_is_refused():
    with pytest.raises(
        ShapeMismatch, match=r"classifier\.weight: \(3, 48\) in the checkpoint, \(5, 48\)"
    ):
        BertForSequenceClassification.from_pretrained(CLASSIFIER, num_labels=5, from_tf=True)


def test_published_names_have_no_tensorflow_checkpoint():
    with pytest.raises(ValueError, match="is published as PyTorch weights; leave out from_tf=True"):
        BertModel.from_pretrained("bert-base-uncased", from_tf=True)


def test_an_address_of_single_files_is_refused():
    with pytest.raises(ValueError, match="or give the address of an archive of them"):
        BertModel.from_pretrained("http://127.0.0.1:9/folder", from_tf=True)
