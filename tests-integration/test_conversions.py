"""Checkpoints of the authors' code, converted by the commands of 2019, keep their numbers."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from ptbert import (
    BertConfig,
    BertForPreTraining,
    GPT2LMHeadModel,
    OpenAIGPTModel,
    TransfoXLLMHeadModel,
)
from ptbert.__main__ import main
from ptbert_models.files.loading import fill

DATA = Path(__file__).parents[1] / "packages/ptbert-models/tests/data/tensorflow"


@pytest.mark.parametrize(
    ("command", "folder", "checkpoint", "config", "model_class"),
    [
        ("gpt2", "gpt2", "model.ckpt", "hparams.json", GPT2LMHeadModel),
        ("openai", "openai_gpt", "", "config_tf.json", OpenAIGPTModel),
        ("transfo_xl", "transfo_xl", "model.ckpt", "config_tf.json", TransfoXLLMHeadModel),
    ],
)
def test_folders(command, folder, checkpoint, config, model_class, tmp_path):
    source = DATA / folder / "open"
    words = [str(source / checkpoint), str(tmp_path), str(source / config)]

    assert main([f"convert_{command}_checkpoint", *words]) == 0

    model = model_class.from_pretrained(tmp_path)
    expected = model_class(model.config)
    weights = model_class.read_tensorflow(source, model.config)
    fill(expected, expected.plan_loading(weights), take=True)
    found = model.state_dict()
    assert all(torch.equal(found[k], tensor) for k, tensor in expected.state_dict().items())


def test_bert(tmp_path):
    source = DATA / "bert" / "open"
    words = [source / "bert_model.ckpt", source / "bert_config.json", tmp_path / "out.bin"]

    assert main(["convert_tf_checkpoint_to_pytorch", *map(str, words)]) == 0

    model = BertForPreTraining(BertConfig(source / "bert_config.json")).eval()
    model.load_state_dict(torch.load(tmp_path / "out.bin"))  # strictly, as programs of 2019 do
    with np.load(source / "io_gelu_erf.npz") as arrays, torch.no_grad():
        io = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
        inputs = (io[name].long() for name in ("input_ids", "segment_ids", "input_mask"))
        _, pooled = model.bert(*inputs)
    torch.testing.assert_close(pooled, io["pooled_output"], atol=1e-5, rtol=1e-4)


def test_a_prefix_has_its_vocabulary_beside_it(tmp_path, capsys):
    source = tmp_path / "bert"
    shutil.copytree(DATA / "bert" / "open", source)
    (source / "vocab.txt").write_text("[UNK]\n[CLS]\n[SEP]\n")

    assert main(["info", str(source / "bert_model.ckpt")]) == 0

    assert "BertTokenizer" in capsys.readouterr().out
