"""Small models with their scores, and a tokenizer whose tokens are easy to read."""

import pytest
import torch

from ptbert_models import (
    GPT2Config,
    GPT2LMHeadModel,
    OpenAIGPTConfig,
    OpenAIGPTLMHeadModel,
    TransfoXLConfig,
    TransfoXLLMHeadModel,
)


def gpt(config_class, model_class):
    config = config_class(
        12, n_positions=16, n_ctx=16, n_embd=16, n_layer=2, n_head=4, initializer_range=0.5
    )
    return model_class(config)


def transfo_xl():
    sizes = {"d_model": 16, "d_embed": 16, "n_head": 2, "d_head": 8, "d_inner": 16, "n_layer": 2}
    memory = {"mem_len": 40, "clamp_len": -1, "same_length": True}
    scales = {"init_std": 0.5, "proj_init_std": 0.5}
    return TransfoXLLMHeadModel(TransfoXLConfig(12, cutoffs=[4, 8], **sizes, **memory, **scales))


MAKERS = {
    "gpt2": lambda: gpt(GPT2Config, GPT2LMHeadModel),
    "gpt": lambda: gpt(OpenAIGPTConfig, OpenAIGPTLMHeadModel),
    "transfo_xl": transfo_xl,
}


@pytest.fixture(params=MAKERS)
def any_model(request):
    torch.manual_seed(0)
    return MAKERS[request.param]().eval()


@pytest.fixture(params=["gpt2", "gpt"])
def model(request):
    torch.manual_seed(0)
    return MAKERS[request.param]().eval()


@pytest.fixture
def scores_after():
    """A function that gives the scores of the token after a list of ids, without a cache."""

    def scores(model, ids):
        with torch.no_grad():
            output = model(torch.tensor([ids]))
        return (output[0] if isinstance(output, tuple) else output)[0, -1]

    return scores


class Letters:
    """A tokenizer: token 0 is ``a``, 1 is ``b``, and so on; 10 is ``xy`` and 11 is ``yz``."""

    names = (*"abcdefghij", "xy", "yz")

    def decode(self, ids, clean_up_tokenization_spaces=True):
        assert clean_up_tokenization_spaces is False
        return "".join(self.names[index] for index in ids)


@pytest.fixture
def letters():
    return Letters()
