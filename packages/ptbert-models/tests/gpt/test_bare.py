"""Padding, positions, past and special tokens."""

import re

import pytest
import torch

from ptbert_models import GPT2LMHeadModel, GPT2Model
from ptbert_models.gpt import LayerCache

LONG = torch.tensor([[3, 4, 5, 6, 7]])
SHORT = torch.tensor([[8, 9, 1]])
LEFT = torch.tensor([[3, 4, 5, 6, 7], [0, 0, 8, 9, 1]])
LEFT_MASK = torch.tensor([[1, 1, 1, 1, 1], [0, 0, 1, 1, 1]])
TOLERANCE = {"atol": 2e-6, "rtol": 1e-5}


def hidden(output):
    """Return the last hidden states of a bare model's output."""
    return (output[0] if isinstance(output, tuple) else output)[-1]


def scores(output):
    return output[0] if isinstance(output, tuple) else output


@pytest.fixture(params=["fused", "explicit"])
def bare(request, build):
    return build("Model", output_attentions=request.param == "explicit")


def run(model, *inputs, **arguments):
    """Return last hidden states, with attentions before them or not."""
    output = model(*inputs, **arguments)
    return hidden(output[1:] if model.output_attentions else output)


def test_left_padding_equals_no_padding(bare):
    padded = run(bare, LEFT, attention_mask=LEFT_MASK)

    torch.testing.assert_close(padded[:1], run(bare, LONG), **TOLERANCE)
    torch.testing.assert_close(padded[1:, 2:], run(bare, SHORT), **TOLERANCE)
    assert padded.isfinite().all()


def test_right_padding_equals_no_padding(bare):
    ids = torch.tensor([[3, 4, 5, 6, 7], [8, 9, 1, 0, 0]])

    padded = run(bare, ids, attention_mask=LEFT_MASK.flip(-1))

    torch.testing.assert_close(padded[1:, :3], run(bare, SHORT), **TOLERANCE)


@pytest.mark.parametrize("convert", [torch.Tensor.bool, torch.Tensor.byte, torch.Tensor.float])
def test_masks_may_be_of_any_type(bare, convert):
    torch.testing.assert_close(
        run(bare, LEFT, attention_mask=convert(LEFT_MASK)),
        run(bare, LEFT, attention_mask=LEFT_MASK),
    )


def test_a_mask_of_ones_changes_nothing(bare):
    assert torch.equal(run(bare, LONG, attention_mask=torch.ones(1, 5)), run(bare, LONG))


def test_padding_counts_in_no_loss(build):
    model = build("LMHeadModel")
    labels = LEFT.masked_fill(LEFT_MASK == 0, -1)

    loss = model(LEFT, lm_labels=labels, attention_mask=LEFT_MASK)

    # The first real token of the short text is predicted from padding alone.
    first = -scores(model(LEFT, attention_mask=LEFT_MASK)).log_softmax(-1)[1, 1, 8]
    alone = 4 * model(LONG, lm_labels=LONG) + 2 * model(SHORT, lm_labels=SHORT)
    torch.testing.assert_close(loss, (alone + first) / 7)


def test_a_mask_of_another_length_is_refused(bare):
    for length in (4, 6):
        with pytest.raises(
            ValueError, match=f"attention_mask covers {length} tokens, and past and input tog"
        ):
            bare(LONG, attention_mask=torch.ones(1, length))


def test_the_longest_text_is_as_long_as_the_table_of_positions(bare):
    assert run(bare, torch.ones(1, 16, dtype=torch.long)).shape == (1, 16, 16)


@pytest.mark.parametrize("split", [1, 3, 4])
@pytest.mark.parametrize("mask", [None, LEFT_MASK])
@pytest.mark.parametrize("output_attentions", [False, True])
def test_past_equals_no_past(gpt2_config, split, mask, output_attentions):
    torch.manual_seed(0)
    model = GPT2Model(gpt2_config, output_attentions=output_attentions).eval()
    *_, whole, presents = model(LEFT, attention_mask=mask)

    *_, past = model(LEFT[:, :split], attention_mask=mask if mask is None else mask[:, :split])
    *_, rest, again = model(LEFT[:, split:], past=past, attention_mask=mask)

    torch.testing.assert_close(rest[-1][0], whole[-1][0, split:], **TOLERANCE)
    torch.testing.assert_close(rest[-1][1, -1], whole[-1][1, -1], **TOLERANCE)
    assert [p.shape for p in again] == [(2, 2, 4, 5, 4)] * 2
    torch.testing.assert_close(again[1][:, 0], presents[1][:, 0], **TOLERANCE)


@pytest.mark.parametrize("steps", [(5,), (2, 3), (1, 1, 1, 1, 1)])
def test_caches_equal_no_past(bare, steps):
    caches = [LayerCache(capacity=8) for _ in range(2)]

    parts, start = [], 0
    for step in steps:
        mask = LEFT_MASK[:, : start + step]
        ids = LEFT[:, start : start + step]
        parts.append(run(bare, ids, past=caches, attention_mask=mask))
        start += step

    whole = run(bare, LEFT, attention_mask=LEFT_MASK)
    torch.testing.assert_close(torch.cat(parts, 1)[LEFT_MASK == 1], whole[LEFT_MASK == 1])


def test_past_of_another_depth_is_refused(bare):
    with pytest.raises(ValueError, match="past has 1 layers and this model has 2; give the pres"):
        bare(LONG, past=[LayerCache(8)])


def test_given_positions_and_types_are_used(bare):
    positions = torch.tensor([[2, 3, 4, 5, 6]])
    types = torch.tensor([[30, 30, 31, 31, 31]])
    with torch.no_grad():
        bare.position_embedding().weight[2:7] = bare.position_embedding().weight[:5].clone()
        bare.token_embedding().weight[30:] = 0

    moved = run(bare, LONG, position_ids=positions, token_type_ids=types)
    bare.position_embedding().weight.data[0] = 99

    assert torch.equal(run(bare, LONG, position_ids=positions), moved)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"input_ids": torch.tensor([[3, 32]])},
            "input_ids holds 32, and this model takes 0 to 31",
        ),
        ({"input_ids": torch.tensor([[-1, 3]])}, "input_ids holds -1, and this model takes 0 to"),
        (
            {"input_ids": LONG, "position_ids": torch.full((1, 5), 16)},
            "position_ids holds 16, and this model takes 0 to 15; shorten the texts",
        ),
        (
            {"input_ids": LONG, "token_type_ids": torch.full((1, 5), 40)},
            "token_type_ids holds 40, and this model takes 0 to 31",
        ),
        (
            {"input_ids": torch.ones(1, 17, dtype=torch.long)},
            r"a text of 17 tokens \(0 of them in past\) is longer than n_positions=16",
        ),
        (
            {
                "input_ids": torch.ones(1, 18, dtype=torch.long),
                "attention_mask": torch.arange(18)[None] > 0,
            },
            "position_ids holds 16",
        ),
    ],
)
def test_what_no_embedding_has_is_named(bare, arguments, message):
    with pytest.raises(ValueError, match=message):
        bare(**arguments)


def test_a_choice_token_past_the_end_is_named(build):
    model = build("DoubleHeadsModel")
    with pytest.raises(ValueError, match="mc_token_ids holds 5, and this model takes 0 to 4"):
        model(LONG[None], torch.tensor([[5]]))


@pytest.mark.parametrize("shape", [(2, 1), (2,), (2, 3), (1, 2), (2, 2, 1)])
def test_one_position_is_needed_for_each_choice(build, shape):
    model, ids = build("DoubleHeadsModel"), torch.ones(2, 2, 4, dtype=torch.long)
    message = rf"mc_token_ids has shape {re.escape(str(shape))} and the choices \(2, 2\); give one"
    with pytest.raises(ValueError, match=message):
        model(ids, torch.zeros(shape, dtype=torch.long))


@pytest.mark.parametrize("name", ["position_ids", "token_type_ids"])
def test_positions_and_types_of_another_batch_are_refused(bare, name):
    ids = torch.ones(2, 3, dtype=torch.long)
    bare(ids, **{name: ids[:1]})
    for wrong in (torch.ones(2, 4, dtype=torch.long), torch.ones(3, 3, dtype=torch.long)):
        with pytest.raises(ValueError, match=rf"^{name} has shape \({wrong.size(0)}, .*\(2, 3\)"):
            bare(ids, **{name: wrong})


@pytest.mark.parametrize("kind", ["LMHeadModel", "DoubleHeadsModel"])
def test_special_tokens_are_added_and_known_rows_kept(build, config, kind):
    model = build(kind)
    before = model.lm_head.decoder.weight.detach().clone()

    model.set_num_special_tokens(5)

    embedding = model.transformer.token_embedding()
    assert embedding.weight.shape == (35, 16)
    assert torch.equal(embedding.weight[:32], before)
    assert embedding.weight[32:].std() > 0
    assert model.lm_head.decoder.weight is embedding.weight
    assert (model.config.n_special, model.transformer.config.n_special) == (5, 5)
    assert config.n_special == 2  # the caller's stays as it was
    assert torch.equal(model.state_dict()["lm_head.decoder.weight"], embedding.weight)


def test_special_tokens_can_be_taken_away(build):
    model = build("LMHeadModel")
    model.set_num_special_tokens(0)
    assert scores(model(LONG)).shape == (1, 5, 30)


def test_special_tokens_need_not_be_scored(build):
    model = build("LMHeadModel")
    everything = scores(model(LONG))

    model.set_num_special_tokens(2, predict_special_tokens=False)
    assert torch.equal(scores(model(LONG)), everything[..., :30])

    model.set_num_special_tokens(2)
    assert torch.equal(scores(model(LONG)), everything)


def test_a_negative_number_of_special_tokens_is_refused(build):
    with pytest.raises(ValueError, match="n_special=-1 must be an integer from 0 up"):
        build("Model").set_num_special_tokens(-1)


def test_a_model_without_embeddings_of_its_own_says_so(config):
    from ptbert_models.gpt.bare import GPTPreTrainedModel

    class Alone(GPTPreTrainedModel):
        config_class = type(config)

    with pytest.raises(NotImplementedError, match="Alone has no token embeddings of its own"):
        Alone(config).set_num_special_tokens(1)


def test_past_may_be_a_pair_of_keys_and_values(gpt2_config):
    """2019 only indexed each layer's past."""
    model = GPT2LMHeadModel(gpt2_config).eval()
    _, past = model(LONG[:, :4])

    whole, _ = model(LONG[:, 4:], past=past)
    pairs, _ = model(LONG[:, 4:], past=[(layer[0], layer[1]) for layer in past])

    assert torch.equal(whole, pairs)
