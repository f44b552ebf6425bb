"""Transformer-XL continues texts with its memory."""

import pytest
import torch

from ptbert_models import TransfoXLConfig, TransfoXLLMHeadModel, generate

PROMPTS = torch.tensor([[3, 4, 5, 6], [7, 8, 9, 1]])


@pytest.fixture(params=[-1, 5], ids=["adaptive", "sampled"])
def model(request):
    torch.manual_seed(0)
    return TransfoXLLMHeadModel(
        TransfoXLConfig(
            30,
            cutoffs=[10, 20],
            d_model=16,
            d_embed=16,
            n_head=4,
            d_head=4,
            d_inner=24,
            n_layer=2,
            mem_len=40,
            clamp_len=50,
            div_val=1,
            init_std=0.4,
            proj_init_std=0.4,
            sample_softmax=request.param,
        )
    )


def test_greedy_is_the_step_by_step_argmax_of_whole_texts(model):
    ids = PROMPTS
    for _ in range(12):
        with torch.no_grad():
            log_probs, _ = model.eval()(ids)
        ids = torch.cat((ids, log_probs[:, -1].argmax(-1)[:, None]), dim=1)

    assert torch.equal(generate(model.train(), PROMPTS, 12, temperature=0), ids)


def test_searching_is_no_worse_than_greedy(model):
    def likelihood(ids):
        with torch.no_grad():
            log_probs, _ = model.eval()(ids[:, :-1])
        return log_probs.gather(2, ids[:, 1:, None])[:, 3:].sum((1, 2))

    greedy = likelihood(generate(model, PROMPTS, 6, temperature=0))
    searched = likelihood(generate(model, PROMPTS, 6, num_beams=8))

    assert (searched >= greedy - 1e-5).all()


def test_padding_is_refused(model):
    mask = torch.tensor([[0, 1, 1, 1], [1, 1, 1, 1]])
    with pytest.raises(ValueError, match="Transformer-XL has no padding, so prompts of different"):
        generate(model, PROMPTS, 2, attention_mask=mask)
