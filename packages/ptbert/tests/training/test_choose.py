"""Multiple choice: columns, labels, batches, and what is told of bad input."""

import csv
import json

import numpy as np
import pytest
import torch

from ptbert import BertForMultipleChoice, BertTokenizer
from ptbert.__main__ import main
from ptbert.training import evaluate, loop, predict, train
from ptbert.training.choose import ChoiceExample, Choose

from .conftest import digest
from .test_loop import interrupted

SWAG = ["", "video-id", "sent1", "sent2", "ending0", "ending1", "ending2", "ending3", "label"]


def swag_rows(numbers):
    """The right ending is the one with the cat."""
    for number in numbers:
        endings = ["the key .", "in the drawer .", "on a mat ."]
        endings.insert(number % 4, "the cat .")
        yield [number, "x", "where ?", "is it", *endings, number % 4]


def write_table(path, columns, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
    return str(path)


@pytest.fixture
def choosing(settings, tmp_path):
    """Settings that learn from a table of SWAG's columns."""
    path = write_table(tmp_path / "swag.csv", SWAG, swag_rows(range(16)))
    return settings.replaced(
        task="choose",
        data=path,
        validation=path,
        batch_size=4,
        epochs=5,
        checkpoint_minutes=10.0,
    )


def test_train_evaluate_and_predict(choosing, tmp_path, capsys):
    result = train(choosing)
    assert list(result) == ["step", "loss", "accuracy"]
    assert result["accuracy"] == 1.0

    assert main(["evaluate", choosing.output, "--data", choosing.data]) == 0
    assert "accuracy  1.0000" in capsys.readouterr().out.splitlines()

    test = write_table(tmp_path / "test.csv", SWAG[:-1], (row[:-1] for row in swag_rows([2, 1])))
    assert main(["predict", choosing.output, test]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [(name, text) for name, _, text in lines] == [
        ("ending2", "is it the cat ."),
        ("ending1", "is it the cat ."),
    ]

    words = ["predict", choosing.output, "where ?"]
    for choice in ("is it the key .", "is it the cat ."):
        words += ["--pair", choice]
    assert main(words) == 0
    name, share, text = capsys.readouterr().out.rstrip("\n").split("\t")
    assert (name, text) == ("1", "is it the cat .")
    assert 0.5 < float(share) <= 1


def test_the_result_opens_like_any_model(choosing, tmp_path):
    train(choosing.replaced(epochs=1))
    model = BertForMultipleChoice.from_pretrained(choosing.output)
    assert list(model.config.id2label.values()) == ["ending0", "ending1", "ending2", "ending3"]
    assert "A `BertForMultipleChoice`" in (tmp_path / "out" / "README.md").read_text()


@pytest.mark.parametrize("number", [2, 3])
def test_any_number_of_choices_in_columns_that_are_named(choosing, tmp_path, number):
    columns = ["q", *"ABC"[:number], "answer"]
    rows = [[*("where ?", "a cat", "the key", "a mat")[: number + 1], "A"] for _ in range(4)]
    path = write_table(tmp_path / "plain.csv", columns, rows)
    options = {"text": "q", "choices": ", ".join("ABC"[:number]), "label": "answer"}
    result = train(choosing.replaced(data=path, validation=path, **options))
    assert result["accuracy"] == 1.0
    lines = predict(choosing.output, [("where ?", *rows[0][1 : number + 1])])
    assert lines[0].startswith("A\t")


def test_lines_of_json_and_a_common_beginning(choosing, tmp_path):
    path = tmp_path / "plain.jsonl"
    rows = [{"text": "a", "start": "the", "x": "cat", "y": "key", "label": n % 2} for n in range(2)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    task = Choose(choosing.replaced(pair="start", choices="x,y"))
    first, second = task.read(str(path))
    assert first.choices == {"x": "the cat", "y": "the key"}
    assert (first.label, second.label) == (0, 1)


def test_a_text_and_each_choice_are_read_together(choosing, model_folder):
    tokenizer = BertTokenizer.from_pretrained(model_folder)
    examples = [
        ChoiceExample("here", "where ?", {"a": "the cat", "b": "a mat ."}, 1),
        ChoiceExample("there", "where", {"a": "key", "b": "drawer"}, 0),
    ]
    found = Choose(choosing).encode(examples, tokenizer, 12)

    batch = found.batch(np.array([0, 1]), torch.device("cpu"))

    texts = [
        [tokenizer.convert_ids_to_tokens(row) for row in each]
        for each in batch.inputs["input_ids"].tolist()
    ]
    assert [[" ".join(row) for row in each] for each in texts] == [
        [
            "[CLS] where ? [SEP] the cat [SEP] [PAD]",
            "[CLS] where ? [SEP] a mat . [SEP]",
        ],
        [
            "[CLS] where [SEP] key [SEP] [PAD] [PAD] [PAD]",
            "[CLS] where [SEP] drawer [SEP] [PAD] [PAD] [PAD]",
        ],
    ]
    assert batch.inputs["token_type_ids"][0].tolist() == [
        [0] * 4 + [1] * 3 + [0],
        [0] * 4 + [1] * 4,
    ]
    assert batch.labels.tolist() == [1, 0]
    assert found.lengths.tolist() == [16, 10]  # padding to the longest choice included
    assert len(found) == batch.labelled == 2
    both = np.array([0, 1])
    assert Choose(choosing).tokens(found, both) == (7 + 8) + (5 + 5)  # no padding


def test_a_tie_counts_once_and_chance_is_uniform(choosing):
    task = Choose(choosing, ["a", "b", "c", "d"])
    examples = task.encode(
        [ChoiceExample("here", "a", dict.fromkeys("abcd", "the"), 0)],
        BertTokenizer.from_pretrained(choosing.model),
        12,
    )
    assert task.chance_loss(examples) == pytest.approx(np.log(4))


def test_long_texts_are_cut_and_told(choosing, tmp_path, caplog):
    rows = [*swag_rows(range(4)), ["4", "x", "where ?", "a " * 30, "a", "cat", "key", "mat", "0"]]
    path = write_table(tmp_path / "long.csv", SWAG, rows)
    train(choosing.replaced(data=path, validation="", epochs=1))
    assert "texts of more than 12 tokens, which were cut: 1 of 5" in caplog.text


def test_an_interrupted_training_is_the_same(choosing, tmp_path, monkeypatch):
    choosing = choosing.replaced(epochs=2)
    train(choosing)
    again = choosing.replaced(output=str(tmp_path / "again"))
    parts = loop.parts_of_step
    interrupted(again, monkeypatch, "ptbert.training.loop.parts_of_step", parts, 3)  # of epoch 2
    train(again)
    assert digest(tmp_path / "again") == digest(tmp_path / "out")


def test_the_losses_of_parts_add_up_to_that_of_the_whole(choosing):
    task = Choose(choosing)
    tokenizer = BertTokenizer.from_pretrained(choosing.model)
    found = task.encode(task.read(choosing.data), tokenizer, 12)
    model = BertForMultipleChoice.from_pretrained(choosing.model, num_choices=4).eval()
    torch.nn.init.normal_(model.classifier.weight)
    gradients = []
    for parts in ([range(16)], [range(3), range(3, 4), range(4, 16)]):
        model.zero_grad()
        for part in parts:
            batch = task.batch(found, np.array(part), 0, torch.device("cpu"))
            task.loss(model, batch).backward()
        gradients.append(model.bert.embeddings.word_embeddings.weight.grad.clone())
    torch.testing.assert_close(*gradients, rtol=1e-5, atol=1e-6)
    assert gradients[0].abs().max() > 1e-3


@pytest.mark.parametrize(
    ("columns", "rows", "options", "message"),
    [
        (["sent1", "sent2", "ending0", "ending1"], [["a", "b", "c", "d"]], {},
         "line 2, has no column 'label', only 'sent1', 'sent2', 'ending0', 'ending1'; name the"),
        (["text", "label"], [["a", "0"]], {},
         "line 2, has the choices of no column; name at least two columns with --choices A,B, or"),
        (["sent1", "sent2", "ending0", "label"], [["a", "b", "c", "0"]], {},
         "line 2, has the choices 'ending0'; name at least two columns with --choices"),
        (["text", "x", "y", "label"], [["a", "b", "c", "0"]], {"choices": "x,x"},
         "has the choices 'x', 'x'; name at least two columns with"),
        (["text", "x", "y", "label"], [["a", "b", "c", "0"]], {"choices": "x,z"},
         "has no column 'z', only 'text', 'x', 'y', 'label'; name the columns with .* --choices"),
        (["text", "x", "y", "label"], [["a", "b", " ", "0"]], {"choices": "x,y"},
         "line 2, has no text in the column 'y'; give one, or leave the row out"),
        (["text", "x", "y", "label"], [["a", "b", "c", "2"]], {"choices": "x,y"},
         "line 2, has the label '2', which is none of its 2 choices; give the number"),
        (["text", "x", "y", "label"], [["a", "b", "c", "z"]], {"choices": "x,y"},
         "line 2, has the label 'z', which is none of its 2 choices"),
        (["text", "1", "2", "label"], [["a", "b", "c", "2"]], {"choices": "1,2"},
         "line 2, has the label '2', which is none of its 2 choices; give the number"),
        (["text", "x", "y", "label"], [], {"choices": "x,y"}, "has no rows; give a file with"),
        (["text", "x", "y", "label"], [["a", "b", "c", "0"]], {"regression": True},
         "regression=True is not allowed; it is for classify, and not for choose; leave it out"),
    ],
)  # fmt: skip
def test_wrong_files_are_told_with_their_line(choosing, tmp_path, columns, rows, options, message):
    path = write_table(tmp_path / "wrong.csv", columns, rows)
    with pytest.raises(ValueError, match=message):
        train(choosing.replaced(data=path, **options))


def test_another_number_of_choices_in_the_same_file_is_told(choosing, tmp_path):
    path = tmp_path / "rows.jsonl"
    rows = [
        {"sent1": "a", "sent2": "b", "label": 0} | {f"ending{n}": "c" for n in range(count)}
        for count in (2, 3)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    message = "line 2, has 3 choices, and those before have 2; give as many"
    with pytest.raises(ValueError, match=message):
        train(choosing.replaced(data=str(path)))


def test_what_is_no_text_with_choices_is_told(choosing):
    train(choosing.replaced(epochs=1))
    for wrong in ("where ?", ("where ?", "a"), None):
        with pytest.raises(
            ValueError, match="is no text with its choices; give at least two, each"
        ):
            predict(choosing.output, [wrong])
    assert evaluate(choosing.output, choosing.data).table == []
