"""The format of a file is never guessed."""

import pytest

from ptbert.__main__ import main
from ptbert.training import predict, predict_file, train
from ptbert.training.formats import EXPLAINED, ending_of, format_of

from .test_tag import SENTENCES


@pytest.mark.parametrize(
    ("path", "formats", "expected"),
    [
        ("train.csv", ["table"], "table"),
        ("train.TSV.gz", ["table", "lines"], "table"),
        ("train.tsv", ["columns", "lines"], "columns"),
        ("train.txt", ["columns"], "columns"),
        ("train", ["columns"], "columns"),
        ("words.conll.zst", ["columns", "lines"], "columns"),
        ("dev-v2.0.json", ["squad"], "squad"),
        ("dev", ["squad"], "squad"),
        ("book.txt", ["lines"], "lines"),
        ("book.md", ["lines"], "lines"),
    ],
)
def test_the_ending_says_the_format(path, formats, expected):
    assert format_of(path, "tag", formats) == expected


@pytest.mark.parametrize("path", ["new.txt", "new", "new.md", "new.2019"])
def test_what_the_ending_leaves_open_is_an_error_that_names_the_options(path):
    message = (
        f"the ending of '{path}' does not say which format it has; give --format columns .a word "
        r"on each line, as in CoNLL's files. or --format lines .a text on each line.$"
    )
    with pytest.raises(ValueError, match=message):
        format_of(path, "tag", ["columns", "lines"])


def test_a_format_of_other_tasks_is_told():
    with pytest.raises(ValueError, match=r"'a.csv' has the ending '.csv', which is not that of"):
        format_of("a.csv", "tag", ["columns", "lines"])
    with pytest.raises(ValueError, match="the task answer does not read the format 'lines'; give"):
        format_of("a.txt", "answer", ["squad"], "lines")


def test_the_ending_of_a_compressed_file_is_that_before():
    assert [ending_of(each) for each in ("a.csv.bz2", "a.gz", "a", ".gz")] == [".csv", "", "", ""]


@pytest.fixture
def tagger(settings, tmp_path):
    path = tmp_path / "train.txt"  # a common ending of such files; training reads no others
    path.write_text(SENTENCES)
    settings = settings.replaced(task="tag", data=str(path), validation="", epochs=1)
    train(settings)
    return settings.output


TWO_WORDS = "the cat\na key\n"  # two texts of two words, or two words in two columns


def test_two_texts_of_two_words_are_not_taken_for_columns(tagger, tmp_path, capsys):
    path = tmp_path / "new.txt"
    path.write_text(TWO_WORDS)
    assert main(["predict", tagger, str(path)]) == 1
    assert "does not say which format it has; give --format columns" in capsys.readouterr().err

    assert main(["predict", tagger, str(path), "--format", "lines"]) == 0
    words = [line.split("\t")[0] for line in capsys.readouterr().out.splitlines()]
    assert words == ["the", "cat", "", "a", "key", ""]
    assert predict_file(tagger, path, format="lines") == predict(tagger, ["the cat", "a key"])

    assert main(["predict", tagger, str(path), "--format", "columns"]) == 0
    words = [line.split("\t")[0] for line in capsys.readouterr().out.splitlines()]
    assert words == ["the", "a", ""]
    path.rename(tmp_path / "new.conll")
    assert len(predict_file(tagger, tmp_path / "new.conll")) == 1


def test_a_line_that_cannot_be_predicted_is_told_with_its_number(tagger, tmp_path):
    path = tmp_path / "new.txt"
    path.write_text("the cat\n\n\u0301\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"new.txt', line 3: the text '.*' has no words; give one"):
        predict_file(tagger, path, format="lines")
    path.write_text("\n \n")
    with pytest.raises(ValueError, match=r"new.txt' has no text; give a file with some"):
        predict_file(tagger, path, format="lines")


def test_a_classifier_reads_lines_if_that_is_said(settings, tmp_path, capsys):
    train(settings.replaced(epochs=1))
    path = tmp_path / "new.txt"
    path.write_text("a cat\n\nthe\tkey\n")
    assert main(["predict", settings.output, str(path)]) == 1
    assert "give --format table" in capsys.readouterr().err
    assert main(["predict", settings.output, str(path), "--format=lines"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("\t")[2] for line in lines] == ["a cat", "the key"]


def test_a_word_that_is_a_file_too_is_an_error(settings, tmp_path, capsys, monkeypatch):
    train(settings.replaced(epochs=1))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "key").write_text("a cat\n")
    (tmp_path / "cat").mkdir()
    assert main(["predict", "out", "key"]) == 1
    told = "'key' is a text and the name of a file; give --format text if it is a text, or './key'"
    assert told in capsys.readouterr().err
    assert main(["predict", "out", "key", "--format", "text"]) == 0
    assert capsys.readouterr().out.endswith("\tkey\n")
    assert main(["predict", "out", "./key", "--format", "lines"]) == 0
    assert capsys.readouterr().out.endswith("\ta cat\n")
    assert main(["predict", "out", "cat"]) == 1
    assert "'cat' is a folder; name a file, or give --format text" in capsys.readouterr().err


def test_a_text_that_ends_like_a_file_can_be_given(settings, capsys):
    train(settings.replaced(epochs=1))
    assert main(["predict", settings.output, "the cat is in a.csv"]) == 1
    told = "no file at 'the cat is in a.csv'; check the path, or give --format text if it is a text"
    assert told in capsys.readouterr().err
    assert main(["predict", settings.output, "the cat is in a.csv", "--format", "text"]) == 0
    assert capsys.readouterr().out.endswith("\tthe cat is in a.csv\n")
    assert main(["predict", settings.output, "the cat", "--format", "lines"]) == 1
    assert "no file at 'the cat'; check the path, or leave out --format" in capsys.readouterr().err


def test_a_file_beside_pair_is_told(settings, data, capsys):
    for words in ([str(data), "--pair", "a"], ["a", "--pair", str(data)]):
        assert main(["predict", settings.output, *words]) == 1
        assert f"'{data}' is a file, and --pair goes with texts; give" in capsys.readouterr().err
    assert main(["predict", settings.output, "a", "--pair", "b", "--format", "lines"]) == 1
    told = "--pair goes with a text, and --format lines with a file; leave one"
    assert told in capsys.readouterr().err


def test_each_format_is_explained():
    assert list(EXPLAINED) == ["table", "columns", "squad", "lines"]
