import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptbert.training.squad_measures import measured_answer, words_of_answer

RECORDED = json.loads((Path(__file__).parent.parent / "data" / "squad_measures.json").read_text())
WORDS = st.lists(st.sampled_from(["the", "an", "old", "town", "1990"]), max_size=6)


def test_measures_are_those_of_the_scripts():
    for case in RECORDED["cases"]:
        first = measured_answer(case["answer"], case["right"], may_be_none=False)
        second = measured_answer(case["answer"], case["right_or_none"], may_be_none=True)
        assert first == pytest.approx(tuple(case["squad_1"])), case
        assert second == pytest.approx(tuple(case["squad_2"])), case


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("The Theatre, an A.N.", ["theatre"]),  # "A.N." becomes the article "an"
        ("U.S.\u00a0Navy\t", ["us", "navy"]),
        ("a\u2013b", ["\u2013b"]),  # the dash is no ASCII punctuation, but ends a word
        ("don't", ["dont"]),
        ("...", []),
    ],
)
def test_only_words_count(answer, words):
    assert words_of_answer(answer) == words


@given(WORDS, WORDS)
def test_f1_is_the_share_of_common_words(given_words, right):
    counted = [
        [word for word in words if word not in ("the", "an")] for words in (given_words, right)
    ]
    rest, common = list(counted[1]), 0
    for word in counted[0]:
        if word in rest:
            rest.remove(word)
            common += 1
    found = measured_answer(" ".join(given_words), [" ".join(right)], may_be_none=False)
    assert found.exact == (counted[0] == counted[1])
    if common:
        precision, recall = common / len(counted[0]), common / len(counted[1])
        assert found.f1 == pytest.approx(2 * precision * recall / (precision + recall))
    else:
        assert found.f1 == 0.0


def test_no_answer_is_right_where_there_is_none():
    assert measured_answer("", [], may_be_none=True) == (1.0, 1.0)
    assert measured_answer("Ada", [], may_be_none=True) == (0.0, 0.0)
    assert measured_answer("", ["Ada"], may_be_none=True) == (0.0, 0.0)
