import numpy as np
import pytest

from ptbert.__main__ import main
from ptbert.sentences import SentenceEncoder


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("The key is in the drawer. A cat sleeps on the mat.\n\nWhere is a key?\n")
    return path


def test_features_prints_the_nearest_sentences(model_folder, text, capsys):
    code = main(["features", str(model_folder), str(text), "--query", "A cat sleeps on the mat."])

    lines = capsys.readouterr().out.splitlines()
    assert code == 0
    assert len(lines) == 3
    assert lines[0] == "1.000  A cat sleeps on the mat."
    similarities = [float(line.split()[0]) for line in lines]
    assert similarities == sorted(similarities, reverse=True)


def test_features_prints_as_many_as_asked(model_folder, text, capsys):
    main(["features", str(model_folder), str(text), "--query", "cat", "--top", "2"])
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_sentences_are_encoded_as_many_at_a_time_as_asked(model_folder, text, capsys):
    words = ["features", str(model_folder), str(text), "--query", "cat", "--batch-size", "0"]
    assert main(words) == 1
    assert "--batch-size 0 must be at least 1" in capsys.readouterr().err


def test_features_writes_vectors(model_folder, text, tmp_path, capsys):
    output = tmp_path / "vectors.npy"

    main(["features", str(model_folder), str(text), "--output", str(output)])

    assert capsys.readouterr().out == f"{output}: 3 vectors of 16 numbers\n"
    vectors = np.load(output)
    assert vectors.shape == (3, 16)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"good\n\xff\xfe\x00", "text.txt' is not UTF-8: line 2 has the byte 0xff"),
        (b" \n", "there is no sentence in"),
        (None, "no text file at"),
    ],
)
def test_errors_take_one_line(model_folder, tmp_path, capsys, content, message):
    path = tmp_path / "text.txt"
    if content is not None:
        path.write_bytes(content)

    code = main(["features", str(model_folder), str(path), "--query", "cat"])

    captured = capsys.readouterr()
    assert code == 1
    assert captured.out == ""
    assert captured.err.startswith("ptbert features: ")
    assert message in captured.err
    assert captured.err.count("\n") == 1


def test_a_missing_model_is_an_error_of_one_line(text, capsys):
    assert main(["features", "bert-base-uncasd", str(text), "--query", "cat"]) == 1
    assert "did you mean 'bert-base-uncased'?" in capsys.readouterr().err


@pytest.mark.parametrize("top", ["0", "-2"])
def test_a_number_of_sentences_is_above_0(text, capsys, top):
    assert main(["features", "ptbert-tiny-bert", str(text), "--query", "a", "--top", top]) == 1
    assert capsys.readouterr().err == f"ptbert features: --top {top} must be at least 1\n"


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("", "--output {} is a folder; give the name of a file in it"),
        ("nowhere/a.npy", "there is no folder '{}' for --output; make it first"),
    ],
)
def test_where_no_file_can_be_is_told_before_the_work(
    text, tmp_path, capsys, monkeypatch, output, message
):
    monkeypatch.setattr(SentenceEncoder, "from_pretrained", lambda *_, **__: pytest.fail("late"))
    path = tmp_path / output
    assert main(["features", "ptbert-tiny-bert", str(text), "--output", str(path)]) == 1
    told = message.format(path.parent if output else path)
    assert capsys.readouterr().err == f"ptbert features: {told}\n"
    assert main(["see", "attention", "ptbert-tiny-bert", "a", "--output", str(path)]) == 1
    assert capsys.readouterr().err == f"ptbert see: {told}\n"
    assert main(["plot", "--output", str(path)]) == 1
    assert capsys.readouterr().err == f"ptbert plot: {told}\n"
