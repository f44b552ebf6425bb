"""Arguments that 2019 did not have mean the same in every model, and wrong ones are named."""

import pytest
import torch
from tiny_models import MODELS, tensors, tiny
from torch import nn

from ptbert_models import (
    BertForMaskedLM,
    BertForSequenceClassification,
    BertModel,
    GPT2Model,
    OpenAIGPTModel,
    TransfoXLModel,
)
from ptbert_models.families import FAMILIES

BERTS = [*FAMILIES["bert"].models]
XLS = FAMILIES["transfo_xl"].models
GPTS = [each for each in MODELS if each not in {*BERTS, *XLS}]
every = pytest.mark.parametrize("model_class", MODELS, ids=lambda each: each.__name__)
with_masks = pytest.mark.parametrize("model_class", BERTS + GPTS, ids=lambda each: each.__name__)
berts = pytest.mark.parametrize("model_class", BERTS, ids=lambda each: each.__name__)
IDS = torch.tensor([[3, 4, 5, 6], [7, 8, 9, 2]])
SEES = torch.tensor([[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [1, 0, 1, 1]])


def made(model_class, **arguments):
    return tiny(model_class, **arguments).eval()


def run(model, **given):
    """Call a model with texts, or with the same texts as choices where it wants these."""
    if "Multiple" in type(model).__name__ or "Double" in type(model).__name__:
        given = {
            name: each[:, None] if isinstance(each, torch.Tensor) else each
            for name, each in given.items()
        }
    if "Double" in type(model).__name__:
        given["mc_token_ids"] = torch.ones(len(IDS), 1, dtype=torch.long)
    return tensors(model(**given))


def same(got, want):
    for left, right in zip(got, want, strict=True):
        torch.testing.assert_close(left, right, atol=1e-6, rtol=1e-5)


def differ(got, want):
    return not all(torch.allclose(left, right) for left, right in zip(got, want, strict=True))


@every
def test_vectors_stand_for_ids(model_class):
    model = made(model_class)
    vectors = model.get_input_embeddings()(IDS)
    same(run(model, inputs_embeds=vectors), run(model, input_ids=IDS))


@every
def test_vectors_get_gradients(model_class):
    model = made(model_class).double()
    vectors = model.get_input_embeddings()(IDS).detach().requires_grad_()
    output = run(model, inputs_embeds=vectors)
    sum(each.square().sum() for each in output if each.requires_grad).backward()
    assert vectors.grad.abs().sum() > 0


@every
def test_either_ids_or_vectors_are_given(model_class):
    model = made(model_class)
    vectors = model.get_input_embeddings()(IDS)
    with pytest.raises(ValueError, match="input_ids and inputs_embeds are both given; vectors sta"):
        run(model, input_ids=IDS, inputs_embeds=vectors)
    with pytest.raises(TypeError, match="input_ids is of type NoneType; give a tensor"):
        run(model, attention_mask=None) if model_class not in XLS else run(model)


@every
def test_vectors_of_another_width_or_type_are_refused(model_class):
    model = made(model_class)
    with pytest.raises(ValueError, match="this model has vectors of width 8"):
        run(model, inputs_embeds=torch.zeros(2, 4, 1))
    with pytest.raises(ValueError, match=r"inputs_embeds is of type torch.int64 and has shape \(2"):
        run(model, inputs_embeds=torch.zeros(2, 4, 8, dtype=torch.long))
    with pytest.raises(
        ValueError, match=r"of type torch\.float64, and this model computes in torch"
    ):
        run(model, inputs_embeds=torch.zeros(2, 4, 8, dtype=torch.double))


@every
def test_vectors_of_a_narrower_type_are_computed_with_in_that_of_the_model(model_class):
    model = made(model_class)
    vectors = model.get_input_embeddings()(IDS).detach().half()
    same(run(model, inputs_embeds=vectors), run(model, inputs_embeds=vectors.float()))


@every
def test_texts_of_no_tokens_are_refused(model_class):
    model = made(model_class)
    with pytest.raises(ValueError, match=r"input_ids has shape .*0\); give at least one token"):
        run(model, input_ids=IDS[:, :0])
    with pytest.raises(ValueError, match=r"inputs_embeds has shape .*0\); give at least one token"):
        run(model, inputs_embeds=torch.zeros(2, 0, 8))


@every
def test_sparse_ids_are_refused(model_class):
    with pytest.raises(TypeError, match=r"input_ids is a tensor of the layout sparse_coo; give a"):
        made(model_class)(IDS.to_sparse())


@berts
def test_positions_are_counted_from_0(model_class):
    model = made(model_class)
    want = run(model, input_ids=IDS)
    same(run(model, input_ids=IDS, position_ids=torch.arange(4).expand(2, 4)), want)
    assert differ(
        run(model, input_ids=IDS, position_ids=torch.arange(4).flip(0).expand(2, 4)), want
    )


def test_positions_move_with_their_tokens():
    """Attention sees no order but that of the positions."""
    model = made(BertModel)
    order = torch.tensor([2, 0, 3, 1])
    moved = model(IDS[:, order], position_ids=order[None])[0][-1]
    torch.testing.assert_close(moved, model(IDS)[0][-1][:, order], atol=1e-6, rtol=1e-5)


def test_positions_that_a_bert_does_not_have_are_named():
    model = made(BertModel)
    with pytest.raises(
        ValueError, match="position_ids holds 12, and this model takes 0 to 11; cut"
    ):
        model(IDS, position_ids=torch.tensor([[3, 4, 5, 12]]))
    with pytest.raises(ValueError, match=r"position_ids has shape \(1, 3\) and the batch \(2, 4\)"):
        model(IDS, position_ids=torch.tensor([[3, 4, 5]]))
    with pytest.raises(TypeError, match="position_ids is of type list; give a tensor"):
        model(IDS, position_ids=[[3, 4, 5, 0]])


@with_masks
def test_a_mask_with_equal_rows_is_a_mask_of_padding(model_class):
    model = made(model_class)
    padding = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])
    got = run(model, input_ids=IDS, attention_mask=padding[:, None].expand(2, 4, 4))
    more = {}
    if model_class in GPTS:  # these do not count padding, and a mask for each token says of none
        more["position_ids"] = torch.arange(4).expand(2, 4)
    same(got, run(model, input_ids=IDS, attention_mask=padding, **more))


@pytest.mark.parametrize(
    ("model_class", "rows"),
    [(each, 2) for each in BERTS + GPTS] + [(BertModel, 1), (GPT2Model, 1), (OpenAIGPTModel, 1)],
)
@pytest.mark.parametrize("convert", [torch.Tensor.bool, torch.Tensor.long, torch.Tensor.float])
def test_a_mask_says_for_each_token_what_it_sees(model_class, convert, rows):
    """Token 0 sees only itself, so its states are those of the text with that token alone."""
    model = made(model_class)
    mask = convert(SEES.expand(rows, 4, 4))
    got = run(model, input_ids=IDS, attention_mask=mask)
    changed = IDS.clone()
    changed[:, 3] = 10  # which only the last token sees
    again = run(model, input_ids=changed, attention_mask=mask)
    for left, right in zip(got, again, strict=True):
        if left.dim() >= 3 and left.size(-2) == 4:
            torch.testing.assert_close(left[..., :3, :], right[..., :3, :])
        elif left.dim() == 2 and left.size(-1) == 8:  # the first token, pooled
            torch.testing.assert_close(left, right)
    alone = run(model, input_ids=IDS[:, :3], attention_mask=mask[:, :3, :3])
    if model_class is BertModel:
        torch.testing.assert_close(got[1][:, :3], alone[1], atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("model_class", [OpenAIGPTModel, GPT2Model])
def test_no_mask_shows_later_tokens(model_class):
    model = made(model_class)
    everything = torch.ones(2, 4, 4)
    everything[0, 0, 0] = 1.0
    same(run(model, input_ids=IDS, attention_mask=everything), run(model, input_ids=IDS))
    some = everything.clone()
    some[:, 3, 0] = 0
    assert differ(run(model, input_ids=IDS, attention_mask=some), run(model, input_ids=IDS))
    some[:, 0, 3] = 0  # hidden anyway
    upper = some.clone()
    upper[:, 0, 3] = 1
    same(
        run(model, input_ids=IDS, attention_mask=some),
        run(model, input_ids=IDS, attention_mask=upper),
    )


def test_a_mask_for_each_token_continues_a_past():
    model = made(GPT2Model)
    whole = model(IDS, attention_mask=SEES.expand(2, 4, 4))[0][-1]
    _, past = model(IDS[:, :2], attention_mask=SEES[None, :2, :2].expand(2, 2, 2))
    rest = model(IDS[:, 2:], past=past, attention_mask=SEES[None, 2:].expand(2, 2, 4))[0][-1]
    torch.testing.assert_close(rest, whole[:, 2:], atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("shape", [(2, 3, 4), (2, 4, 3), (3, 4, 4)])
@pytest.mark.parametrize("model_class", [BertModel, BertForSequenceClassification, GPT2Model])
def test_a_mask_for_each_token_has_a_row_for_each(model_class, shape):
    with pytest.raises(ValueError, match=r"attention_mask (has shape|covers)"):
        made(model_class)(IDS, attention_mask=torch.ones(shape))


ADDED = [
    torch.tensor([[0.0, 0.0, 0.0, -10000.0]]),
    torch.tensor([[0.0, 0.0, 0.0, -torch.inf]]),
    torch.tensor([[1.0, 1.0, 1.0, torch.nan]]),
]


@with_masks
@pytest.mark.parametrize("mask", ADDED, ids=["-10000", "-inf", "nan"])
def test_masks_to_be_added_are_refused(model_class, mask):
    with pytest.raises(ValueError, match=r"attention_mask holds numbers from .*; give 1 for a rea"):
        run(made(model_class), input_ids=IDS, attention_mask=mask.expand(2, 4))


@pytest.mark.parametrize(
    ("model_class", "past"),
    [(OpenAIGPTModel, "past"), (GPT2Model, "past"), (TransfoXLModel, "mems")],
)
def test_lists_of_numbers_are_no_past(model_class, past):
    model = made(model_class)
    for wrong in ([[0.0], [1.0]], [[[1.0]], [[1.0]]], [1, 2]):
        with pytest.raises(TypeError, match=f"{past}.* is of type|{past} holds an object of type"):
            model(IDS, **{past: wrong})
    with pytest.raises(TypeError, match=f"{past} is of type int; give"):
        model(IDS, **{past: 3})


class TestPooler:
    def test_a_bert_without_pooler_returns_none_in_its_place(self):
        model, whole = made(BertModel, add_pooling_layer=False), made(BertModel)
        model.load_state_dict(whole.state_dict())  # a file with a pooler fits
        layers, pooled = model(IDS)
        assert pooled is None
        same(layers, whole(IDS)[0])
        assert not [name for name, _ in model.named_parameters() if "pooler" in name]

    def test_it_is_saved_and_loaded_without_a_word(self, tmp_path, caplog):
        made(BertModel).save_pretrained(tmp_path / "with")
        with caplog.at_level("INFO"):
            model = BertModel.from_pretrained(tmp_path / "with", add_pooling_layer=False)
            model.save_pretrained(tmp_path / "without")
            again = BertModel.from_pretrained(tmp_path / "without")
        assert not caplog.records
        assert again.pooler is None
        assert "pooler" not in (tmp_path / "with" / "config.json").read_text()
        assert "pooling" not in (tmp_path / "with" / "config.json").read_text()
        same(again.eval()(IDS)[0], model.eval()(IDS)[0])

    def test_heads_that_read_the_pooled_token_say_so(self):
        model = made(BertForSequenceClassification)
        model.bert = made(BertModel, add_pooling_layer=False)
        with pytest.raises(ValueError, match="SequenceClassification reads the pooled token"):
            model(IDS)

    def test_heads_that_read_tokens_need_none(self):
        model, other = made(BertForMaskedLM), made(BertForMaskedLM)
        other.bert.pooler = None
        for labels in ({}, {"masked_lm_labels": IDS}):
            torch.testing.assert_close(other(IDS, **labels), model(IDS, **labels))


def test_a_program_s_own_embeddings_get_only_what_was_given():
    class Own(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, input_ids, token_type_ids=None):
            return self.inner(input_ids, token_type_ids)

    model = made(BertForSequenceClassification)
    want = model(IDS)
    model.bert.embeddings = Own(model.bert.embeddings)
    torch.testing.assert_close(model(IDS), want)
    with pytest.raises(TypeError, match="unexpected keyword argument 'position_ids'"):
        model(IDS, position_ids=torch.arange(4)[None])
