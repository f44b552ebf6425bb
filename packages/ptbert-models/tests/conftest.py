"""Small models for all tests; nothing is downloaded."""

import json
import sys
from pathlib import Path

import pytest
import torch

from ptbert_models import BertConfig, GPT2Config, OpenAIGPTConfig, TransfoXLConfig

sys.path.insert(0, str(Path(__file__).parent))

torch.set_num_threads(1)  # small models gain nothing from more


@pytest.fixture
def tiny_config():
    """A configuration of a BERT that fits in a few kilobytes."""
    return BertConfig(
        30,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=24,
        max_position_embeddings=12,
    )


@pytest.fixture
def small():
    """Values of the smallest models, by the class of the configuration."""
    gpt = {"vocab_size": 9, "n_embd": 8, "n_layer": 1, "n_head": 2}
    return {
        BertConfig: {
            "vocab_size": 9,
            "hidden_size": 8,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
        },
        GPT2Config: gpt,
        OpenAIGPTConfig: gpt,
        TransfoXLConfig: {
            "n_token": 9,
            "cutoffs": [4],
            "d_model": 8,
            "d_embed": 8,
            "d_inner": 8,
            "n_layer": 1,
        },
    }


@pytest.fixture
def save(tmp_path):
    """Return a function that saves a model as the reference documentation recommends."""

    def save_model(model, folder="model", *, weights="pytorch_model.bin", config="config.json"):
        path = tmp_path / folder
        path.mkdir()
        torch.save(model.state_dict(), path / weights)
        (path / config).write_text(json.dumps(model.config.to_dict()))
        return path

    return save_model
