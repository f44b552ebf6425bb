"""Weights as OpenAI published them give the outputs of OpenAI's code."""

import json
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from ptbert_models import (
    CheckpointNotFound,
    CorruptCheckpoint,
    GPT2Config,
    GPT2DoubleHeadsModel,
    GPT2LMHeadModel,
    GPT2Model,
    OpenAIGPTConfig,
    OpenAIGPTDoubleHeadsModel,
    OpenAIGPTLMHeadModel,
    OpenAIGPTModel,
    load_tf_weights_in_gpt2,
    load_tf_weights_in_openai_gpt,
)
from ptbert_models.gpt.authors import GPT_LAYER, read_openai_shards

DATA = Path(__file__).parents[1] / "data" / "tensorflow"
GPT2 = DATA / "gpt2" / "open"
GPT = DATA / "openai_gpt" / "open"


def recorded(folder):
    with np.load(folder / "io.npz") as arrays:
        return {name: torch.from_numpy(arrays[name]) for name in arrays.files}


def close(got, want):
    torch.testing.assert_close(got, want, atol=1e-5, rtol=1e-4)


def gpt2_config():
    sizes = json.loads((GPT2 / "hparams.json").read_text())
    return GPT2Config(
        sizes["n_vocab"],
        n_positions=sizes["n_ctx"],
        n_ctx=sizes["n_ctx"],
        n_embd=sizes["n_embd"],
        n_layer=sizes["n_layer"],
        n_head=sizes["n_head"],
    )


@pytest.mark.parametrize("variant", ["", "v1", "v2_sharded"])
def test_gpt2_continues_as_tensorflow_does(variant):
    io = recorded(GPT2)
    model = load_tf_weights_in_gpt2(GPT2LMHeadModel(gpt2_config()), GPT2 / variant).eval()
    tokens, split = io["X"].long(), int(io["split"])

    with torch.no_grad():
        scores, presents = model(tokens)
        prefix_scores, past = model(tokens[:, :split])
        later_scores, later = model(tokens[:, split:], past=past)
        loss = model(tokens, lm_labels=tokens)

    close(scores, io["logits"])
    close(torch.stack(presents).permute(2, 0, 1, 3, 4, 5), io["present"])
    close(prefix_scores, io["logits_prefix"])
    close(later_scores, io["logits_continued"])
    close(torch.stack(later).permute(2, 0, 1, 3, 4, 5)[..., split:, :], io["present_continued"])
    close(loss, io["lm_loss"].view(()))


@pytest.mark.parametrize("model_class", [GPT2Model, GPT2LMHeadModel, GPT2DoubleHeadsModel])
def test_every_gpt2_model_takes_the_weights(model_class, tmp_path):
    shutil.copytree(GPT2, tmp_path / "model")
    gpt2_config().to_json_file(tmp_path / "model" / "config.json")

    model = model_class.from_pretrained(tmp_path / "model", from_tf=True)

    bare = load_tf_weights_in_gpt2(GPT2Model(gpt2_config()), GPT2)
    filled = getattr(model, "transformer", model).state_dict()
    assert all(torch.equal(tensor, filled[key]) for key, tensor in bare.state_dict().items())


def gpt_config():
    sizes = json.loads((GPT / "config_tf.json").read_text())
    return OpenAIGPTConfig(
        sizes["n_vocab"],
        n_positions=sizes["n_ctx"],
        n_ctx=sizes["n_ctx"],
        n_embd=sizes["n_embd"],
        n_layer=sizes["n_layer"],
        n_head=sizes["n_head"],
    )


@pytest.fixture
def folder(tmp_path):
    """OpenAI's files, without the list of names that OpenAI never published."""
    shutil.copytree(GPT, tmp_path / "gpt", ignore=shutil.ignore_patterns("parameters_names.json"))
    return tmp_path / "gpt"


def test_gpt_reads_the_published_shards(folder):
    io = recorded(GPT)
    model = load_tf_weights_in_openai_gpt(OpenAIGPTLMHeadModel(gpt_config()), folder).eval()
    tokens = io["plain_input"].long()

    with torch.no_grad():
        hidden_states = model.transformer(tokens)
        scores = model(tokens)

    for index, states in enumerate(hidden_states[1:]):
        close(states, io[f"plain_hidden_{index}"].view(states.shape))
    close(scores[..., :-1, :], io["plain_lm_logits"].view(scores[..., :-1, :].shape))


def test_gpt_with_special_tokens_and_a_classifier(folder):
    io = recorded(GPT)
    model = OpenAIGPTDoubleHeadsModel(gpt_config())
    load_tf_weights_in_openai_gpt(model, folder)
    model.set_num_special_tokens(3)
    with torch.no_grad():
        model.transformer.tokens_embed.weight[-3:] = io["special_embeddings"]
        model.multiple_choice_head.linear.weight.copy_(io["clf_w"].T)
        model.multiple_choice_head.linear.bias.copy_(io["clf_b"])
    tokens = io["input"].long()
    classify = (tokens == tokens.max()).long().argmax(-1)

    with torch.no_grad():
        scores, choices = model.eval()(tokens, mc_token_ids=classify)

    close(scores[..., :-1, :].flatten(0, 1), io["lm_logits"].flatten(0, -3)[..., : scores.size(-1)])
    close(choices, io["clf_logits"])


@pytest.mark.parametrize("model_class", [OpenAIGPTModel, OpenAIGPTDoubleHeadsModel])
def test_every_gpt_model_takes_the_weights(model_class, folder):
    gpt_config().to_json_file(folder / "config.json")

    model = model_class.from_pretrained(folder, from_tf=True)

    bare = load_tf_weights_in_openai_gpt(OpenAIGPTModel(gpt_config()), folder)
    filled = getattr(model, "transformer", model).state_dict()
    assert all(torch.equal(tensor, filled[key]) for key, tensor in bare.state_dict().items())


def test_missing_files_are_named(folder):
    (folder / "params_shapes.json").unlink()
    with pytest.raises(CheckpointNotFound, match=r"lacks params_shapes\.json, or params_0\.npy"):
        load_tf_weights_in_openai_gpt(OpenAIGPTModel(gpt_config()), folder)


def test_a_missing_shard_is_noticed(folder):
    (folder / "params_9.npy").unlink()
    with pytest.raises(CorruptCheckpoint, match=r"the 9 files hold \d+ numbers, and params_shapes"):
        load_tf_weights_in_openai_gpt(OpenAIGPTModel(gpt_config()), folder)


def test_numbers_too_many_are_noticed(folder):
    np.save(folder / "params_10.npy", np.zeros(3, np.float32))
    with pytest.raises(
        CorruptCheckpoint, match=r"the 11 files hold \d+ numbers, and params_shapes"
    ):
        load_tf_weights_in_openai_gpt(OpenAIGPTModel(gpt_config()), folder)


@pytest.mark.parametrize("damage", ["cut off", "empty", "a text", "a folder"])
def test_a_shard_that_is_cut_off_is_named(folder, damage):
    shard = folder / "params_3.npy"
    content = shard.read_bytes()
    shard.unlink()
    if damage == "a folder":
        shard.mkdir()
    else:
        shard.write_bytes({"cut off": content[:-100], "empty": b"", "a text": b"gone"}[damage])
    with pytest.raises(
        CorruptCheckpoint, match=r"params_3\.npy' is not a numpy file, or it is cut"
    ):
        load_tf_weights_in_openai_gpt(OpenAIGPTModel(gpt_config()), folder)


@pytest.mark.parametrize("count", [1, 2, 3, 13, 15])
def test_a_wrong_list_of_shapes_is_noticed(folder, count):
    (folder / "params_shapes.json").write_text(json.dumps([[1]] * count))
    with pytest.raises(
        CorruptCheckpoint, match=f"lists {count} arrays, which are not two embeddings and 12 for"
    ):
        load_tf_weights_in_openai_gpt(OpenAIGPTModel(gpt_config()), folder)


@pytest.mark.parametrize(
    "text",
    [
        "5",
        "null",
        '"a text of 14 "',
        str({f"{i}": [1] for i in range(14)}).replace("'", '"'),
        json.dumps([None] * 14),
        json.dumps(["a"] * 14),
        json.dumps([[1.5]] * 14),
        json.dumps([[True]] * 14),
        json.dumps([[[1]]] * 14),
        json.dumps([[-1, -1]] + [[1]] * 13),
        json.dumps([[2**32, 2**32], [14], *[[0]] * 12]),
        json.dumps([[1] * 100] + [[1]] * 13),
        json.dumps([[float("nan")]] * 14),
        "[" * 100_000,
        "9" * 5000,
        "no JSON",
    ],
)
def test_a_list_of_other_things_than_shapes_is_refused(tmp_path, text):
    (tmp_path / "params_shapes.json").write_text(text)
    np.save(tmp_path / "params_0.npy", np.zeros(14, np.float32))
    with pytest.raises(CorruptCheckpoint, match=r"is not (JSON|a list of shapes).* download it"):
        read_openai_shards(tmp_path)


def npy_file(facts):
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(facts)) + facts + bytes(56)


@pytest.mark.parametrize(
    "content",
    [
        npy_file(b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }\n"),
        npy_file(b"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }\n"),
        npy_file(b"{'descr': '<f4', 'fortran_order': False, 'shape': (True,), }\n"),
        npy_file(b"{'descr': '|S4', 'fortran_order': False, 'shape': (14,), }\n"),
        npy_file(b"{'descr': '<M8[s]', 'fortran_order': False, 'shape': (7,), }\n"),
        npy_file(b"{[]: 1}\n"),
        npy_file(b"(" * 9000 + b"\n"),
        b"PK\x03\x04",
        b"\x80\x02N.",
    ],
)
def test_a_shard_that_says_odd_things_is_refused(tmp_path, content):
    (tmp_path / "params_shapes.json").write_text(json.dumps([[1]] * 14))
    (tmp_path / "params_0.npy").write_bytes(content)
    with pytest.raises(CorruptCheckpoint, match=r"params_0\.npy' is not a numpy file"):
        read_openai_shards(tmp_path)


def test_files_with_almost_the_name_of_a_shard_are_left_alone(tmp_path):
    (tmp_path / "params_shapes.json").write_text(json.dumps([[1]] * 14))
    np.save(tmp_path / "params_0.npy", np.zeros(14, np.float32))
    for name in ("params_0x.npy", "params_0².npy", "params_0.npy.old.npy"):
        (tmp_path / name).touch()

    assert len(read_openai_shards(tmp_path)) == 14


def test_one_layer_in_many_shards_is_read_in_their_order(tmp_path):
    shapes = [[2, 1], [3, 1], *[[1]] * 12]
    (tmp_path / "params_shapes.json").write_text(json.dumps(shapes))
    for shard in range(17):
        np.save(tmp_path / f"params_{shard}.npy", np.array([shard], np.float32))

    weights = read_openai_shards(tmp_path)

    assert weights["positions_embed.weight"].tolist() == [[0], [1]]
    assert weights["tokens_embed.weight"].tolist() == [[2], [3], [4]]
    assert [weights[f"h.0.{name}"].item() for name in GPT_LAYER] == list(range(5, 17))
    assert len(weights) == 14
