"""Libraries of adapters take the linear layer of GPT for that of transformers."""

import copy
import pickle
import sys
import types

import pytest
import torch
from torch import nn

from ptbert_models.gpt.openai import Conv1D as WithWidth
from ptbert_models.parts.conv1d import Conv1D
from ptbert_models.parts.untouched import is_plain, is_untouched


class Theirs(nn.Module):
    """Has what the layer of transformers has, and does something else."""

    def __init__(self, nf, nx):
        raise NotImplementedError

    def __repr__(self):
        return "theirs"

    def forward(self, x):
        return "theirs"


@pytest.fixture
def import_transformers(monkeypatch):
    """Return a function that stands for ``import transformers``."""
    bases = Conv1D.__bases__
    monkeypatch.delitem(sys.modules, "transformers.pytorch_utils", raising=False)
    Conv1D.__bases__ = (nn.Module,)

    def do_it():
        module = types.ModuleType("transformers.pytorch_utils")
        module.Conv1D = Theirs
        monkeypatch.setitem(sys.modules, "transformers.pytorch_utils", module)

    yield do_it
    Conv1D.__bases__ = bases


def smallest():
    return Conv1D(1, 1)


def test_without_transformers_the_layer_is_an_ordinary_module(import_transformers):
    assert not isinstance(Conv1D(2, 3), Theirs)
    assert Conv1D.__bases__ == (nn.Module,)


@pytest.mark.parametrize("make", [lambda: Conv1D(2, 3), lambda: WithWidth(2, 1, 3)])
def test_the_layer_is_one_of_theirs_and_takes_nothing_from_it(make, import_transformers):
    early = make()
    import_transformers()
    late = make()
    for each in (early, late, copy.deepcopy(late)):
        assert isinstance(each, Theirs)
        assert repr(each) == "Conv1D(nf=2, nx=3)"
        assert each(torch.zeros(1, 3)).shape == (1, 2)


def test_a_layer_from_a_file_is_one_of_theirs_too(import_transformers):
    file = pickle.dumps(Conv1D(2, 3))
    import_transformers()
    assert isinstance(pickle.loads(file), Theirs)


def test_short_cuts_are_taken_as_before(import_transformers):
    for step in (lambda: None, import_transformers):
        step()
        layer = Conv1D(2, 3)
        assert is_plain(layer, Conv1D)
        assert is_untouched(layer, smallest)


def test_the_layer_is_a_linear_one_with_weights_from_input_to_output():
    layer = Conv1D(2, 3)
    x = torch.randn(4, 5, 3)
    torch.testing.assert_close(layer(x), x @ layer.weight + layer.bias)
    assert torch.equal(copy.deepcopy(layer)(x), layer(x))
    assert (layer.in_features, layer.out_features) == (3, 2)
