"""A model follows the release that was current when it was made."""

import copy
import io
import pickle

import pytest
import torch

from ptbert_hub.release import set_release
from ptbert_models import (
    GPT2Config,
    GPT2LMHeadModel,
    GPT2Model,
    OpenAIGPTConfig,
    OpenAIGPTLMHeadModel,
    OpenAIGPTModel,
)

IDS = torch.tensor([[1, 2, 3]])
SIZES = {"n_positions": 8, "n_ctx": 8, "n_embd": 8, "n_layer": 2, "n_head": 2}
BARE = [(GPT2Model, GPT2Config), (OpenAIGPTModel, OpenAIGPTConfig)]
SCORING = [(GPT2LMHeadModel, GPT2Config), (OpenAIGPTLMHeadModel, OpenAIGPTConfig)]


@pytest.fixture(autouse=True)
def _june_again():
    yield
    set_release("june")


def hidden_states(model):
    """Return the hidden states that a bare model returns; GPT-2 has presents after them."""
    output = model.eval()(IDS)
    return output[0] if isinstance(output, tuple) else output


def dropout_rates(model):
    return {module.p for module in model.modules() if isinstance(module, torch.nn.Dropout)}


@pytest.mark.parametrize(("model_class", "config_class"), BARE)
def test_models_keep_the_release_of_the_moment_when_they_were_made(model_class, config_class):
    config = config_class(9, **SIZES)
    models = []
    for release in ("june", "april", "june"):
        set_release(release)
        torch.manual_seed(0)
        models.append(model_class(config))

    first, april, last = map(hidden_states, models)

    assert [len(first), len(last)] == [3, 3]
    assert torch.equal(april, first[-1])
    assert torch.equal(april, last[-1])


@pytest.mark.parametrize(
    "copied",
    [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))],
    ids=["deepcopy", "pickle"],
)
@pytest.mark.parametrize(("made", "later"), [("april", "june"), ("june", "april")])
@pytest.mark.parametrize(("model_class", "config_class"), BARE)
def test_copies_keep_the_release(model_class, config_class, made, later, copied):
    set_release(made)
    model = model_class(config_class(9, **SIZES))
    set_release(later)

    again = copied(model)

    assert isinstance(hidden_states(again), torch.Tensor) == (made == "april")
    assert dropout_rates(again) == dropout_rates(model)


@pytest.mark.parametrize("release", ["april", "june"])
@pytest.mark.parametrize(("model_class", "config_class"), BARE)
def test_a_file_older_than_releases_follows_the_current_one(model_class, config_class, release):
    model = model_class(config_class(9, **SIZES))
    del model.last_hidden_state_only
    file = io.BytesIO(pickle.dumps(model))
    set_release(release)

    again = pickle.load(file)

    assert isinstance(hidden_states(again), torch.Tensor) == (release == "april")


@pytest.mark.parametrize(("model_class", "config_class"), SCORING)
def test_models_with_a_head_score_the_same_in_both_releases(model_class, config_class):
    scores = []
    for release in ("june", "april"):
        set_release(release)
        torch.manual_seed(0)
        output = model_class(config_class(9, **SIZES)).eval()(IDS)
        scores.append(output[0] if isinstance(output, tuple) else output)

    assert torch.equal(*scores)


def test_april_has_no_dropout_in_gpt2_and_none_on_the_embeddings_of_gpt():
    set_release("april")
    gpt2, gpt = GPT2Model(GPT2Config(9, **SIZES)), OpenAIGPTModel(OpenAIGPTConfig(9, **SIZES))

    assert dropout_rates(gpt2) == {0.0}
    assert gpt.drop.p == 0.0
    assert dropout_rates(gpt.h) == {0.1}


def test_june_has_every_dropout():
    for model in (GPT2Model(GPT2Config(9, **SIZES)), OpenAIGPTModel(OpenAIGPTConfig(9, **SIZES))):
        assert dropout_rates(model) == {0.1}


def test_the_release_stays_out_of_configuration_files():
    texts = []
    for release in ("april", "june"):
        set_release(release)
        texts.append(GPT2Model(GPT2Config(9, **SIZES)).config.to_json_string())
    assert texts[0] == texts[1]
