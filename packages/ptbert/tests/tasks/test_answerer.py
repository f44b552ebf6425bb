import doctest
import itertools
import math

import pytest
import torch

from ptbert import Answerer, BertForQuestionAnswering, BertTokenizer
from ptbert.tasks import answerer as module

HENSON = {"jim": [6.0, 0.0], "hen": [0.0, 1.0], "##son": [0.0, 5.0]}


@pytest.fixture
def answerer(spans, tokenizer):
    return Answerer(spans(HENSON), tokenizer)


def test_an_answer_has_offsets_into_the_context(answerer):
    context = "  the cat,  Jim  HENSON ."

    answer = answerer("who", context)

    assert answer[:3] == ("Jim  HENSON", 12, 23)
    assert context[answer.start : answer.end] == answer.text


def test_the_score_is_the_probability_among_all_spans(answerer):
    starts = torch.tensor([0.0, 0, 6, 0, 0])  # [CLS] the jim hen ##son
    ends = torch.tensor([0.0, 0, 0, 1, 5])
    expected = starts.softmax(-1)[2] * ends.softmax(-1)[4]
    assert answerer("who", "the jim henson").score == pytest.approx(expected.item(), abs=1e-6)


def test_answers_are_whole_words(spans, tokenizer):
    answerer = Answerer(spans({"##son": [6.0, 6.0]}), tokenizer)
    assert answerer("who", "the henson").text == "henson"


def test_answers_are_not_longer_than_wanted(spans, tokenizer):
    answerer = Answerer(spans({"jim": [6.0, 0.0], "paris": [0.0, 5.0]}), tokenizer)
    context = "jim sleeps in paris"

    assert answerer("who", context, max_answer_len=4).text == context
    assert answerer("who", context, max_answer_len=3).text == "jim"


def test_an_answer_never_ends_before_it_starts(spans, tokenizer):
    answerer = Answerer(spans({"paris": [9.0, 0.0], "jim": [0.0, 8.0]}), tokenizer)
    assert answerer("who", "jim sleeps in paris").text == "paris"


def test_the_best_answer_is_found_in_any_window(answerer):
    filler = "the cat sleeps . "

    for before, after in itertools.product((0, 1, 2, 7, 20), repeat=2):
        answer = answerer("who", filler * before + "jim henson " + filler * after)
        start = len(filler) * before
        assert answer[:3] == ("jim henson", start, start + 10)


def test_windows_are_compared_by_scores_and_not_by_probabilities(spans, tokenizer):
    scores = {"jim": [6.0, 6.0], "cat": [5.0, 5.0], "paris": [6.0, 6.0]}
    answerer = Answerer(spans(scores), tokenizer)
    # "cat" is alone in its window and so is surer there.
    context = "jim in paris in jim in paris " + ". " * 20 + "cat"
    assert answerer("who", context).text == "jim"


def every_span(answerer, question, context):
    """All spans of a context of one window, by definition: score, start and end of its words."""
    tokens, offsets = answerer.tokenizer.tokenize_with_offsets(context)
    batch = answerer.tokenizer.encode_batch([question], [context])
    with torch.no_grad():
        starts, ends = answerer.model(**batch.inputs(torch.from_numpy))
    first = len(batch.input_ids[0]) - 1 - len(tokens)
    allowed = [0, *range(first, first + len(tokens))]
    total = starts[0, allowed].logsumexp(0) + ends[0, allowed].logsumexp(0)
    best = {}
    for i, j in itertools.combinations_with_replacement(range(len(tokens)), 2):
        a, b = i, j
        while tokens[a].startswith("##"):
            a -= 1
        while b + 1 < len(tokens) and tokens[b + 1].startswith("##"):
            b += 1
        score = (starts[0, first + i] + ends[0, first + j] - total).exp().item()
        place = offsets[a][0], offsets[b][1]
        best[place] = max(best.get(place, 0), score)
    null = (starts[0, 0] + ends[0, 0] - total).exp().item()
    return sorted(((s, *place) for place, s in best.items()), reverse=True), null


@pytest.fixture
def random_answerer(config, tokenizer):
    torch.manual_seed(0)
    config.initializer_range = 1.0
    return Answerer(BertForQuestionAnswering(config).eval(), tokenizer)


def test_answers_are_ranked_as_defined(random_answerer):
    for context in ("the henson sleeps in", "jim , jims", "henson", "where cats hensons"):
        expected, _ = every_span(random_answerer, "who", context)

        ranked = random_answerer.rank("who", context, top_k=100)

        assert [a.score for a in ranked] == pytest.approx([s for s, *_ in expected], abs=1e-6)
        assert {a[1:3] for a in ranked} == {(a, b) for _, a, b in expected}
        assert random_answerer.rank("who", context, top_k=2) == ranked[:2]
        assert random_answerer.rank("who", context, top_k=None) == ranked
        assert random_answerer("who", context) == ranked[0]


def test_there_may_be_no_answer(random_answerer):
    context = "the henson sleeps in"
    expected, null = every_span(random_answerer, "who", context)
    difference = math.log(null / expected[0][0])

    assert random_answerer("who", context, null_threshold=difference + 0.01).text
    empty = random_answerer("who", context, null_threshold=difference - 0.01)
    assert empty[:3] == ("", 0, 0)
    assert empty.score == pytest.approx(null, abs=1e-6)
    ranked = random_answerer.rank("who", context, top_k=100, null_threshold=0.0)
    assert [a.score for a in ranked] == sorted((a.score for a in ranked), reverse=True)
    assert "" in {a.text for a in ranked}


def test_the_least_chance_of_no_answer_in_any_window_counts(spans, tokenizer):
    model = spans({"[CLS]": [5.0, 5.0], "jim": [6.0, 6.0]})
    answerer = Answerer(model, tokenizer)
    context = "the cat sleeps . " * 10 + "jim"
    assert answerer("who", context, null_threshold=0.0).text == "jim"
    assert answerer("who", "the cat", null_threshold=0.0).text == ""


def test_a_context_without_words_has_no_answer(answerer):
    assert answerer("who", "") == ("", 0, 0, pytest.approx(1.0))
    assert answerer.rank("who", " \u200b") == [("", 0, 0, pytest.approx(1.0))]


def test_many_questions_and_contexts(random_answerer):
    questions, contexts = ["who", "where", "the cat"], ["jim henson", "in paris", "jims"]
    alone = [random_answerer(q, c) for q, c in zip(questions, contexts, strict=True)]

    for budget in (None, 1, 20):
        random_answerer.token_budget = budget
        found = random_answerer(iter(questions), iter(contexts))
        assert [a[:3] for a in found] == [a[:3] for a in alone]
        assert [a.score for a in found] == pytest.approx([a.score for a in alone], abs=1e-6)
    one = [random_answerer("who", context)[:3] for context in contexts]
    assert [a[:3] for a in random_answerer("who", contexts)] == one
    assert random_answerer([], []) == []


def test_long_questions_are_cut(answerer):
    context = "the cat sleeps . " * 5 + "jim henson ."
    assert answerer("where " * 50, context).text == "jim henson"
    assert answerer("where " * 50, context) == answerer("where " * 4, context)
    shorter = answerer("where " * 50, context, max_question_len=1)
    assert shorter == answerer("where", context)


def test_a_question_whose_characters_are_several_tokens_is_cut_too(spans, tokenizer, tmp_path):
    # Lower-casing makes three letters of a syllable of Hangul, and 4 tokens may be the question.
    letters = "".join(f"{mark}{char}\n" for mark in ("", "##") for char in "\u1112\u1161\u11ab")
    path = tmp_path / "hangul.txt"
    path.write_text((tmp_path / "vocab.txt").read_text() + letters, encoding="utf-8")
    answerer = Answerer(spans(HENSON), BertTokenizer(path))
    known = torch.eye(24)[:, :18]
    answerer.model.bert.embeddings = torch.nn.Embedding.from_pretrained(known)
    context = "the cat sleeps . " * 5 + "jim henson ."
    assert answerer("\ud55c\ud55c\ud55c\ud55c", context) == answerer("\ud55c", context)


@pytest.mark.parametrize("name", ["j\u0301im", "JIM", "\u200bjim", "ji\u0300m\u0300"])
def test_offsets_are_right_in_hostile_text(answerer, name):
    context = f"\u3000\U0001f600 the {name} ."
    answer = answerer("who", context)
    assert answer.text == context[answer.start : answer.end]
    assert answer.text.strip("\u200b\u0300") == name.strip("\u200b\u0300")


def test_bad_input_is_refused(answerer):
    with pytest.raises(TypeError, match=r"contexts\[1\] is None, and not a string"):
        answerer("who", ["a", None])
    with pytest.raises(TypeError, match="questions is None, and not a string; give one string"):
        answerer(None, "a")
    with pytest.raises(ValueError, match="2 questions and 1 contexts; give one for each"):
        answerer(["a", "b"], ["c"])
    for name in ("max_answer_len", "max_question_len"):
        with pytest.raises(ValueError, match=f"{name}=0 is not a length; choose a number from 1"):
            answerer("who", "jim", **{name: 0})
    with pytest.raises(ValueError, match="stride=9 does not fit windows of 8 tokens"):
        answerer("who", "jim " * 20, stride=9)


def test_examples_run(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert doctest.testmod(module).failed == 0
