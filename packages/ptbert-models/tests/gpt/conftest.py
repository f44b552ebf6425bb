"""Small models of both families."""

import pytest
import torch

import ptbert_models
from ptbert_models import GPT2Config, OpenAIGPTConfig

SIZES = {"n_special": 2, "n_positions": 16, "n_ctx": 16, "n_embd": 16, "n_layer": 2, "n_head": 4}
FAMILIES = {"GPT2": GPT2Config, "OpenAIGPT": OpenAIGPTConfig}


@pytest.fixture(params=FAMILIES)
def family(request):
    return request.param


@pytest.fixture
def config(family):
    # Large first values, so that positions, heads and masks show in the outputs.
    return FAMILIES[family](30, **SIZES, initializer_range=0.3)


@pytest.fixture
def gpt2_config():
    """For what only GPT-2 does."""
    return GPT2Config(30, **SIZES, initializer_range=0.3)


@pytest.fixture
def build(family, config):
    """Return a function that makes a model of the family in evaluation mode from a seed."""

    def build_model(kind, *, seed=0, **arguments):
        torch.manual_seed(seed)
        return getattr(ptbert_models, f"{family}{kind}")(config, **arguments).eval()

    return build_model
