"""Small GPT and GPT-2, and prompts for them."""

import torch
from torch import nn

from ptbert_models import (
    GPT2Config,
    GPT2LMHeadModel,
    OpenAIGPTConfig,
    OpenAIGPTLMHeadModel,
)

FAMILIES = {
    "gpt2": (GPT2LMHeadModel, GPT2Config),
    "gpt": (OpenAIGPTLMHeadModel, OpenAIGPTConfig),
}


PROMPTS = torch.tensor([[3, 4, 5, 6], [7, 8, 9, 1], [2, 2, 2, 2]])


def build(family="gpt2", vocabulary=30):
    """Return a small model, in training mode."""
    model_class, config_class = FAMILIES[family]
    torch.manual_seed(0)
    return model_class(
        config_class(vocabulary, n_embd=16, n_layer=2, n_head=4, initializer_range=0.4)
    )


def log_probabilities(model, ids):
    """Return scores (B, V) of the next token, computed without a cache."""
    with torch.no_grad():
        output = model.eval()(ids)
    return (output[0] if isinstance(output, tuple) else output)[:, -1].log_softmax(-1)


class Counting(nn.Module):
    """The next token is most likely the next number, and 0 after the last one."""

    def __init__(self, vocabulary=9):
        super().__init__()
        self.vocabulary = vocabulary

    def start_decoding(self, capacity, attention_mask):
        return self

    def select(self, rows):
        pass

    def feed(self, ids):
        following = (ids[:, -1] + 1) % self.vocabulary
        return 5 * nn.functional.one_hot(following, self.vocabulary).float()
