import shutil
from pathlib import Path

import pytest
import torch

from ptbert_models import (
    BertConfig,
    BertForMaskedLM,
    BertForPreTraining,
    BertForSequenceClassification,
    BertModel,
    CheckpointNotFound,
    GPT2Config,
    GPT2Model,
)
from ptbert_models.convert import convert_checkpoint
from ptbert_models.families import FAMILIES, family_of
from ptbert_models.files import weights
from ptbert_models.files.loading import fill
from ptbert_models.inspection import open_any_checkpoint

TENSORFLOW = Path(__file__).parent / "data" / "tensorflow"
SIZES = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}


@pytest.fixture
def config():
    return BertConfig(9, intermediate_size=8, max_position_embeddings=8, **SIZES)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=list(FAMILIES))
def test_a_configuration_tells_its_family(family):
    config = family.config_class(9)
    assert family_of(config.to_dict()) is family
    assert family_of({"model_type": family.model_type}) is family
    assert family.published in family.models


@pytest.mark.parametrize("values", [{"model_type": "t5", "hidden_size": 8}, {"depth": 3}])
def test_other_configurations_are_refused(values):
    with pytest.raises(
        ValueError, match="of the families bert, openai-gpt, gpt2, transfo-xl; give"
    ):
        family_of(values)


def test_five_keys_of_another_configuration_are_named():
    with pytest.raises(ValueError, match=r"keys such as \['a', 'b', 'c', 'd', 'e'\] belongs"):
        family_of(dict.fromkeys("gfedcba"))


def names_of_complete(opened):
    return [fit.model.__name__ for fit in opened.fits() if not fit.missing]


def test_the_models_that_a_file_fills_are_listed_best_first(config, tmp_path):
    BertForPreTraining(config).save_pretrained(tmp_path)

    opened = open_any_checkpoint(tmp_path)

    assert opened.family is FAMILIES["bert"]
    assert opened.path == tmp_path / "pytorch_model.bin"
    assert names_of_complete(opened) == [
        "BertForPreTraining",
        "BertForMaskedLM",
        "BertForNextSentencePrediction",
        "BertModel",
    ]
    assert opened.fits()[1].unused == ("cls.seq_relationship.weight", "cls.seq_relationship.bias")


def test_the_number_of_labels_is_that_of_the_file(config, tmp_path):
    BertForSequenceClassification(config, num_labels=5).save_pretrained(tmp_path)
    assert names_of_complete(open_any_checkpoint(tmp_path))[0] == "BertForSequenceClassification"


def test_old_spellings_become_todays(config, tmp_path):
    state = BertModel(config).state_dict()
    old = {f"module.{key}".replace("LayerNorm.weight", "LayerNorm.gamma") for key in state}
    assert any(key.endswith("gamma") for key in old)
    torch.save(
        dict(zip(sorted(old), [state[k] for k in sorted(state)], strict=True)), tmp_path / "w.bin"
    )
    config.to_json_file(tmp_path / "c.json")

    opened = open_any_checkpoint(tmp_path / "w.bin", config_file=tmp_path / "c.json")

    assert opened.weights.keys() == state.keys()


CONFIGURATIONS = {
    "bert": None,  # beside the checkpoint
    "gpt2": None,  # hparams.json, as OpenAI wrote it
    "openai_gpt": "config_tf.json",
    "transfo_xl": "config_tf.json",
}


def authors_checkpoint(folder):
    source = TENSORFLOW / folder / "open"
    config = CONFIGURATIONS[folder]
    return source, None if config is None else source / config


@pytest.mark.parametrize("folder", CONFIGURATIONS)
@pytest.mark.parametrize("safe_serialization", [False, True], ids=["pytorch", "safetensors"])
def test_the_authors_checkpoints_are_converted(folder, safe_serialization, tmp_path):
    source, config = authors_checkpoint(folder)

    opened = open_any_checkpoint(source, config_file=config)
    path = convert_checkpoint(
        source, tmp_path / "out", config_file=config, safe_serialization=safe_serialization
    )

    model_class = opened.family.published
    assert opened.is_authors
    assert path.suffix == (".safetensors" if safe_serialization else ".bin")
    expected = model_class(opened.config)
    fill(expected, expected.plan_loading(opened.weights), take=True)
    found = model_class.from_pretrained(tmp_path / "out").state_dict()
    assert all(torch.equal(found[k], tensor) for k, tensor in expected.state_dict().items())


def test_a_prefix_of_a_checkpoint_is_enough():
    opened = open_any_checkpoint(TENSORFLOW / "bert" / "open" / "bert_model.ckpt")
    assert names_of_complete(opened)[0] == "BertForPreTraining"


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_of_pytorch_may_be_called_a_checkpoint(config, tmp_path, zipped):
    state = BertModel(config).state_dict()
    torch.save(state, tmp_path / "epoch=3.ckpt", _use_new_zipfile_serialization=zipped)
    config.to_json_file(tmp_path / "config.json")

    opened = open_any_checkpoint(tmp_path / "epoch=3.ckpt")

    assert not opened.is_authors
    assert opened.weights.keys() == state.keys()


def test_openais_folder_without_a_configuration_is_the_published_gpt(tmp_path):
    for path in (TENSORFLOW / "openai_gpt" / "open").glob("params_*"):
        shutil.copy(path, tmp_path)

    opened = open_any_checkpoint(tmp_path)

    assert opened.family is FAMILIES["gpt"]
    assert opened.config.to_dict() == FAMILIES["gpt"].config_class().to_dict()
    assert opened.fits() == []  # these files are of a smaller model


def test_openais_own_configuration_is_read(tmp_path):
    source = TENSORFLOW / "gpt2" / "open"
    config = GPT2Config(source / "hparams.json")
    assert (config.vocab_size, config.n_positions, config.n_ctx) == (307, 48, 48)
    model = GPT2Model.from_pretrained(source, from_tf=True)
    assert model.wte.weight.shape == (307, 48)


@pytest.mark.parametrize("safe_serialization", [False, True])
def test_files_of_pytorch_change_their_format(config, tmp_path, safe_serialization):
    model = BertForMaskedLM(config)
    model.save_pretrained(tmp_path / "in", safe_serialization=not safe_serialization)

    convert_checkpoint(tmp_path / "in", tmp_path / "out", safe_serialization=safe_serialization)

    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {
        "config.json",
        "model.safetensors" if safe_serialization else "pytorch_model.bin",
    }
    again = BertForMaskedLM.from_pretrained(tmp_path / "out").state_dict()
    assert all(torch.equal(again[key], tensor) for key, tensor in model.state_dict().items())


def test_folders_are_made_and_files_are_in_the_format_of_pytorch(config, tmp_path):
    BertModel(config).save_pretrained(tmp_path / "in")
    for _ in range(2):  # what is there already is replaced
        path = convert_checkpoint(tmp_path / "in", tmp_path / "a" / "b")
    assert path == tmp_path / "a" / "b" / "pytorch_model.bin"


@pytest.mark.parametrize(("asked", "mapped"), [({}, False), ({"memory_map": True}, True)])
def test_a_user_s_file_is_mapped_on_request_only(config, tmp_path, monkeypatch, asked, mapped):
    BertModel(config).save_pretrained(tmp_path)
    seen = []
    read = weights.read_tensors
    monkeypatch.setattr(
        weights, "read_tensors", lambda *a, **k: seen.append(k["memory_map"]) or read(*a, **k)
    )

    open_any_checkpoint(tmp_path, **asked)

    assert seen == [mapped]


def test_the_source_is_not_overwritten(config, tmp_path):
    BertModel(config).save_pretrained(tmp_path)
    with pytest.raises(
        ValueError, match="is where the source is, which would be overwritten; give"
    ):
        convert_checkpoint(tmp_path, tmp_path / ".", safe_serialization=True)
    assert (tmp_path / "pytorch_model.bin").is_file()


def test_what_is_not_there_is_named_with_a_guess():
    with pytest.raises(CheckpointNotFound, match="did you mean 'gpt2-medium'"):
        open_any_checkpoint("gpt2-medum")


def test_missing_weights_are_an_error_and_not_a_search_for_tensorflow(config, tmp_path):
    config.to_json_file(tmp_path / "config.json")
    with pytest.raises(CheckpointNotFound, match=r"for one TensorFlow checkpoint and found none"):
        open_any_checkpoint(tmp_path)
