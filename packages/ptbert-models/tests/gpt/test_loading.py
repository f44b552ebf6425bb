"""Old and new checkpoints of both families."""

import json

import pytest
import torch
from torch import nn

import ptbert_models
from ptbert_models import GPT2Config, GPT2DoubleHeadsModel, GPT2LMHeadModel, OpenAIGPTModel
from ptbert_models.gpt import GPT2PreTrainedModel, gpt2

IDS = torch.tensor([[3, 4, 5, 6, 7]])


def scores(output):
    return output[0] if isinstance(output, tuple) else output


def equal(one, other):
    return all(torch.equal(one[key], other[key]) for key in one.keys() & other.keys())


@pytest.fixture
def load(family, save):
    """Return a function that saves a model or weights and loads another kind from them."""

    def save_and_load(model, kind, weights=None, **arguments):
        path = save(model)
        if weights is not None:
            torch.save(weights, path / "pytorch_model.bin")
        cls = getattr(ptbert_models, f"{family}{kind}")
        return cls.from_pretrained(path, **arguments)

    return save_and_load


def test_a_head_s_checkpoint_fills_the_bare_model_and_the_reverse(build, load):
    model = build("LMHeadModel")
    assert equal(load(model, "Model").state_dict(), model.transformer.state_dict())


def test_the_bare_model_s_checkpoint_fills_a_model_with_heads(build, load, caplog):
    bare = build("Model")

    model = load(bare, "DoubleHeadsModel")

    assert equal(model.transformer.state_dict(), bare.state_dict())
    assert model.lm_head.decoder.weight is model.transformer.token_embedding().weight
    assert "multiple_choice_head.linear.weight" in caplog.text
    assert "lm_head" not in caplog.text
    assert model.multiple_choice_head.linear.bias.eq(0).all()


def test_causal_masks_of_old_files_are_passed_over(build, load):
    model = build("LMHeadModel")
    weights = dict(model.state_dict())
    for layer in range(2):
        weights[f"transformer.h.{layer}.attn.bias"] = torch.ones(1, 1, 16, 16).tril()
        weights[f"transformer.h.{layer}.attn.masked_bias"] = torch.tensor(-1e4)

    assert not model.load_state_dict(weights).unexpected_keys  # strict
    assert equal(load(model, "LMHeadModel", weights).state_dict(), model.state_dict())
    assert not any(key.endswith(".attn.bias") for key in model.state_dict())


def test_heads_as_later_libraries_name_them_load(build, load, caplog):
    model = build("DoubleHeadsModel")
    weights = {
        key.replace("lm_head.decoder", "lm_head").replace("head.linear", "head.summary"): tensor
        for key, tensor in model.state_dict().items()
    }
    assert "lm_head.weight" in weights

    loaded = load(model, "DoubleHeadsModel", weights)

    assert equal(loaded.state_dict(), model.state_dict())
    assert not caplog.records


def test_short_key_endings_of_the_first_gpt_load(tmp_path, save):
    config = ptbert_models.OpenAIGPTConfig(9, n_embd=8, n_layer=1, n_head=2, n_positions=4)
    model = OpenAIGPTModel(config)
    path = save(model)
    endings = {"weight": "w", "bias": "b"}
    old = {}
    for key, tensor in model.state_dict().items():
        stem, _, ending = key.rpartition(".")
        short = "g" if ".ln_" in key and ending == "weight" else endings[ending]
        old[key if "embed" in key else f"{stem}.{short}"] = tensor
    old["h.0.attn.b"] = torch.ones(1, 1, 4, 4)
    torch.save(old, path / "pytorch_model.bin")

    assert "h.0.ln_1.g" in old
    assert not model.load_state_dict(old).missing_keys
    assert equal(OpenAIGPTModel.from_pretrained(path).state_dict(), model.state_dict())


def test_special_tokens_are_made_room_for_on_loading(build, load):
    model = build("LMHeadModel")

    larger = load(model, "LMHeadModel", num_special_tokens=6)

    assert scores(larger.eval()(IDS)).shape == (1, 5, 36)
    torch.testing.assert_close(scores(larger(IDS))[..., :32], scores(model(IDS)))
    assert larger.training is False


def test_special_tokens_are_left_unscored_on_request(build, load):
    model = load(build("LMHeadModel"), "LMHeadModel", predict_special_tokens=False)
    assert scores(model(IDS)).shape == (1, 5, 30)


def test_the_number_of_special_tokens_stands_second_for_the_first_gpt(save):
    config = ptbert_models.OpenAIGPTConfig(9, n_embd=8, n_layer=1, n_head=2, n_positions=4)
    path = save(OpenAIGPTModel(config))
    assert OpenAIGPTModel.from_pretrained(path, 3).tokens_embed.weight.shape == (12, 8)


def test_the_bare_model_counts_special_tokens_too(build, load):
    assert load(build("Model"), "Model", num_special_tokens=0).config.n_special == 0


def test_first_values_follow_the_configuration(build, config):
    config.initializer_range = 0.5
    block = build("Model").h[0]
    assert block.attn.c_attn.weight.std().item() == pytest.approx(0.5, rel=0.2)
    assert block.mlp.c_fc.bias.eq(0).all()


def test_today_s_configuration_files_build_models(tmp_path, family):
    """With the keys that later libraries write."""
    values = {
        "GPT2": {"activation_function": "gelu_new", "n_inner": None, "n_ctx": 16},
        "OpenAIGPT": {"afn": "gelu", "n_special": 0, "n_ctx": 16},
    }[family]
    shared = {
        "architectures": [f"{family}LMHeadModel"],
        "attn_pdrop": 0.1,
        "embd_pdrop": 0.1,
        "initializer_range": 0.02,
        "layer_norm_epsilon": 1e-05,
        "model_type": family.lower(),
        "n_embd": 16,
        "n_head": 4,
        "n_layer": 1,
        "n_positions": 16,
        "resid_pdrop": 0.1,
        "summary_first_dropout": 0.1,
        "vocab_size": 30,
    }
    path = tmp_path / "config.json"
    path.write_text(json.dumps(values | shared))

    config = getattr(ptbert_models, f"{family}Config").from_json_file(path)
    model = getattr(ptbert_models, f"{family}LMHeadModel")(config).eval()

    assert scores(model(IDS)).shape == (1, 5, 30)
    assert json.loads(config.to_json_string())["model_type"] == family.lower()


class Release(GPT2PreTrainedModel):
    """A model as programs wrote them for release 0.6.2."""

    def __init__(self, config):
        super().__init__(config)
        self.transformer = ptbert_models.GPT2Model(config)
        self.lm_head = gpt2.GPT2LMHead(nn.Parameter(torch.zeros(30, 16)), config)
        self.apply(self.init_weights)

    def set_tied(self):
        """Share the embeddings after loading."""
        self.lm_head.set_embeddings_weights(self.transformer.wte.weight)

    def forward(self, ids):
        """Score the next tokens."""
        hidden, _ = self.transformer(ids)
        return self.lm_head(hidden[-1])


def test_a_subclass_ties_its_weights_after_loading(save):
    config = GPT2Config(30, n_embd=16, n_layer=2, n_head=4, n_positions=16)
    path = save(GPT2LMHeadModel(config))

    model = Release.from_pretrained(path)

    assert model.lm_head.decoder.weight is model.transformer.wte.weight
    assert equal(model.state_dict(), GPT2LMHeadModel.from_pretrained(path).state_dict())


def test_double_heads_survive_a_round_trip(save):
    config = GPT2Config(30, n_special=3, n_embd=16, n_layer=2, n_head=4, n_positions=16)
    model = GPT2DoubleHeadsModel(config)
    again = GPT2DoubleHeadsModel.from_pretrained(save(model))
    assert equal(model.state_dict(), again.state_dict())
    assert again.training
