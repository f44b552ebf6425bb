import pytest
import torch

from ptbert import GPT2Tokenizer, Tagger
from ptbert.tasks import tagger as module
from ptbert.tasks.tagger import Span

LABELS = ["O", "B-PER", "I-PER", "B-LOC"]
NAMES = {
    "jim": [0.0, 9.0, 0.0, 0.0],
    "hen": [0.0, 0.0, 9.0, 0.0],
    "##son": [9.0, 0.0, 0.0, 9.5],
    "paris": [0.0, 0.0, 0.0, 9.0],
}


@pytest.fixture
def names(tags, tokenizer):
    return Tagger(tags(LABELS, NAMES), tokenizer)


def without_scores(spans):
    return [tuple(span[:4]) for span in spans]


def test_spans_have_offsets_into_the_text(names):
    text = "  Jim   Henson, in PARIS."

    spans = names(text)

    assert without_scores(spans) == [
        ("PER", "Jim   Henson", 2, 14),
        ("LOC", "PARIS", 19, 24),
    ]


def test_the_score_is_the_mean_of_the_words(names):
    (person, *_) = names("Jim Henson")
    alone = torch.tensor([9.0, 0, 0, 0]).softmax(-1)[0].item()
    assert person.score == pytest.approx(alone, abs=1e-6)


def test_a_word_has_the_label_of_its_first_piece(names):
    assert without_scores(names("Henson")) == [("PER", "Henson", 0, 6)]


def test_the_surest_piece_or_the_average_may_decide_instead(tags, tokenizer):
    scores = {"hen": [0.0, 1.0, 0.0, 0.0], "##son": [0.0, 0.0, 0.0, 2.0]}
    tagger = Tagger(tags(LABELS, scores), tokenizer)
    hen, son = (torch.tensor(scores[piece]).softmax(-1) for piece in ("hen", "##son"))

    assert [span.label for span in tagger("Henson")] == ["PER"]
    (surest,) = tagger("jim Henson in", strategy="max")
    assert surest[:4] == ("LOC", "Henson", 4, 10)
    assert surest.score == pytest.approx(son[3].item(), abs=1e-6)
    (average,) = tagger("jim Henson in", strategy="average")
    assert average.label == "LOC"
    assert average.score == pytest.approx(((hen + son)[3] / 2).item(), abs=1e-6)


def test_many_texts_give_a_list_in_their_order(names):
    texts = ["the cat", "jim", "", "in paris", "[CLS] [SEP]", "\u200b \u00a0"]

    found = names(text for text in texts)

    assert [[span.text for span in spans] for spans in found] == [
        *([], ["jim"], [], ["paris"], [], []),
    ]
    assert names([]) == []


def test_a_long_text_is_read_in_windows(names):
    text = "the cat sleeps . " * 20 + "jim henson" + " the cat sleeps ." * 20

    for stride in (None, 0, 1, 4):
        assert without_scores(names(text, stride=stride)) == [("PER", "jim henson", 340, 350)]
    assert {shape[1] for shape in names.model.bert.lengths} <= set(range(13))


@pytest.mark.parametrize("before", range(12))
def test_a_span_may_go_from_one_window_to_the_next(names, before):
    text = "cat " * before + "jim henson henson henson " + "cat " * 9
    (span,) = names(text)
    assert (span.start, span.text) == (4 * before, "jim henson henson henson")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("the j\u0301im sleeps", "j\u0301im"),  # an accent of its own, that is removed
        ("the \u200bjim\u200b, cat", "jim"),  # control characters, that are removed
        ("\U0001f600 jim", "jim"),
        ("the\u3000JIM.", "JIM"),
    ],
)
def test_offsets_are_right_in_hostile_text(names, text, name):
    (span,) = names(text)
    assert name in span.text
    assert span.text == text[span.start : span.end]
    assert not {" ", ",", "."} & set(span.text)


def test_words_may_be_given(names):
    words = ["in", "Jim", "Henson", "\u200b", "Paris"]

    assert without_scores(names.tag_words(words)) == [
        ("PER", "Jim Henson", 1, 3),
        ("LOC", "Paris", 4, 5),
    ]
    assert [without_scores(spans) for spans in names.tag_words([["Paris"], [], words[:1]])] == [
        *([("LOC", "Paris", 0, 1)], [], [])
    ]
    assert names.tag_words([]) == []


def test_given_words_may_need_windows(names):
    words = ["cat"] * 30 + ["Jim", "Henson"] + ["cat"] * 30
    assert without_scores(names.tag_words(words)) == [("PER", "Jim Henson", 30, 32)]


def test_labels_without_names_have_numbers(tags, tokenizer, config):
    model = tags(LABELS, NAMES)
    model.config.id2label = None
    assert {span.label for span in Tagger(model, tokenizer)("jim")} == {"LABEL_1"}


def test_bad_input_is_refused(names):
    with pytest.raises(ValueError, match=r"strategy='simple' is not known; choose from \('first'"):
        names("jim", strategy="simple")
    with pytest.raises(ValueError, match="stride=10 does not fit windows of 10 tokens"):
        names("jim " * 30, stride=10)
    with pytest.raises(TypeError, match=r"texts\[1\] is None, and not a string"):
        names(["jim", None])
    with pytest.raises(TypeError, match="texts is one string; give a list with a list of words"):
        names.tag_words("jim")
    names.model.config.id2label = {0: "O"}
    with pytest.raises(ValueError, match=r"config\.id2label names 1 labels and the model scores 4"):
        names("jim")
    names.model.config.id2label = dict(enumerate("abcd", 1))
    with pytest.raises(ValueError, match="whose numbers must be 0 to 3, or set it to None"):
        names("jim")
    for wrong in (["O", "B", "I", "X"], {"O": 0}):
        names.model.config.id2label = wrong
        with pytest.raises(ValueError, match=r"config\.id2label is .*; give a dictionary such as"):
            names("jim")


def test_tokens_that_do_not_show_words_are_refused(tags, gpt2_folder):
    tagger = Tagger(tags(LABELS, NAMES), GPT2Tokenizer.from_pretrained(gpt2_folder))
    with pytest.raises(TypeError, match=r"a GPT2Tokenizer do not show where words begin; split"):
        tagger("jim")


def test_given_words_need_no_such_tokens(tags, config, gpt2_folder):
    model = tags(LABELS, {})
    model.bert.embeddings = torch.nn.Embedding(256, config.hidden_size)
    model.classifier.bias.data[1] = 1
    tagger = Tagger(model, GPT2Tokenizer.from_pretrained(gpt2_folder))
    assert without_scores(tagger.tag_words(["jim", "hen"])) == [
        ("PER", "jim", 0, 1),
        ("PER", "hen", 1, 2),
    ]


def test_examples_run(monkeypatch, tmp_path):
    import doctest

    monkeypatch.chdir(tmp_path)
    assert doctest.testmod(module).failed == 0
    assert Span._fields == ("label", "text", "start", "end", "score")
