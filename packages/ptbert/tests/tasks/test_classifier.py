import doctest

import pytest
import torch

from ptbert import BertForSequenceClassification, Classifier, GPT2LMHeadModel
from ptbert.tasks import classifier as module
from ptbert.tasks import labels

SCORES = [1.0, 3.0, 2.0]
NAMED = {"id2label": {"0": "bad", "1": "good", "2": "fair"}}


def test_the_best_label_has_its_name_and_probability(classes, tokenizer):
    label, score = Classifier(classes(SCORES, **NAMED), tokenizer)("the cat")

    assert label == "good"
    assert score == pytest.approx(torch.tensor(SCORES).softmax(-1)[1].item(), abs=1e-6)
    assert type(score) is float


def test_all_labels_are_ranked_on_request(classes, tokenizer):
    classifier = Classifier(classes(SCORES, **NAMED), tokenizer)

    assert [label for label, _ in classifier.rank("the cat")] == ["good", "fair", "bad"]
    assert [label for label, _ in classifier.rank("the cat", top_k=2)] == ["good", "fair"]
    assert sum(score for _, score in classifier.rank("the cat")) == pytest.approx(1)


def test_several_labels_have_probabilities_of_their_own(classes, tokenizer):
    model = classes(SCORES, problem_type="multi_label_classification", **NAMED)
    expected = torch.tensor(SCORES).sigmoid().tolist()

    ranked = dict(Classifier(model, tokenizer).rank("the cat"))

    assert ranked == pytest.approx(dict(zip(("bad", "good", "fair"), expected, strict=True)))


def test_regression_gives_what_the_model_computes(classes, tokenizer):
    model = classes([-2.5], problem_type="regression")
    assert Classifier(model, tokenizer)("the cat") == ("LABEL_0", -2.5)


def test_a_single_label_has_a_probability(classes, tokenizer):
    (score,) = (score for _, score in [Classifier(classes([-2.5]), tokenizer)("the cat")])
    assert score == pytest.approx(torch.tensor(-2.5).sigmoid().item())


@pytest.fixture
def random_classifier(config, tokenizer):
    torch.manual_seed(0)
    config.initializer_range = 1.0
    model = BertForSequenceClassification(config, num_labels=3).eval()
    return Classifier(model, tokenizer)


def scores(classifier, *texts):
    with torch.no_grad():
        inputs = classifier.tokenizer.encode_batch(*([text] for text in texts))
        output = classifier.model(**inputs.inputs(torch.from_numpy))
    return output.softmax(-1)[0].sort(descending=True).values.tolist()


def test_batches_give_each_text_what_it_gets_alone(random_classifier):
    texts = ["the cat sleeps in paris .", "jim", "", "who , where", "the cat", "[SEP] [CLS]"] * 3

    for budget in (None, 1, 7, 20):
        random_classifier.token_budget = budget
        for text, ranked in zip(texts, random_classifier.rank(iter(texts)), strict=True):
            assert [score for _, score in ranked] == pytest.approx(
                scores(random_classifier, text), abs=1e-6
            )


def test_pairs_of_texts_are_classified(random_classifier):
    firsts, seconds = ["the cat", "who", "in paris"], ["sleeps", "jim , jim", ""]

    ranked = random_classifier.rank(firsts, seconds)

    for first, second, found in zip(firsts, seconds, ranked, strict=True):
        expected = scores(random_classifier, first, second)
        assert [score for _, score in found] == pytest.approx(expected, abs=1e-6)
        assert random_classifier(first, second) == pytest.approx(found[0])


def test_one_text_may_be_paired_with_many(random_classifier):
    many = random_classifier("the cat", ["sleeps", "in paris"])
    assert many == random_classifier(["the cat"] * 2, ["sleeps", "in paris"])


def test_long_texts_are_cut(random_classifier):
    assert random_classifier("the cat " * 50) == random_classifier("the cat " * 5)
    random_classifier.max_len = 4
    assert random_classifier("the cat " * 50) == random_classifier("the cat")


def test_no_texts_give_no_results(random_classifier):
    assert random_classifier([]) == []
    assert random_classifier.rank([], []) == []


def test_bad_input_is_refused(random_classifier):
    with pytest.raises(TypeError, match=r"texts\[2\] is None, and not a string; leave it out"):
        random_classifier(["a", "b", None])
    with pytest.raises(TypeError, match="texts is 7; give a list of strings"):
        random_classifier(7)
    with pytest.raises(TypeError, match=r"text_pairs\[0\] is 3, and not a string"):
        random_classifier("a", [3])
    with pytest.raises(TypeError, match="texts is 3, and not a string"):
        random_classifier(3, "a")
    with pytest.raises(ValueError, match="2 texts and 1 text_pairs; give one for each, or a"):
        random_classifier(["a", "b"], ["c"])
    for top_k in (0, True, 1.5):
        with pytest.raises(ValueError, match=f"top_k={top_k} is not a number of results; choose"):
            random_classifier.rank("a", top_k=top_k)


def test_models_without_the_head_are_refused(gpt2_folder, tokenizer):
    model = GPT2LMHeadModel.from_pretrained(gpt2_folder)
    with pytest.raises(
        TypeError,
        match="Classifier needs a BertForSequenceClassification, which scores labels of texts, "
        "and not a GPT2LMHeadModel",
    ):
        Classifier(model, tokenizer)


def test_examples_run(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert doctest.testmod(module).failed == 0
    assert doctest.testmod(labels).failed == 0
