import doctest

import pytest
import torch

from ptbert import BertForMaskedLM, FillMask
from ptbert.tasks import fill_mask as module


@pytest.fixture
def fill_mask(guesses, tokenizer):
    return FillMask(guesses({"cat": 5.0, "jim": 4.0, "##s": 3.0}), tokenizer)


def test_candidates_have_token_probability_and_text(fill_mask):
    ((cat, jim),) = fill_mask("The [MASK]  sleeps.", top_k=2)

    scores = torch.zeros(18)
    scores[[6, 7, 10]] = torch.tensor([5.0, 4.0, 3.0])
    expected = scores.softmax(-1)
    assert cat[::2] == ("cat", "The cat  sleeps.")
    assert jim[::2] == ("jim", "The jim  sleeps.")
    assert (cat.score, jim.score) == pytest.approx((expected[6].item(), expected[7].item()))


def test_a_piece_belongs_to_the_word_before(fill_mask):
    ((piece,),) = fill_mask("The cat [MASK].", targets=["##s"])
    assert piece.text == "The cats."


def test_each_mask_has_its_candidates_and_the_other_masks_stay(fill_mask):
    first, second = fill_mask("[MASK],the[MASK].", top_k=1)

    assert [candidate.text for candidate in first] == ["cat,the[MASK]."]
    assert [candidate.text for candidate in second] == ["[MASK],thecat."]


def test_the_whole_vocabulary_may_be_asked_for(fill_mask):
    ((*candidates,),) = fill_mask("[MASK]", top_k=None)
    assert len({candidate.token for candidate in candidates}) == 18
    assert sum(candidate.score for candidate in candidates) == pytest.approx(1)
    assert len(fill_mask("[MASK]", top_k=None, targets=["cat", "jim"])[0]) == 2


def test_only_given_words_may_be_asked_for(fill_mask):
    ((jim, who),) = fill_mask("[MASK]", targets=["who", "JIM", "jim"])

    ((all_jim, *_),) = ([c for c in found if c.token == "jim"] for found in fill_mask("[MASK]"))
    assert jim == all_jim
    assert who.token == "who"


@pytest.fixture
def random_model(config, tokenizer):
    torch.manual_seed(0)
    config.initializer_range = 1.0
    return FillMask(BertForMaskedLM(config).eval(), tokenizer)


def test_many_texts_give_what_each_gives_alone(random_model):
    texts = ["the [MASK]", "[MASK] sleeps in [MASK] .", "who , where [MASK] , [MASK] , [MASK]"] * 2

    for budget in (None, 1, 9):
        random_model.token_budget = budget
        for text, found in zip(texts, random_model(iter(texts), top_k=3), strict=True):
            ids = random_model.tokenizer.encode(text)
            with torch.no_grad():
                scores = random_model.model(torch.tensor([ids]))[0].softmax(-1)
            places = [place for place, index in enumerate(ids) if index == 4]
            expected = [scores[place].sort(descending=True) for place in places]
            for candidates, best in zip(found, expected, strict=True):
                assert [c.score for c in candidates] == pytest.approx(
                    best.values[:3].tolist(), abs=1e-6
                )
                assert [c.token for c in candidates] == (
                    random_model.tokenizer.convert_ids_to_tokens(best.indices[:3].tolist())
                )


def test_bad_input_is_refused(fill_mask):
    with pytest.raises(ValueError, match=r"there is no \[MASK\] in 'cat'; put one where BERT"):
        fill_mask(["[MASK]", "cat"])
    with pytest.raises(ValueError, match=r"texts\[1\] has 14 tokens and the model takes 12"):
        fill_mask(["[MASK]", "[MASK] " * 12])
    with pytest.raises(ValueError, match="the text has 14 tokens and the model takes 12; shorten"):
        fill_mask("[MASK] " * 12)
    with pytest.raises(
        ValueError, match=r"the target 'henson' is \['hen', '##son'\], and not a token of the vocab"
    ):
        fill_mask("[MASK]", targets=["cat", "henson"])
    with pytest.raises(ValueError, match=r"the target 'dog' is \['\[UNK\]'\], and not a token"):
        fill_mask("[MASK]", targets=["dog"])
    with pytest.raises(ValueError, match="targets is empty; give words to choose from, or None"):
        fill_mask("[MASK]", targets=[])
    with pytest.raises(TypeError, match="targets is one string; give a list of strings"):
        fill_mask("[MASK]", targets="cat")
    with pytest.raises(ValueError, match="top_k=0 is not a number of results"):
        fill_mask("[MASK]", top_k=0)


def test_examples_run(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert doctest.testmod(module).failed == 0
