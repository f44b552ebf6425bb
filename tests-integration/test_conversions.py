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
    load_tf_weights_in_gpt2,
    load_tf_weights_in_openai_gpt,
    load_tf_weights_in_transfo_xl,
)
from ptbert.__main__ import main

DATA = Path(__file__).parents[1] / "packages/ptbert-models/tests/data/tensorflow"


def load_transfo_xl(model, path):
    """Load by the function of 2019, which takes the configuration too."""
    load_tf_weights_in_transfo_xl(model, model.config, path)


@pytest.mark.parametrize(
    ("command", "checkpoint", "config", "model_class", "load"),
    [
        ("gpt2", "gpt2/open/model.ckpt", "hparams.json", GPT2LMHeadModel, load_tf_weights_in_gpt2),
        (
            "openai",
            "openai_gpt/open",
            "config_tf.json",
            OpenAIGPTModel,
            load_tf_weights_in_openai_gpt,
        ),
        (
            "transfo_xl",
            "transfo_xl/open/model.ckpt",
            "config_tf.json",
            TransfoXLLMHeadModel,
            load_transfo_xl,
        ),
    ],
)
def test_folders(command, checkpoint, config, model_class, load, tmp_path):
    source = DATA / checkpoint
    folder = source if source.is_dir() else source.parent

    assert (
        main([f"convert_{command}_checkpoint", *map(str, (source, tmp_path, folder / config))]) == 0
    )

    model = model_class.from_pretrained(tmp_path)
    expected = model_class(model.config)
    load(expected, source)
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
