"""Question answering: windows, labels, losses, predictions, and what is told of bad input."""

import json
import math
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ptbert import Answerer, BertForQuestionAnswering, BertTokenizer
from ptbert.__main__ import main
from ptbert.training import Settings, loop, predict, predict_file, train
from ptbert.training.answer import AnswerQuestions
from ptbert.training.preparation import longest_input
from ptbert.training.squad_files import GoldAnswer, Question

from .conftest import digest
from .test_loop import interrupted

CONTEXTS = {
    "a cat sleeps on the mat .": ("cat", "mat"),
    "the key is in a drawer .": ("key", "drawer"),
    "the mat is in the drawer .": ("mat", "drawer"),
    "a key sleeps on a cat .": ("key", "cat"),
}


NOUNS = ("cat", "key", "mat", "drawer", "cats")


def new_tokenizer():
    """A tokenizer for tests that hypothesis repeats; it reads no file again."""
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "where", *NOUNS[:4], "##s"]
    if not _tokenizers:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "vocab.txt")
            path.write_text("".join(f"{token}\n" for token in tokens))
            _tokenizers.append(BertTokenizer(path))
    return _tokenizers[0]


_tokenizers = []


def squad(*, impossible=False, copies=1):
    """Questions that are answered by the second noun; those with two question marks have none."""
    paragraphs = []
    for number, (context, (_, answer)) in enumerate(list(CONTEXTS.items()) * copies):
        found = {"text": answer, "answer_start": context.rindex(answer)}
        asked = [{"id": f"q{number}", "question": "where ?", "answers": [found]}]
        if impossible:
            asked[0]["is_impossible"] = False
            asked += [
                {"id": f"n{number}", "question": "where ? ?", "answers": [], "is_impossible": True}
            ]
        paragraphs.append({"context": context, "qas": asked})
    return {"version": "v2.0" if impossible else "1.1", "data": [{"paragraphs": paragraphs}]}


def write(path, content):
    path.write_text(json.dumps(content))
    return str(path)


@pytest.fixture
def answering(settings, tmp_path):
    """Settings that learn the four questions by heart."""
    path = write(tmp_path / "dev.json", squad())
    return settings.replaced(
        task="answer",
        data=write(tmp_path / "train.json", squad(copies=8)),
        validation=path,
        batch_size=4,
        epochs=4,
        checkpoint_minutes=10.0,
    )


def task_of(answering, **options):
    return AnswerQuestions(answering, **options)


@pytest.fixture
def tokenizer(model_folder):
    return BertTokenizer.from_pretrained(model_folder)


def question(text, context, *answers):
    return Question("here", "q", text, context, tuple(GoldAnswer(*each) for each in answers))


def test_train_evaluate_and_predict(answering, tmp_path, capsys):
    result = train(answering)
    assert list(result) == ["step", "loss", "exact_match", "f1"]
    assert result["exact_match"] == result["f1"] == 1.0

    assert main(["evaluate", answering.output, "--data", answering.validation]) == 0
    assert "exact_match  1.0000" in capsys.readouterr().out.splitlines()

    assert main(["predict", answering.output, answering.validation]) == 0
    expected = {f"q{n}": answer for n, (_, answer) in enumerate(CONTEXTS.values())}
    assert json.loads(capsys.readouterr().out) == expected

    words = ["predict", answering.output, "where ?", "--pair", "a cat sleeps on the mat ."]
    assert main(words) == 0
    answer, score, asked = capsys.readouterr().out.rstrip("\n").split("\t")
    assert (answer, asked) == ("mat", "where ?")
    assert 0 < float(score) <= 1


def test_the_result_opens_in_answerer_and_gives_the_same(answering):
    train(answering.replaced(epochs=1))
    answerer = Answerer.from_pretrained(answering.output)
    long = "the key is in a drawer . " * 4 + "a cat sleeps on the mat ."
    for context in (*CONTEXTS, long):
        found = answerer("where ?", context)
        (line,) = predict(answering.output, [("where ?", context)])
        assert line == f"{found.text}\t{found.score:.4f}\twhere ?"


def test_there_may_be_no_answer_if_the_training_data_say_so(answering, tmp_path, capsys):
    both = write(tmp_path / "both.json", squad(impossible=True))
    data = write(tmp_path / "train.json", squad(impossible=True, copies=8))
    result = train(answering.replaced(data=data, validation=both))
    assert result["exact_match"] == 1.0
    assert main(["evaluate", answering.output, "--data", both]) == 0
    assert capsys.readouterr().out.splitlines()[-4:] == [
        "| questions | exact match | f1 | number |",
        "|---|---|---|---|",
        "| with an answer | 1.0000 | 1.0000 | 4 |",
        "| without | 1.0000 | 1.0000 | 4 |",
    ]
    found = json.loads("\n".join(predict_file(answering.output, both)))
    assert [found[f"n{number}"] for number in range(4)] == [""] * 4
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["may_have_no_answer"] is True


def test_without_impossible_questions_there_is_always_an_answer(answering, tmp_path):
    train(answering.replaced(epochs=1))
    both = write(tmp_path / "both.json", squad(impossible=True))
    found = json.loads("\n".join(predict_file(answering.output, both)))
    assert all(found.values())


def test_the_result_has_two_labels_whatever_the_model_had(answering, model_folder, tmp_path):
    config = json.loads((model_folder / "config.json").read_text())
    config["id2label"] = {"0": "a", "1": "b", "2": "c"}
    (model_folder / "config.json").write_text(json.dumps(config))
    train(answering.replaced(epochs=1))
    model = BertForQuestionAnswering.from_pretrained(answering.output)
    assert model.config.id2label == {"0": "start", "1": "end"}


def encoded(answering, tokenizer, *questions, length=12):
    return task_of(answering).encode_for_evaluation(questions, tokenizer, length)


def test_the_answer_is_at_its_tokens(answering, tokenizer):
    context = "the  key , is IN cats ."  # [CLS] where [SEP] the key [UNK] is in cat ##s . [SEP]
    asked = [
        question("where", context, ("key", 5), ("the", 0)),  # the first one counts
        question("where", context, ("IN cats", 14)),
        question("where", context, ("at", 18)),  # a part of a token: the token
        question("where", context),
    ]
    found = encoded(answering, tokenizer, *asked)
    labels = [each.tolist() for each in found.labels]
    assert labels == [[4, 4], [7, 9], [8, 8], [0, 0]]
    assert found.names == ["here"] * 4
    assert found.counts.tolist() == [9] * 4  # eight tokens of the context, and [CLS]


def test_a_window_without_the_whole_answer_has_none(answering, tokenizer):
    # [CLS] where [SEP] and seven tokens of twelve; windows share three.
    words = ["a", "key", "is", "in", "the", "mat", ".", "the", "cat", "sleeps", "on", "where"]
    context = " ".join(words)
    start = context.index("cat")
    found = encoded(
        answering,
        tokenizer,
        question("where", context, ("cat sleeps", start)),  # tokens 8 and 9
        question("where", context, ("mat . the cat", context.index("mat"))),  # 5 to 8
        length=11,
    )
    rows = [tokenizer.convert_ids_to_tokens(each.tolist())[3:-1] for each in found.ids[:3]]
    assert rows == [words[0:7], words[4:11], words[8:12]]
    assert found.starts == [0, 4, 8] * 2
    assert found.texts == [0, 0, 0, 1, 1, 1]
    assert [each.tolist() for each in found.labels] == [
        [0, 0], [7, 8], [3, 4],  # "cat sleeps" is in two windows
        [0, 0], [4, 7], [0, 0],
    ]  # fmt: skip


@given(st.data())
@hypothesis_settings(max_examples=60, deadline=None)
def test_what_is_learned_is_what_is_predicted(data):
    """The scores of a model that has learned its labels give back each answer."""
    words = data.draw(st.lists(st.sampled_from(NOUNS), min_size=1, max_size=25))
    first = data.draw(st.integers(0, len(words) - 1))
    # Two words have at most four tokens. Windows share three, so one has them all.
    last = data.draw(st.integers(first, min(first + 1, len(words) - 1)))
    context = " ".join(words)
    start = len(" ".join(words[:first])) + (first > 0)
    answer = " ".join(words[first : last + 1])
    task = AnswerQuestions(Settings(task="answer", model="m", data="d", output="o"))
    found = task.encode_for_evaluation(
        [question("where", context, (answer, start))], new_tokenizer(), 11
    )
    rows = []
    for types, label, count in zip(found.types, found.labels, found.counts, strict=True):
        of_window = np.zeros((count, 2), np.float32)
        before = int((types == 0).sum())  # [CLS], the question and [SEP]
        for kind, place in enumerate(label.tolist()):
            of_window[max(place - before + 1, 0), kind] = 9.0
        rows.append(of_window)
    scores = np.concatenate(rows)
    lines = task.predictions(scores, found, found.questions)
    assert json.loads("\n".join(lines)) == {"q": answer}
    assert task.metrics(scores, found) == {"exact_match": 1.0, "f1": 1.0}


def test_the_loss_is_the_mean_of_two_cross_entropies_over_real_tokens(answering, tokenizer):
    asked = [
        question("where", "the key is in the mat .", ("key", 4)),
        question("where", "a cat"),
    ]
    found = encoded(answering, tokenizer, *asked)
    task = task_of(answering)
    torch.manual_seed(0)
    model = BertForQuestionAnswering.from_pretrained(answering.model).eval()

    batch = task.batch(found, np.array([0, 1]), None, torch.device("cpu"))
    both = task.loss(model, batch)
    model.leave_out_padding = True
    without_padding = task.loss(model, batch)

    expected = 0.0
    for ids, types, (first, last) in zip(found.ids, found.types, found.labels, strict=True):
        inputs = [torch.tensor([each.tolist()]) for each in (ids, types)]
        starts, ends = (each[0].log_softmax(0) for each in model(*inputs))
        expected -= (starts[first] + ends[last]).item() / 2
    assert both.item() == pytest.approx(expected, abs=1e-5)
    assert without_padding.item() == pytest.approx(expected, abs=1e-5)
    assert batch.labelled == 2


def test_evaluation_keeps_the_scores_of_the_context_and_of_no_answer(answering, tokenizer):
    found = encoded(
        answering, tokenizer, question("where", "the key is ."), question("where ?", "a cat")
    )
    task = task_of(answering)
    model = BertForQuestionAnswering.from_pretrained(answering.model).eval()
    batch = task.batch(found, np.array([0, 1]), None, torch.device("cpu"))
    rows, _ = task.measured(model, batch)
    starts, ends = model(**batch.inputs)
    expected = [(0, 0), (0, 3), (0, 4), (0, 5), (0, 6), (1, 0), (1, 4), (1, 5)]
    wanted = torch.stack([torch.stack((starts[at], ends[at])) for at in expected])
    assert torch.equal(rows, wanted)
    assert found.counts.tolist() == [5, 3]


def test_the_loss_of_chance(answering, tokenizer):
    # One of two has an answer; there the other 6 tokens are equally likely.
    found = encoded(
        answering, tokenizer, question("where", "the key .", ("key", 4)), question("where", "a")
    )
    assert [len(each) for each in found.ids] == [7, 5]
    expected = math.log(2) + math.log(6) / 2
    assert task_of(answering).chance_loss(found) == pytest.approx(expected)


def test_an_empty_context_has_no_answer(answering, tmp_path):
    train(answering.replaced(epochs=1))
    content = squad()
    content["data"][0]["paragraphs"][1]["context"] = " "
    for each in content["data"][0]["paragraphs"]:
        del each["qas"][0]["answers"]
    found = predict_file(answering.output, write(tmp_path / "test.json", content))
    assert json.loads("\n".join(found))["q1"] == ""


def test_long_questions_are_cut_and_told(answering, tokenizer, caplog):
    found = encoded(answering, tokenizer, question("where " * 9, "a cat", ("cat", 2)))
    assert "questions of more than 4 tokens, which were cut: 1 of 1" in caplog.text
    assert len(found.ids[0]) == 1 + 4 + 1 + 2 + 1


def test_the_usual_window_has_384_tokens(answering, model_folder):
    config = json.loads((model_folder / "config.json").read_text())
    model = type("Model", (), {"config": type("Config", (), config)()})()
    for most, length in ((12, 12), (512, 384)):
        model.config.max_position_embeddings = most
        assert longest_input(answering, model) == length
    assert longest_input(answering.replaced(max_length=500), model) == 500


def test_an_interrupted_training_is_the_same(answering, tmp_path, monkeypatch):
    answering = answering.replaced(epochs=2, batch_size=16)
    train(answering)
    again = answering.replaced(output=str(tmp_path / "again"))
    parts = loop.parts_of_step
    interrupted(again, monkeypatch, "ptbert.training.loop.parts_of_step", parts, 3)  # of epoch 2
    assert (tmp_path / "again" / "checkpoints").exists()
    train(again)
    assert digest(tmp_path / "again") == digest(tmp_path / "out")


def test_the_losses_of_parts_add_up_to_that_of_the_whole(answering, tokenizer):
    asked = [
        question("where", "the key is in the mat .", ("key", 4)),
        question("where ?", "a cat", ("a cat", 0)),
        question("where ? ?", "the key is"),
        question("is", "a key . where", ("where", 8)),
    ]
    found, task = encoded(answering, tokenizer, *asked), task_of(answering)
    model = BertForQuestionAnswering.from_pretrained(answering.model).eval()
    gradients = []
    for parts in ([[0, 1, 2, 3]], [[0, 1], [2], [3]]):
        model.zero_grad()
        for part in parts:
            batch = task.batch(found, np.array(part), 0, torch.device("cpu"))
            task.loss(model, batch).backward()
        gradients.append(model.bert.embeddings.word_embeddings.weight.grad.clone())
    torch.testing.assert_close(*gradients, rtol=1e-5, atol=1e-6)
    assert gradients[0].abs().max() > 1e-3


def test_an_answer_without_tokens_is_told(answering, tmp_path):
    content = squad()
    content["data"][0]["paragraphs"][0] = {
        "context": "a cat \u200b",
        "qas": [{"id": "odd", "question": "?", "answers": [{"text": "\u200b", "answer_start": 6}]}],
    }
    path = write(tmp_path / "odd.json", content)
    message = (
        r"question 'odd' has the answer '\\u200b', of which the tokenizer leaves nothing; leave"
    )
    with pytest.raises(ValueError, match=message):
        train(answering.replaced(data=path))


def test_what_is_no_question_with_a_context_is_told(answering, capsys):
    train(answering.replaced(epochs=1))
    for wrong in ("where ?", ("where ?", "a", "b"), None):
        with pytest.raises(ValueError, match="is no question with its context; give both, the"):
            predict(answering.output, [wrong])
    assert main(["predict", answering.output, "nowhere/dev.json"]) == 1
    assert "no file at 'nowhere/dev.json'; check the path" in capsys.readouterr().err


def test_an_input_that_is_too_short_is_told(answering):
    message = "max_length=4 leaves no room for a question and its context; give at least 5"
    with pytest.raises(ValueError, match=message):
        train(answering.replaced(max_length=4))
