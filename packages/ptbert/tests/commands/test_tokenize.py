import io

import pytest

from ptbert.__main__ import main


def test_files_are_cut_line_by_line(model_folder, tmp_path, capsys):
    path = tmp_path / "text.txt"
    path.write_text("The key is in a drawer.\n\nkeys", encoding="utf-8")

    assert main(["tokenize", str(model_folder), str(path), str(path)]) == 0

    once = "the key is in a drawer .\n\nkey ##s\n"
    assert capsys.readouterr().out == once * 2


def test_ids_have_their_special_tokens(model_folder, capsys):
    main(["tokenize", str(model_folder), "--text", "the key", "--text", "cat", "--ids"])
    assert capsys.readouterr().out == "2 5 6 3\n2 11 3\n"


@pytest.mark.parametrize("words", [[], ["-"]])
def test_standard_input_is_read_as_files_are(gpt2_folder, capsys, monkeypatch, words, tmp_path):
    """As UTF-8, whatever the locale says, and without a byte order mark."""
    data = b"\xef\xbb\xbfab\nna\xc3\xafve\n"
    (tmp_path / "text.txt").write_bytes(data)
    stream = io.TextIOWrapper(io.BufferedReader(io.BytesIO(data)), encoding="cp1252")
    monkeypatch.setattr("sys.stdin", stream)

    assert main(["tokenize", str(gpt2_folder), *words]) == 0
    piped = capsys.readouterr().out
    main(["tokenize", str(gpt2_folder), str(tmp_path / "text.txt")])

    assert piped.startswith("a b\n")
    assert capsys.readouterr().out == piped


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"\xff", "is not UTF-8: line 1 has the byte 0xff"), (None, "no text file at")],
)
def test_bad_files_take_one_line(model_folder, tmp_path, capsys, content, message):
    path = tmp_path / "text.txt"
    if content is not None:
        path.write_bytes(content)

    assert main(["tokenize", str(model_folder), str(path)]) == 1

    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_family_that_nothing_tells_must_be_named(tmp_path, capsys):
    (tmp_path / "vocab.txt").write_text("a\nb\n<unk>x\n")
    assert main(["tokenize", str(tmp_path), "--text", "a"]) == 1
    assert "cannot tell which tokenizer reads" in capsys.readouterr().err


def test_a_family_may_be_named(tmp_path, capsys):
    # Either family can read it; Transformer-XL's adds no special tokens.
    (tmp_path / "vocab.txt").write_text("[UNK]\n[CLS]\n[SEP]\n<eos>\n<unk>\na\n")
    words = ["tokenize", str(tmp_path), "--text", "a B", "--ids"]

    assert main(words) == 0
    assert main([*words, "--type", "transfo_xl"]) == 0

    assert capsys.readouterr().out == "1 5 0 2\n5 4\n"
