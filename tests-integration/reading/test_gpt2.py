import gpt2
import pytest
import torch

from ptbert_models import GPT2Config, GPT2LMHeadModel, generate

CONFIG = GPT2Config(30, n_positions=12, n_ctx=12, n_embd=16, n_layer=3, n_head=4)
SIZES = {"vocabulary": 30, "width": 16, "layers": 3, "heads": 4, "longest": 12}


@pytest.fixture
def models(same_weights):
    return same_weights(GPT2LMHeadModel(CONFIG), gpt2.GPT2(**SIZES))


def assert_equal(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


def test_scores_keys_and_values_are_those_of_the_real_model(models, random_ids):
    real, page = models
    ids = random_ids(30, 2, 12)

    scores, past = page(ids)

    expected_scores, presents = real(ids)
    assert_equal(scores, expected_scores)
    assert_equal([torch.stack(key_value) for key_value in past], presents)


@pytest.mark.parametrize("steps", [(5, 7), (1, 1, 10), (3, 8, 1)])
def test_reading_in_steps_gives_the_scores_of_the_real_model(models, random_ids, steps):
    real, page = models
    ids = random_ids(30, 2, 12)

    past, parts = None, []
    for new in ids.split(steps, dim=1):
        scores, past = page(new, past)
        parts.append(scores)

    assert_equal(torch.cat(parts, dim=1), real(ids)[0])


def test_the_loss_is_that_of_the_real_model(models, random_ids):
    real, page = models
    ids = random_ids(30, 2, 12)

    assert_equal(page.loss(ids), real(ids, lm_labels=ids))


def test_texts_go_on_as_with_the_real_model(models, random_ids):
    real, page = models
    ids = random_ids(30, 4, 3)

    longer = gpt2.continued(page, ids, 9)

    assert longer.tolist() == generate(real, ids, 9, temperature=0).tolist()
    assert longer.unique(dim=0).shape == (4, 12)  # the texts differ, so the test can fail


def test_the_published_sizes_are_those_of_the_docstring():
    with torch.device("meta"):
        page = gpt2.GPT2(50257, 768, 12, 12, 1024)
        real = GPT2LMHeadModel(GPT2Config(50257))

    shapes = {name: weight.shape for name, weight in page.state_dict().items()}
    assert shapes == {name: weight.shape for name, weight in real.state_dict().items()}
