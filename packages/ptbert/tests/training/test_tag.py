import pytest
import torch

from ptbert import BertForTokenClassification
from ptbert.__main__ import main
from ptbert.training import evaluate, loop, predict, train

from .test_loop import interrupted

SENTENCES = """\
-DOCSTART- X O

the DT O
cat NN B-ANIMAL
sleeps VB O
. . O

key NN B-THING
in IN O
the DT O
drawer NN B-THING

a DT O
cat NN B-ANIMAL
cat NN I-ANIMAL
. . O
"""


@pytest.fixture
def tagging(settings, data, tmp_path):
    path = tmp_path / "train.conll"
    path.write_text(SENTENCES * 4)
    return settings.replaced(
        task="tag",
        data=str(path),
        validation=str(path),
        batch_size=4,
        epochs=15,
        checkpoint_minutes=10.0,
    )


def test_train_evaluate_and_predict(tagging, tmp_path, capsys):
    result = train(tagging)
    assert list(result) == ["step", "loss", "precision", "recall", "f1", "accuracy"]
    assert result["f1"] == 1.0

    assert main(["evaluate", tagging.output, "--data", tagging.data]) == 0
    assert capsys.readouterr().out.splitlines()[-4:] == [
        "| kind | precision | recall | f1 | entities |",
        "|---|---|---|---|---|",
        "| ANIMAL | 1.0000 | 1.0000 | 1.0000 | 8 |",
        "| THING | 1.0000 | 1.0000 | 1.0000 | 8 |",
    ]

    assert main(["predict", tagging.output, "the cat."]) == 0
    assert capsys.readouterr().out == "the\tO\ncat\tB-ANIMAL\n.\tO\n\n"


def test_the_result_names_its_tags_and_has_the_pooler_it_had(tagging, model_folder):
    train(tagging.replaced(epochs=1))
    model = BertForTokenClassification.from_pretrained(tagging.output)
    assert list(model.config.id2label.values()) == ["O", "B-ANIMAL", "B-THING", "I-ANIMAL"]
    before = torch.load(model_folder / "pytorch_model.bin")["pooler.dense.weight"]
    assert torch.equal(model.bert.pooler.dense.weight, before)  # no decay either


def test_long_sentences_are_windows_in_which_each_word_has_one_tag(tagging, tmp_path):
    # 40 words, where a window has 10: the model is evaluated on each word once.
    long = tmp_path / "long.conll"
    words = ["the", "cat", "sleeps", ".", "key", "in", "the", "drawer"] * 5
    tags = ["O", "B-ANIMAL", "O", "O", "B-THING", "O", "O", "B-THING"] * 5
    long.write_text("".join(f"{w} {t}\n" for w, t in zip(words, tags, strict=True)))
    train(tagging)
    found = evaluate(tagging.output, long)
    assert [line.split(" | ")[-1] for line in found.table[2:]] == ["5 |", "10 |"]
    (lines,) = predict(tagging.output, [" ".join(words)])
    assert [line.split("\t")[0] for line in lines.splitlines()] == words


def test_columns_by_number_and_tags_without_a_scheme(tagging):
    result = train(tagging.replaced(label="2", epochs=1))
    assert list(result) == ["step", "loss", "accuracy"]


def test_an_interrupted_training_of_tags_is_the_same(tagging, tmp_path, monkeypatch):
    tagging = tagging.replaced(epochs=2)
    train(tagging)
    again = tagging.replaced(output=str(tmp_path / "again"))
    parts = loop.parts_of_step
    interrupted(again, monkeypatch, "ptbert.training.loop.parts_of_step", parts, 5)  # of epoch 2
    assert (tmp_path / "again" / "checkpoints").exists()
    train(again)
    first, second = (
        BertForTokenClassification.from_pretrained(tmp_path / name).state_dict()
        for name in ("out", "again")
    )
    assert all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("the O\ncat\n", {}, "line 2, has 1 column, and line 1 has 2; correct one of them, and"),
        ("# id of a text\nthe O\n", {}, "line 2, has 2 columns, and line 1 has 5; correct one of "
         "them, and remove lines that are no words, such as comments"),
        ("the\tO\nNew York\n", {}, "line 2, has 1 column, and line 1 has 2"),
        ("the\t \tO\ncat\tX\tO\n", {"label": "2"}, "line 1, has no tag; give one"),
        ("the\ncat\n", {}, "has one column only; give a file with words and tags"),
        ("the O\ncat O\n", {}, "all words of .* have the tag 'O'; give sentences with at"),
        ("\n\n", {}, "has no sentences; give a file with a word on each line"),
        ("the O\n", {"label": "3"}, "has 2 columns, and --label is '3'; give the number of one"),
        ("the O\n", {"text": "word"}, "has 2 columns, and --text is 'word'; give the number"),
        ("\nthe B-X\ncat NN\n", {}, r"line 3, has the tag 'NN' beside tags such as B-PER; give O"),
        ("the\tO\n\u200b\tB-X\n", {}, r"line 2, has the word '\\u200b', of which the tokenizer"),
        ("the O\n", {"pair": "2"}, "pair='2' is not allowed; it is for classify, choose, and not"),
    ],
)  # fmt: skip
def test_wrong_files_are_told_with_their_line(tagging, content, options, message):
    with open(tagging.data, "w", encoding="utf-8") as file:
        file.write(content)
    with pytest.raises(ValueError, match=message):
        train(tagging.replaced(**options))


def test_a_tag_that_the_training_data_lack_is_told(tagging, tmp_path):
    other = tmp_path / "dev.conll"
    other.write_text("the O\ncat B-PLANT\n")
    message = (
        "line 2, has the tag 'B-PLANT', which the training data do not have; they have 'O', 'B-A"
    )
    with pytest.raises(ValueError, match=message):
        train(tagging.replaced(validation=str(other)))


def test_texts_that_cannot_be_tagged_are_told(tagging):
    train(tagging.replaced(epochs=1))
    with pytest.raises(ValueError, match="the text ' ' has no words; give one that has"):
        predict(tagging.output, [" "])
    with pytest.raises(ValueError, match=r"trained on single texts, and .* is not one; give one"):
        predict(tagging.output, [("a", "b")])


def test_marks_belong_to_their_letters_and_invisible_characters_to_no_word(tagging):
    train(tagging.replaced(epochs=1))
    hindi = "\u0928\u092e\u0938\u094d\u0924\u0947"
    text = f"caf\u00e9 cafe\u0301 \u2764\ufe0f a\u200bb {hindi} \ufeff \ufffd \u0301 ."
    (lines,) = predict(tagging.output, [text])
    assert [line.split("\t")[0] for line in lines.splitlines()] == [
        "caf\u00e9",
        "cafe\u0301",
        "\u2764\ufe0f",
        "ab",
        hindi,
        ".",
    ]


def test_a_word_may_have_a_space_that_separates_no_columns(tagging, tmp_path):
    other = tmp_path / "numbers.conll"
    other.write_text("25\u00a0000 CD O\nthe DT O\ncat NN B-ANIMAL\n", encoding="utf-8")
    assert "accuracy" in train(tagging.replaced(data=str(other), validation=str(other), epochs=1))
