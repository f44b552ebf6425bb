import copy
import math

import pytest
import torch
from torch import nn

from ptbert_models.gpt import LayerCache, gpt2, openai
from ptbert_models.gpt.layers import MLP, CausalAttention
from ptbert_models.parts.conv1d import Conv1D

MODULES = {"GPT2": gpt2, "OpenAIGPT": openai}


@pytest.fixture
def layers(family):
    return MODULES[family]


@pytest.fixture
def hidden():
    torch.manual_seed(0)
    return torch.randn(2, 5, 16)


def first(output):
    return output[0] if isinstance(output, tuple) else output


def test_a_layer_multiplies_with_weights_in_by_out():
    layer = Conv1D(3, 2)
    nn.init.normal_(layer.bias)
    x = torch.randn(4, 5, 2)

    torch.testing.assert_close(layer(x), x @ layer.weight + layer.bias)
    torch.testing.assert_close(layer(x[0, 0]), x[0, 0] @ layer.weight + layer.bias)
    assert (layer.in_features, layer.out_features) == (2, 3)


def test_the_width_of_a_gpt_convolution_is_one():
    assert openai.Conv1D(3, 1, 2)(torch.zeros(2)).shape == (3,)
    for width in (0, 2):
        with pytest.raises(ValueError, match=f"rf={width} is not supported"):
            openai.Conv1D(3, width, 2)


def test_parts_take_positional_arguments_and_copy(layers, config, hidden):
    block = layers.Block(config.n_ctx, config, True).eval()
    attention = layers.Attention(16, config.n_ctx, config, True)

    assert first(attention(hidden)).shape == hidden.shape
    assert MLP(4 * 16, config)(hidden).shape == hidden.shape
    assert torch.equal(first(copy.deepcopy(block)(hidden)), first(block(hidden)))


def test_a_block_called_by_hand_returns_what_it_did_in_2019(layers, config, hidden):
    plain = layers.Block(16, config, True)(hidden)
    weights, *_ = with_weights = layers.Block(16, config, True, True)(hidden)

    assert weights.shape == (2, 4, 5, 5)
    if layers is gpt2:
        assert [tensor.shape for tensor in plain] == [(2, 5, 16), (2, 2, 4, 5, 4)]
        assert len(with_weights) == 3
    else:
        assert plain.shape == (2, 5, 16)
        assert len(with_weights) == 2


def test_parts_scale_and_keep_nothing_unless_asked(layers, config, hidden):
    for part in (layers.Attention(16, 16, config), layers.Block(16, config).attn):
        assert part.scale is False
        output = part(hidden)
        assert len(output) == 2 if layers is gpt2 else output.shape == hidden.shape
        assert part.multihead_output is None


def test_keys_may_be_split_the_other_way_round(layers, config, hidden):
    """As programs of 2019 call it: (B, H, D, L), ready to be multiplied with."""
    attention = layers.Attention(16, 16, config)
    queries, keys = attention.split_heads(hidden), attention.split_heads(hidden, k=True)
    assert queries.shape == (2, 4, 5, 4)
    assert torch.equal(keys, queries.transpose(2, 3))
    assert torch.equal(queries[1, 3, 2], hidden[1, 2, 12:])


def test_a_state_without_a_mask_has_the_context_of_the_published_gpt2(config):
    attention = gpt2.Attention(16, 16, config)
    del attention.__dict__["n_ctx"]
    assert attention.bias.shape == (1, 1, 1024, 1024)


def test_attention_is_the_formula(config, hidden):
    """Computed step by step with the mask of ones and zeros that 2019 multiplied by."""
    attention = gpt2.Attention(16, 16, config, True).eval()
    query, key, value = (
        attention.split_heads(part) for part in attention.c_attn(hidden).split(16, dim=-1)
    )
    mask = torch.tril(torch.ones(5, 5))
    scores = query @ key.transpose(-2, -1) / math.sqrt(4) * mask - 1e4 * (1 - mask)
    context = (scores.softmax(-1) @ value).transpose(1, 2).reshape(2, 5, 16)

    output, present = attention(hidden)

    torch.testing.assert_close(output, attention.c_proj(context), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(present, torch.stack((key, value)))


def test_scores_are_not_scaled_unless_asked(layers, config, hidden):
    torch.manual_seed(0)
    unscaled = layers.Attention(16, 16, config).eval()
    scaled = copy.deepcopy(unscaled)
    scaled.scale = True

    with torch.no_grad():
        unscaled.c_attn.weight[:, :16] /= math.sqrt(4)
        unscaled.c_attn.bias[:16] /= math.sqrt(4)

    torch.testing.assert_close(first(unscaled(hidden)), first(scaled(hidden)))


def test_a_subclass_may_spell_attention_out_with_three_arguments(layers, config, hidden):
    class Spelled(layers.Attention):
        def _attn(self, q, k, v):
            scores = q @ k / math.sqrt(v.size(-1))
            seen, total = scores.shape[-2:]
            mask = self.bias[:, :, total - seen : total, :total]
            return (scores * mask - 1e4 * (1 - mask)).softmax(-1) @ v

    torch.manual_seed(0)
    ours = layers.Attention(16, 16, config, True).eval()
    theirs = Spelled(16, 16, config, True).eval()
    theirs.load_state_dict(ours.state_dict())

    for got, want in zip(theirs(hidden), ours(hidden), strict=True):
        torch.testing.assert_close(got, want, atol=1e-6, rtol=1e-5)


def test_a_head_mask_is_the_fourth_argument_of_attention(layers, config, hidden):
    class Recording(layers.Attention):
        def _attn(self, *arguments):
            self.seen = len(arguments)
            return super()._attn(*arguments)

    attention = Recording(16, 16, config, True)

    attention(hidden)
    assert attention.seen == 3
    attention(hidden, head_mask=torch.ones(4, 1, 1))
    assert attention.seen == 4


def test_a_block_accepts_attention_of_the_release(config, hidden):
    """Release 0.6.2 had neither head masks nor padding."""

    class Older(gpt2.Attention):
        def forward(self, x, layer_past=None):
            return super().forward(x, layer_past)

    block = gpt2.Block(16, config, True)
    block.attn = Older(16, 16, config, True)

    assert len(block(hidden)) == 2


def test_a_state_of_the_release_is_completed(config, hidden):
    """Whole-model files of 0.6.2 have a mask and no dropouts."""
    old = gpt2.Attention(16, 16, config, True).eval()
    expected = old(hidden)[0]
    for name in ("attn_dropout", "resid_dropout"):
        delattr(old, name)
    for name in ("n_ctx", "output_attentions", "keep_multihead_output", "multihead_output"):
        del old.__dict__[name]
    vars(old)["_buffers"]["bias"] = torch.ones(1, 1, 12, 12).tril()

    again = gpt2.Attention.__new__(gpt2.Attention)
    again.__setstate__(old.__dict__)

    assert torch.equal(again(hidden)[0], expected)
    assert again.bias.shape == (1, 1, 12, 12)
    assert "bias" not in again.state_dict()
    assert torch.equal(again.train()(hidden)[0], expected)


def test_features_must_be_shared_by_heads(layers, config):
    with pytest.raises(ValueError, match="nx=18 cannot be shared by n_head=4"):
        layers.Attention(18, 16, config)


def test_a_cache_gives_what_concatenation_gives():
    cache = LayerCache(capacity=6)
    parts = [torch.randn(2, 3, 4, length, 5) for length in (3, 1, 2)]

    views = [cache.append(part) for part in parts]

    assert torch.equal(views[-1], torch.cat(parts, dim=-2))
    assert cache.length == 6


@pytest.mark.parametrize("capacity", [4, 6, 7, 20])  # nearly full, half full, and with much room
def test_a_cache_can_be_reordered_and_widened(capacity):
    cache = LayerCache(capacity)
    cache.select(torch.tensor([0]))  # empty: nothing to do
    part = torch.randn(2, 2, 4, 3, 5)
    cache.append(part)

    cache.select(torch.tensor([1, 1, 0]))

    assert torch.equal(cache.append(part.new_zeros(2, 3, 4, 1, 5))[..., :3, :], part[:, [1, 1, 0]])


def test_a_full_cache_says_so():
    with pytest.raises(ValueError, match="a cache for 2 tokens cannot take token 3"):
        LayerCache(capacity=2).append(torch.zeros(2, 1, 1, 3, 1))


def test_attention_shares_one_definition(layers):
    assert issubclass(layers.Attention, CausalAttention)
