import json

import pytest
import torch
from safetensors import safe_open

from ptbert_models import BertConfig, BertForMaskedLM, BertForQuestionAnswering, BertModel


@pytest.fixture
def model(tiny_config):
    return BertForMaskedLM(tiny_config)


def files(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("safe", [False, True])
def test_what_was_saved_comes_back(model, tmp_path, safe, caplog):
    model.save_pretrained(tmp_path / "new" / "folder", safe_serialization=safe)

    again = BertForMaskedLM.from_pretrained(tmp_path / "new" / "folder")

    assert all(torch.equal(v, again.state_dict()[k]) for k, v in model.state_dict().items())
    assert again.config.to_dict() == model.config.to_dict()
    assert again.cls.predictions.decoder.weight is again.bert.embeddings.word_embeddings.weight
    assert not caplog.records


class OfAProgram(BertForMaskedLM):
    def __init__(self, config, more=()):
        super().__init__(config)


@pytest.mark.parametrize("model_class", [BertModel, BertForMaskedLM, OfAProgram])
@pytest.mark.parametrize("safe", [False, True])
def test_a_model_without_values_is_not_saved(tiny_config, tmp_path, model_class, safe):
    whole, part = model_class(tiny_config).to("meta"), model_class(tiny_config)
    (part if model_class is BertModel else part.bert).pooler.to("meta")
    for model, name in ((whole, "word_embeddings.weight"), (part, "pooler.dense.weight")):
        with pytest.raises(ValueError, match=rf"{name} is on the meta device, so .*to_empty\(dev"):
            model.save_pretrained(tmp_path / "new", safe_serialization=safe)
    assert not (tmp_path / "new").exists()


def test_the_advice_for_a_model_without_values_works(tiny_config, tmp_path):
    model, other = (BertForMaskedLM(tiny_config) for _ in range(2))
    model.to("meta").to_empty(device="cpu").load_state_dict(other.state_dict())
    model.save_pretrained(tmp_path)
    again = BertForMaskedLM.from_pretrained(tmp_path)
    assert torch.equal(again.bert.pooler.dense.weight, other.bert.pooler.dense.weight)


def test_the_files_are_those_of_the_recipe(model, tmp_path):
    model.save_pretrained(tmp_path)

    assert files(tmp_path) == ["config.json", "pytorch_model.bin"]
    assert list(torch.load(tmp_path / "pytorch_model.bin")) == list(model.state_dict())
    assert (tmp_path / "config.json").read_text() == model.config.to_json_string()


def test_tied_weights_stand_in_safetensors_once(model, tmp_path):
    model.save_pretrained(tmp_path, safe_serialization=True)

    with safe_open(tmp_path / "model.safetensors", framework="pt") as file:
        stored = set(file.keys())
    assert set(model.state_dict()) - stored == {"cls.predictions.decoder.weight"}


def test_weights_are_saved_without_a_device_and_tied_ones_once(model, tmp_path, monkeypatch):
    """Tensors say that they are on no CPU; then each is copied to one, as from a GPU."""
    model.save_pretrained(tmp_path / "cpu")
    copied = []
    with monkeypatch.context() as patch:
        patch.setattr(torch.Tensor, "is_cpu", False)
        patch.setattr(torch.Tensor, "cpu", lambda x: copied.append(1) or x.clone())
        model.save_pretrained(tmp_path / "elsewhere")
    ours, theirs = (
        torch.load(tmp_path / name / "pytorch_model.bin") for name in ("cpu", "elsewhere")
    )
    assert copied
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    tied = "bert.embeddings.word_embeddings.weight", "cls.predictions.decoder.weight"
    assert len({theirs[name].data_ptr() for name in tied}) == 1


@pytest.mark.parametrize(
    "labels", [{"num_labels": 3}, {"id2label": {"0": "a", "1": "b", "2": "c"}}]
)
def test_a_model_that_answers_questions_says_two_labels(tiny_config, tmp_path, labels):
    """Later libraries give each token so many scores; three are left of a classifier."""
    config = BertConfig.from_dict(tiny_config.to_dict() | labels)
    BertForQuestionAnswering(config).save_pretrained(tmp_path)

    saved = json.loads((tmp_path / "config.json").read_text())
    assert saved.get("num_labels", 2) == 2
    assert "id2label" not in saved


@pytest.mark.parametrize("safe", [False, True])
def test_weights_of_another_format_do_not_stay(model, tmp_path, safe):
    model.save_pretrained(tmp_path, safe_serialization=not safe)
    model.save_pretrained(tmp_path, safe_serialization=safe)
    weights = "model.safetensors" if safe else "pytorch_model.bin"
    assert files(tmp_path) == ["config.json", weights]


@pytest.mark.parametrize("safe", [False, True])
def test_a_model_can_be_saved_where_it_came_from(model, tmp_path, safe):
    model.save_pretrained(tmp_path, safe_serialization=safe)
    again = BertForMaskedLM.from_pretrained(tmp_path)

    again.save_pretrained(tmp_path, safe_serialization=safe)

    assert all(torch.equal(v, again.state_dict()[k]) for k, v in model.state_dict().items())


def test_a_failed_save_leaves_the_old_files(model, tiny_config, tmp_path, monkeypatch):
    model.save_pretrained(tmp_path)
    before = (tmp_path / "pytorch_model.bin").read_bytes()

    def fail(state, file):
        file.write(b"half of it")
        raise OSError("no space left")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(OSError, match="no space left"):
        BertModel(tiny_config).save_pretrained(tmp_path)

    assert files(tmp_path) == ["config.json", "pytorch_model.bin"]
    assert (tmp_path / "pytorch_model.bin").read_bytes() == before
