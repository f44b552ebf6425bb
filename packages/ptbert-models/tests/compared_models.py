"""Models that are called with and without their short cuts.

A hook for all modules switches every short cut off, so each model can be compared with itself.
"""

from contextlib import contextmanager

import pytest
import torch
from tiny_models import MODELS, tensors
from torch.nn.modules.module import register_module_forward_hook

import ptbert_models
from ptbert_models import (
    BertForMaskedLM,
    BertForTokenClassification,
    TransfoXLLMHeadModel,
)

# Recording a model takes seconds, so the ordinary run does that with one model of each kind.
KINDS = {
    BertForMaskedLM,
    BertForTokenClassification,
    ptbert_models.OpenAIGPTDoubleHeadsModel,
    ptbert_models.GPT2LMHeadModel,
    TransfoXLLMHeadModel,
}


RECORDED = [
    pytest.param(each, id=each.__name__, marks=() if each in KINDS else pytest.mark.slow)
    for each in MODELS
]


@contextmanager
def without_short_cuts():
    handle = register_module_forward_hook(lambda *_: None)
    try:
        yield
    finally:
        handle.remove()


def same(got, want):
    for left, right in zip(tensors(got), tensors(want), strict=True):
        torch.testing.assert_close(left, right, atol=2e-5, rtol=1e-4)


def run(model, **arguments):
    """Results and gradients of a call."""
    model.zero_grad()
    output = tensors(model(**arguments))
    sum(each.float().sum() for each in output).backward()
    gradients = [each.grad for each in model.parameters() if each.requires_grad]
    return [*(each.detach() for each in output), *(each for each in gradients if each is not None)]
