"""Labels that are one for people are not learned as two."""

import pytest

from ptbert.training import train
from ptbert.training.labels import refuse_labels_that_look_equal, refuse_too_many_labels


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1", "1.0"),
        ("1", "01"),
        ("0", "-0"),
        ("1000", "1e3"),
        ("1", "\uff11"),
        ("caf\u00e9", "cafe\u0301"),
    ],
)
def test_one_label_in_two_spellings_is_told_with_both_places(one, other):
    message = "row 3 has the label .*, and row 1 has .*, which is the same written in another way"
    with pytest.raises(ValueError, match=message):
        refuse_labels_that_look_equal([("row 1", one), ("row 2", "x"), ("row 3", other)])


@pytest.mark.parametrize(
    "labels",
    [
        ["1", "1", "2", "2"],
        ["yes", "Yes", "YES"],
        ["inf", "nan", "NaN", "Infinity", "sNaN"],
        ["12345678901234567890", "12345678901234567891"],  # one number for a float
        ["0.1", "0.10000000000000001"],
        ["", "\U0001f600", "a|b", "a\nb"],
    ],
)
def test_other_labels_are_different(labels):
    refuse_labels_that_look_equal([("a row", each) for each in labels])


def test_too_many_labels_are_another_column():
    labels = {str(number) for number in range(21)}
    refuse_too_many_labels("d", labels, 42, "word", "name another")
    with pytest.raises(ValueError, match="'d' has 21 different labels in 41 words; name another"):
        refuse_too_many_labels("d", labels, 41, "word", "name another")
    many = {str(number) for number in range(1001)}
    with pytest.raises(ValueError, match="has 1001 different labels in 9000 examples"):
        refuse_too_many_labels("d", many, 9000, "example", "name another")
    refuse_too_many_labels("d", set(list(many)[:1000]), 9000, "example", "name another")


def rows_of(path, *labels):
    path.write_text("".join(f'{{"text": "a cat", "label": {each}}}\n' for each in labels))
    return str(path)


def test_numbers_and_texts_of_json_are_one_label(settings, tmp_path):
    data = rows_of(tmp_path / "train.jsonl", "1", '"1"', "0", '" 0 "')
    train(settings.replaced(data=data, validation="", epochs=1))
    readme = (tmp_path / "out" / "README.md").read_text()
    assert "* labels: `0`, `1`\n" in readme


@pytest.mark.parametrize("label", ["1.0", '"1.0"', "1e0"])
def test_a_number_of_json_with_a_point_is_not_a_second_label(settings, tmp_path, label):
    data = rows_of(tmp_path / "train.jsonl", "0", "1", label)
    message = r"line 3, has the label '1.0', and '.*', line 2, has '1', which is the same"
    with pytest.raises(ValueError, match=message):
        train(settings.replaced(data=data, validation=""))


def test_truth_values_are_no_labels(settings, tmp_path):
    data = rows_of(tmp_path / "train.jsonl", "1", "true")
    message = "line 2, has True in the column 'label'; give a text or a number"
    with pytest.raises(ValueError, match=message):
        train(settings.replaced(data=data, validation=""))


def test_a_key_that_is_there_twice_is_told(settings, tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_text('{"text": "a", "label": "x"}\n{"text": "a", "label": "x", "label": "y"}\n')
    message = "line 2, is no JSON .the key 'label' has two values: 'x' and 'y'.; correct it"
    with pytest.raises(ValueError, match=message):
        train(settings.replaced(data=str(path), validation=""))


def test_tags_that_are_words_are_told(settings, tmp_path):
    path = tmp_path / "train.txt"
    path.write_text("".join(f"the cat{number}\n" for number in range(30)))
    message = "has 30 different labels in 30 words; give words with their tags, or name another"
    with pytest.raises(ValueError, match=message):
        train(settings.replaced(task="tag", data=str(path), validation=""))


def test_one_tag_in_two_spellings_is_told(settings, tmp_path):
    path = tmp_path / "train.conll"
    path.write_text("the 1\ncat 0\n\nkey 1.0\n")
    message = "line 4, has the label '1.0', and '.*', line 1, has '1', which is the same"
    with pytest.raises(ValueError, match=message):
        train(settings.replaced(task="tag", data=str(path), validation=""))


@pytest.mark.parametrize(
    ("task", "content", "options", "message"),
    [
        ("classify", "text,label\na,b\n", {"label": "text"}, "--text and --label both name .* 'te"),
        ("classify", "text,label\na,b\n", {"text": "label"}, "--text and --label both name .* 'la"),
        ("classify", "text,label\na,b\n", {"pair": "text"}, "--text and --pair both name"),
        ("choose", "a,b,c\n1,2,3\n", {"text": "a", "choices": "a,b"}, "--text and --choices both"),
        ("choose", "a,b,c\n1,2,3\n", {"text": "c", "choices": "a,b", "label": "b"},
         "--label and --choices both name the column 'b'; name two different columns"),
        ("choose", "sent1,sent2\n", {"pair": "sent1"}, "--text and --pair both name .* 'sent1'"),
        ("tag", "the O\ncat X\n", {"text": "2"}, "--text and --label both name the column '2'"),
        ("tag", "the O\ncat X\n", {"label": "1"}, "--text and --label both name the column '1'"),
    ],
)  # fmt: skip
def test_one_column_for_two_things_is_told(settings, tmp_path, task, content, options, message):
    path = tmp_path / ("train.conll" if task == "tag" else "train.csv")
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        train(settings.replaced(task=task, data=str(path), validation="", **options))
