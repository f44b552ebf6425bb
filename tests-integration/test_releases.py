"""What is made before and after drop-in mode keeps the release that it was made for."""

import copy
import pickle

import pytest
import torch

import ptbert
from ptbert_hub.release import current_release, set_release

OLD_NAME = "pytorch_pretrained_bert"
SIZES = {"n_positions": 8, "n_ctx": 8, "n_embd": 8, "n_layer": 2, "n_head": 2}
IDS = torch.tensor([[1, 2, 3]])


@pytest.fixture
def make(_downloads):
    """Return a function that makes one of each kind of object."""

    def make_objects():
        return {
            "gpt2": ptbert.GPT2Model(ptbert.GPT2Config(9, **SIZES)),
            "gpt": ptbert.OpenAIGPTModel(ptbert.OpenAIGPTConfig(9, **SIZES)),
            "loaded gpt2": ptbert.GPT2Model.from_pretrained("gpt2"),
            "tokenizer": ptbert.GPT2Tokenizer.from_pretrained("gpt2"),
        }

    return make_objects


def behaviour(objects):
    """What objects show of the release that they follow."""
    hidden, _ = objects["gpt2"].eval()(IDS)
    loaded, _ = objects["loaded gpt2"].eval()(IDS)
    tokenizer = objects["tokenizer"]
    return {
        "returns": [type(each) for each in (hidden, loaded, objects["gpt"].eval()(IDS))],
        "dropouts": [
            objects["gpt2"].drop.p,
            objects["gpt2"].h[0].attn.attn_dropout.p,
            objects["gpt2"].h[0].mlp.dropout.p,
            objects["loaded gpt2"].drop.p,
            objects["gpt"].drop.p,
            objects["gpt"].h[0].mlp.dropout.p,
        ],
        "configured": [objects[name].config.embd_pdrop for name in ("gpt2", "gpt")],
        "text": tokenizer.decode(tokenizer.encode("it 's .")),
    }


BEHAVIOUR = {
    "june": {
        "returns": [list, list, list],
        "dropouts": [0.1, 0.1, 0.1, 0.1, 0.1, 0.1],
        "configured": [0.1, 0.1],
        "text": "it's.",
    },
    "april": {
        "returns": [torch.Tensor, torch.Tensor, torch.Tensor],
        "dropouts": [0.0, 0.0, 0.0, 0.0, 0.0, 0.1],
        "configured": [0.1, 0.1],
        "text": "it 's .",
    },
}


def test_objects_keep_the_release_that_they_were_made_for(make, install):
    before = make()
    install("april")
    in_april = make()
    install("june")
    in_june = make()

    for _ in range(2):  # what runs changes nothing
        assert behaviour(before) == BEHAVIOUR["june"]
        assert behaviour(in_april) == BEHAVIOUR["april"]
        assert behaviour(in_june) == BEHAVIOUR["june"]


@pytest.mark.parametrize("again", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_keep_it_too(make, install, again):
    before = make()
    install("april")
    in_april = make()

    assert behaviour(again(before)) == BEHAVIOUR["june"]
    set_release("june")
    assert behaviour(again(in_april)) == BEHAVIOUR["april"]


def test_configurations_belong_to_no_release(make, install):
    """They are written to files as they are; a model decides when it is made."""
    config = ptbert.GPT2Config(9, **SIZES)
    install("april")

    assert ptbert.GPT2Model(config).drop.p == 0
    set_release("june")
    assert ptbert.GPT2Model(config).drop.p == 0.1


def test_an_unknown_release_is_refused():
    message = "release='may' is unknown; choose one of april, june"
    with pytest.raises(ValueError, match=message):
        set_release("may")
    with pytest.raises(ValueError, match=message):
        ptbert.install_as(OLD_NAME, release="may")
    assert current_release().name == "june"
