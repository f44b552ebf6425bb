import json
import shutil
from pathlib import Path

import pytest
import torch

from ptbert_models import (
    BertConfig,
    BertForPreTraining,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    OpenAIGPTConfig,
    OpenAIGPTModel,
    ShapeMismatch,
    TransfoXLConfig,
    TransfoXLLMHeadModel,
    load_tf_weights_in_gpt2,
    load_tf_weights_in_openai_gpt,
    load_tf_weights_in_transfo_xl,
)
from ptbert_models.convert import (
    convert_checkpoint,
    convert_gpt2_checkpoint_to_pytorch,
    convert_openai_checkpoint_to_pytorch,
    convert_tf_checkpoint_to_pytorch,
    convert_transfo_xl_checkpoint_to_pytorch,
)

DATA = Path(__file__).parent / "data" / "tensorflow"


def equal(left, right):
    return left.keys() == right.keys() and all(torch.equal(left[k], right[k]) for k in left)


def written(tmp_path, options_file):
    """Write OpenAI's options as a configuration of ours."""
    options = json.loads((DATA / options_file).read_text())
    options |= {"vocab_size": options.pop("n_vocab"), "n_positions": options["n_ctx"]}
    path = tmp_path / "in.json"
    path.write_text(json.dumps(options))
    return path


@pytest.mark.parametrize("variant", ["", "v1", "v1_sharded", "v2_sharded"])
def test_bert_with_its_pre_training_heads(tmp_path, variant):
    folder = DATA / "bert" / "open"

    convert_tf_checkpoint_to_pytorch(
        folder / variant / "bert_model.ckpt", folder / "bert_config.json", tmp_path / "out.bin"
    )

    model = BertForPreTraining(BertConfig(folder / "bert_config.json"))
    model.load_state_dict(torch.load(tmp_path / "out.bin"))
    expected = BertForPreTraining.from_pretrained(folder, from_tf=True)
    assert equal(model.state_dict(), expected.state_dict())


@pytest.mark.parametrize(
    ("folder", "model_class", "arguments"),
    [
        ("bert_classifier", BertForSequenceClassification, {"num_labels": 3}),
        ("bert_squad", BertForQuestionAnswering, {}),
    ],
)
def test_heads_of_fine_tuned_checkpoints_are_kept(tmp_path, folder, model_class, arguments):
    source = DATA / folder / "open"
    config = BertConfig(source / "bert_config.json")

    convert_tf_checkpoint_to_pytorch(source, source / "bert_config.json", tmp_path / "out.bin")

    state = torch.load(tmp_path / "out.bin")
    assert not any(key.startswith("cls.") and "decoder" not in key for key in state)
    folder = tmp_path / "model"
    folder.mkdir()
    config.to_json_file(folder / "config.json")
    torch.save(state, folder / "pytorch_model.bin")
    model = model_class.from_pretrained(folder, **arguments)
    expected = model_class.from_pretrained(source, from_tf=True, **arguments)
    assert equal(model.state_dict(), expected.state_dict())


def test_what_a_fine_tuned_checkpoint_lacks_is_told_once(tmp_path, caplog):
    convert_checkpoint(DATA / "bert_squad" / "open", tmp_path / "out")
    (record,) = caplog.records
    assert "has no cls.predictions.bias" in record.getMessage()
    assert " more, so the converted file has none either; this is usual for" in record.getMessage()


def test_gpt2(tmp_path):
    source = DATA / "gpt2" / "open"
    config = written(tmp_path, "gpt2/open/hparams.json")

    for _ in range(2):  # folders are made, and what is there already is replaced
        convert_gpt2_checkpoint_to_pytorch(source, config, tmp_path / "new" / "out")

    model = GPT2LMHeadModel.from_pretrained(tmp_path / "new" / "out")
    assert (model.config.model_type, model.config.architectures) == ("gpt2", ["GPT2Model"])
    expected = load_tf_weights_in_gpt2(GPT2LMHeadModel(GPT2Config(config)), source)
    assert equal(model.state_dict(), expected.state_dict())


def test_openai_gpt(tmp_path):
    source = DATA / "openai_gpt" / "open"
    config = written(tmp_path, "openai_gpt/open/config_tf.json")

    convert_openai_checkpoint_to_pytorch(source, config, tmp_path / "out")

    model = OpenAIGPTModel.from_pretrained(tmp_path / "out")
    expected = load_tf_weights_in_openai_gpt(OpenAIGPTModel(OpenAIGPTConfig(config)), source)
    assert equal(model.state_dict(), expected.state_dict())


@pytest.mark.parametrize("variant", ["open", "extra_tied_r", "extra_div1"])
def test_transfo_xl(tmp_path, variant):
    source = DATA / "transfo_xl" / variant
    config = source / "config_tf.json"

    convert_transfo_xl_checkpoint_to_pytorch(source, config, tmp_path / "out")

    model = TransfoXLLMHeadModel.from_pretrained(tmp_path / "out")
    loaded = TransfoXLLMHeadModel(TransfoXLConfig(config))
    expected = load_tf_weights_in_transfo_xl(loaded, loaded.config, source)
    assert equal(model.state_dict(), expected.state_dict())


def test_an_empty_configuration_means_the_published_one(tmp_path):
    with pytest.raises(ShapeMismatch, match=r"c_attn\.bias: \(144,\) in the checkpoint, \(2304,\)"):
        convert_gpt2_checkpoint_to_pytorch(DATA / "gpt2" / "open", "", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def copied(source, folder, **changes):
    """Copy a checkpoint with its configuration changed; None removes a key."""
    shutil.copytree(source, folder)
    (path,) = [*folder.glob("bert_config.json"), *folder.glob("hparams.json")]
    values = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({k: v for k, v in values.items() if v is not None}))
    return folder


@pytest.mark.parametrize(
    ("source", "model_class", "changes", "message"),
    [
        ("bert", BertForPreTraining, {"num_hidden_layers": 2}, "num_hidden_layers=3, and the"),
        ("bert", BertForPreTraining, {"vocab_size": 9}, "vocab_size=.*says vocab_size=9; correct"),
        ("gpt2", GPT2LMHeadModel, {"n_layer": 1}, "show n_layer=3, and the configuration says"),
        ("gpt2", GPT2LMHeadModel, {"n_vocab": 9}, "show vocab_size=307, and"),
    ],
)
def test_a_configuration_that_contradicts_a_checkpoint_is_refused(
    source, model_class, changes, message, tmp_path
):
    folder = copied(DATA / source / "open", tmp_path / "source", **changes)
    with pytest.raises(ValueError, match=message):
        model_class.from_pretrained(folder, from_tf=True)
    with pytest.raises(ValueError, match=message):
        convert_checkpoint(folder, tmp_path / "out")


def test_a_configuration_may_leave_out_what_a_checkpoint_shows(tmp_path):
    lacking = dict.fromkeys(["vocab_size", "num_hidden_layers", "intermediate_size"])
    source = DATA / "bert" / "open"
    folder = copied(source, tmp_path / "source", **lacking)

    model = BertForPreTraining.from_pretrained(folder, from_tf=True)

    expected = BertForPreTraining.from_pretrained(source, from_tf=True)
    assert equal(model.state_dict(), expected.state_dict())
    assert model.config.to_dict() == expected.config.to_dict()


@pytest.mark.parametrize(
    ("source", "name", "key"),
    [("bert", "bert_config.json", "num_attention_heads"), ("gpt2", "hparams.json", "n_head")],
)
def test_a_checkpoint_without_its_number_of_heads_is_refused(source, name, key, tmp_path):
    shutil.copytree(DATA / source / "open", tmp_path / "source")
    (tmp_path / "source" / name).unlink()
    with pytest.raises(ValueError, match=f"put a {name} there, with {key} at least"):
        convert_checkpoint(tmp_path / "source", tmp_path / "out")


def test_variables_of_no_family_are_named(tmp_path):
    for path in (DATA / "format").glob("partitioned.*"):
        shutil.copy(path, tmp_path)
    with pytest.raises(ValueError, match=r"has variables such as .*, which belong to none of the"):
        convert_checkpoint(tmp_path / "partitioned", tmp_path / "out")


def test_a_converted_folder_names_its_architecture(tmp_path):
    convert_checkpoint(DATA / "bert_squad" / "open", tmp_path / "out")
    values = json.loads((tmp_path / "out" / "config.json").read_text())
    assert (values["model_type"], values["architectures"]) == ("bert", ["BertForQuestionAnswering"])
