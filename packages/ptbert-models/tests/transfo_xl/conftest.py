"""A Transformer-XL that fits in a few kilobytes."""

import pytest
import torch

from ptbert_models import TransfoXLConfig, TransfoXLLMHeadModel

SIZES = {
    "cutoffs": [6, 14],
    "d_model": 16,
    "d_embed": 16,
    "n_head": 4,
    "d_head": 4,
    "d_inner": 24,
    "div_val": 2,
    "n_layer": 3,
    "tgt_len": 5,
    "mem_len": 7,
    "clamp_len": 9,
    "init_std": 0.3,
    "proj_init_std": 0.3,
}


@pytest.fixture
def make_config():
    """Return a function that makes a small configuration, some values of it changed."""
    return lambda **changes: TransfoXLConfig(30, **{**SIZES, **changes})


@pytest.fixture
def make_model(make_config):
    """Return a function that makes a small language model, the same one every time."""

    def make(**changes):
        torch.manual_seed(0)
        return TransfoXLLMHeadModel(make_config(**changes)).eval()

    return make


@pytest.fixture
def ids():
    """Two texts of twelve tokens, of all clusters."""
    return torch.randint(30, (2, 12), generator=torch.Generator().manual_seed(1))
