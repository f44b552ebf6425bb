"""Two processes that train together compute the gradients of one (gloo, on the CPU)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import ptbert

WORKER = Path(__file__).with_name("ddp_worker.py")
IDS = torch.tensor([[3, 4, 5, 6], [7, 8, 9, 2], [1, 5, 3, 8], [6, 2, 4, 7]])
BERT = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
GPT = {"n_positions": 8, "n_embd": 16, "n_layer": 1, "n_head": 2}
TRANSFO_XL = {"cutoffs": [10], "d_model": 16, "d_embed": 16, "n_head": 2, "d_head": 8}
MODELS = {
    "BertForMaskedLM": (BERT | {"intermediate_size": 24}, {"masked_lm_labels": IDS}),
    "GPT2LMHeadModel": (GPT, {"lm_labels": IDS}),
    "TransfoXLLMHeadModel": (
        TRANSFO_XL | {"d_inner": 24, "n_layer": 1, "div_val": 2, "mem_len": 4},
        {"target": IDS},
    ),
}


def build(name):
    """Return a small model, the same in every process, and a batch."""
    sizes, labels = MODELS[name]
    torch.manual_seed(0)
    model_class = getattr(ptbert, name)
    return model_class(model_class.config_class(30, **sizes)).eval(), {"input_ids": IDS} | labels


def loss_of(output):
    """The mean loss in an output."""
    return (output[0] if isinstance(output, tuple) else output).mean()


@pytest.mark.parametrize("name", MODELS)
def test_two_processes_compute_the_gradients_of_one(name, tmp_path):
    paths = [str(tmp_path / "store"), str(tmp_path / "gradients")]
    workers = [
        subprocess.Popen([sys.executable, WORKER, name, rank, *paths], env=os.environ.copy())
        for rank in ("0", "1")
    ]
    assert [worker.wait(timeout=120) for worker in workers] == [0, 0]

    model, batch = build(name)
    loss_of(model(**batch)).backward()

    expected = {k: p.grad for k, p in model.named_parameters() if p.grad is not None}
    gradients = torch.load(tmp_path / "gradients")
    assert gradients.keys() == expected.keys()
    for key, gradient in expected.items():
        torch.testing.assert_close(gradients[key], gradient, atol=1e-6, rtol=1e-5)
