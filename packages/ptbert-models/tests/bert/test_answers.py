"""Where answers are, if padding is left out: never in padding."""

import pytest
import torch
import torch.nn.functional as F

from ptbert_models import BertConfig, BertForQuestionAnswering

LENGTHS = (2, 6, 4)
MASK = torch.tensor([[1] * length + [0] * (6 - length) for length in LENGTHS])
IDS = torch.tensor([[3, 5, 7, 2, 4, 6], [8, 9, 1, 2, 3, 4], [5, 6, 7, 8, 0, 0]])
STARTS, ENDS = torch.tensor([0, 2, 3]), torch.tensor([1, 5, 3])


@pytest.fixture
def model():
    torch.manual_seed(0)
    sizes = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2}
    model = BertForQuestionAnswering(BertConfig(12, intermediate_size=16, **sizes)).eval()
    torch.nn.init.normal_(model.qa_outputs.bias, std=3.0)  # what a state of zeros gets
    return model


def alone(model):
    """The scores of each text without any padding."""
    return [
        [scores[0] for scores in model(ids[None, :length])]
        for ids, length in zip(IDS, LENGTHS, strict=True)
    ]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_padding_has_the_lowest_scores_and_other_tokens_have_those_of_the_text_alone(model, dtype):
    model.to(dtype).leave_out_padding = True
    for number, scores in enumerate(model(IDS, None, MASK)):
        assert (scores[MASK == 0] == torch.finfo(dtype).min).all()
        want = torch.cat([each[number] for each in alone(model)])
        torch.testing.assert_close(scores[MASK == 1], want)


def test_the_loss_is_about_real_tokens(model):
    want = [
        F.cross_entropy(torch.stack([scores]), position[None])
        for text, *positions in zip(alone(model), STARTS, ENDS, strict=True)
        for scores, position in zip(text, positions, strict=True)
    ]
    model.leave_out_padding = True
    loss = model(IDS, None, MASK, STARTS, ENDS)
    torch.testing.assert_close(loss, torch.stack(want).mean())


@pytest.mark.parametrize("wrong", [2, 5, 6, 99])
def test_positions_in_padding_are_past_the_text(model, wrong):
    model.leave_out_padding = True
    starts, ends = STARTS.clone(), ENDS.clone()
    starts[0] = ends[0] = wrong
    loss = model(IDS, None, MASK, starts, ends)
    torch.testing.assert_close(loss, model(IDS[1:], None, MASK[1:], starts[1:], ends[1:]))
    loss.backward()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


@pytest.mark.parametrize("kind", [torch.uint8, torch.int64])
def test_the_loss_under_autocast_and_with_other_integers(model, kind):
    model.leave_out_padding = True
    want = model(IDS, None, MASK, STARTS, ENDS)
    with torch.autocast("cpu", torch.bfloat16):
        loss = model(IDS, None, MASK, STARTS.to(kind), ENDS.to(kind))
        start, _ = model(IDS, None, MASK)
    torch.testing.assert_close(loss.float(), want, atol=0.1, rtol=0.05)
    assert (start[MASK == 0] == torch.finfo(start.dtype).min).all()


@pytest.mark.parametrize("mask", [None, MASK[:, None].expand(3, 6, 6)])
def test_a_mask_that_names_no_padding_changes_no_score(model, mask):
    want = model(IDS, None, mask)
    model.leave_out_padding = True
    for got, expected in zip(model(IDS, None, mask), want, strict=True):
        assert torch.equal(got, expected)


def test_without_the_request_padding_is_scored_as_in_2019(model):
    start, _ = model(IDS, None, MASK)
    assert (start[MASK == 0] > -100).all()
