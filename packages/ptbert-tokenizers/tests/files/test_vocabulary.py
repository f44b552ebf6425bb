"""Vocabulary files: what is wrong with one is said by name, line and value."""

import gzip
import zipfile
from itertools import pairwise
from pathlib import Path

import pytest

from ptbert_tokenizers import BadVocabulary, BertTokenizer, load_vocab
from ptbert_tokenizers.files.vocabulary import (
    Vocabulary,
    read_json_vocabulary,
    read_merges,
    write_lines,
)
from ptbert_tokenizers.vocabularies.wordpiece import lines_by_id


def test_bytes_that_are_not_utf8_are_named_with_their_line() -> None:
    Path("v").write_bytes("ein\ngrün\n".encode("latin-1"))

    with pytest.raises(BadVocabulary, match="'v' is not UTF-8: line 2 has the byte 0xfc; save"):
        load_vocab("v")


def test_weights_given_as_a_vocabulary_are_recognised() -> None:
    with zipfile.ZipFile("pytorch_model.bin", "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}q\x00.\xff\xfe")
    Path("old.bin").write_bytes(b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.")
    Path("model.tar.gz").write_bytes(gzip.compress(b"anything"))
    Path("model.safetensors").write_bytes((40).to_bytes(8, "little") + b'{"weight":{}}')

    for name, what in {
        "pytorch_model.bin": "a zip archive, as torch.save writes weights, not a vocabulary",
        "old.bin": "a Python pickle, as torch.save wrote weights in 2019, not a vocabulary",
        "model.tar.gz": "a gzip archive, not a vocabulary",
        "model.safetensors": "holds NUL characters, so it is not a vocabulary",
    }.items():
        with pytest.raises(BadVocabulary, match=what):
            load_vocab(name)


def test_a_token_on_very_many_lines_is_a_short_warning(caplog: pytest.LogCaptureFixture) -> None:
    Path("v").write_text("[UNK]\n" + "a\nb\n" * 1000)

    load_vocab("v")
    assert "such as 'a' on lines 2 and 4 and 6 and 8 and 10 and 995 more; each" in caplog.text


def test_the_last_of_several_lines_counts_as_in_2019_with_one_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    Path("v").write_text("[UNK]\nthe\ncat\nthe\n\n\ncat\ndog\n")

    vocabulary = load_vocab("v")

    assert dict(vocabulary) == {"[UNK]": 0, "the": 3, "cat": 6, "": 5, "dog": 7}
    assert len(caplog.records) == 1
    assert (
        "v has 2 tokens on several lines, such as 'the' on lines 2 and 4; each has the id of its "
        "last line, as in 2019. Leave the file as it is, because removing lines changes ids"
    ) in caplog.text


def test_blank_lines_keep_their_ids() -> None:
    Path("v").write_text("a\n\nb\n\n")

    assert dict(load_vocab("v")) == {"a": 0, "": 3, "b": 2}


def test_an_empty_file_is_no_vocabulary() -> None:
    Path("v").touch()

    with pytest.raises(BadVocabulary, match="'v' holds no token"):
        load_vocab("v")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 0', "'v' is not JSON"),
        ("[1, 2]", "'v' is not one JSON object"),
        (f'{{"a": {"9" * 5000}}}', "'v' is not JSON"),
        ('{"a": "x"}', "gives 'a' the id 'x'; ids count from 0"),
        ('{"a": -1}', "gives 'a' the id -1"),
        (
            '{"a": 0, "a": 1}',
            "has 'a' twice, with the ids 0 and 1; keep the entry with the id that",
        ),
        ('{"a": 0, "b": 0}', "gives the id 0 to both 'a' and 'b'"),
    ],
)
def test_a_json_vocabulary_says_what_is_wrong(text: str, message: str) -> None:
    Path("v").write_text(text)

    with pytest.raises(BadVocabulary, match=message):
        read_json_vocabulary("v")


def test_a_number_of_any_length_is_a_token_and_no_json() -> None:
    Path("v").write_text(f"[{'9' * 5000}\n")

    assert len(load_vocab("v")) == 1


def test_files_larger_than_any_vocabulary_are_not_read() -> None:
    Path("v").write_text("\n" * (2**20 + 1))
    with pytest.raises(BadVocabulary, match="'v' has more than 1048576 lines, which no vocabulary"):
        load_vocab("v")

    with Path("v").open("wb") as file:
        file.truncate(41 << 20)
    with pytest.raises(BadVocabulary, match="'v' has more than 41943040 bytes, which no vocab"):
        load_vocab("v")


def test_a_merge_that_is_not_a_pair_is_named() -> None:
    Path("m").write_text("#version: 0.2\na b\nc d e\n")

    with pytest.raises(BadVocabulary, match="'m' line 3 is 'c d e'; a merge is two symbols"):
        read_merges("m")


def test_a_token_with_a_line_end_is_not_saved() -> None:
    with pytest.raises(ValueError, match=r"token 'a\\nb' holds a line end"):
        write_lines("v", ["a\nb"])
    assert not Path("v").exists()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("<!DOCTYPE html>\n<html></html>\n", "'v' is an error page, not a vocabulary; download"),
        ("<?xml version='1.0'?>\n<Error></Error>\n", "'v' is an error page, not a vocabulary"),
        (
            "version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 3\n",
            "'v' is a git-lfs pointer, not a vocabulary; download the file itself",
        ),
        ('{"do_lower_case": true}\n', "'v' is a JSON file, not a vocabulary with one token a line"),
        ('[\n"a",\n"b"]\n', "'v' is a JSON file, not a vocabulary with one token a line"),
    ],
)
def test_a_file_that_is_plainly_no_vocabulary_is_named(text: str, what: str) -> None:
    Path("v").write_text(text)

    with pytest.raises(BadVocabulary, match=what):
        load_vocab("v")


def test_a_few_lines_without_the_unknown_token_are_no_vocabulary() -> None:
    write_lines("v", ["Not", "Found"])
    with pytest.raises(
        BadVocabulary,
        match=r"'v' is not a vocabulary: it has 2 different lines, such as 'Not', and no \[UNK\]",
    ):
        BertTokenizer("v")

    assert BertTokenizer("v", False, unk_token="Not").tokenize("Found x") == ["Found", "Not"]
    write_lines("v", ["a", "b", "c", "d", "e"])
    assert BertTokenizer("v").tokenize("a") == ["a"]


def test_lines_of_several_words_without_the_unknown_token_are_no_vocabulary() -> None:
    write_lines("merges.txt", ["#version: 0.2", *(f"{a} {b}" for a in "abcd" for b in "abcd")])
    with pytest.raises(
        BadVocabulary, match=r"has 17 different lines, such as '#version: 0.2', and"
    ):
        BertTokenizer("merges.txt")

    write_lines("v", ["[UNK]", "a b", "c d", "e f", "g h", "i j"])
    assert BertTokenizer("v").tokenize("a") == ["[UNK]"]


def test_a_tokenizer_json_given_as_vocab_json_is_recognised() -> None:
    Path("v").write_text('{"model": {"type": "BPE"}}')

    with pytest.raises(
        BadVocabulary, match=r"has an object as 'model', .* with its folder by from_p"
    ):
        read_json_vocabulary("v")


@pytest.mark.parametrize("header", ["", "#version: 0.2\n", "#version\n"])
def test_the_first_merge_counts_without_a_header_too(header: str) -> None:
    Path("m").write_text(f"{header}a b\nab c\n")

    assert read_merges("m") == [("a", "b"), ("ab", "c")]


def test_gaps_are_filled_with_tokens_whose_last_line_counts(
    caplog: pytest.LogCaptureFixture,
) -> None:
    vocabulary = {"b": 4, "": 5, "[UNK]": 0, "a": 2}

    assert lines_by_id(vocabulary) == ["[UNK]", "a", "a", "b", "b", ""]
    write_lines("v", lines_by_id(vocabulary))
    assert dict(load_vocab("v")) == vocabulary


@pytest.mark.parametrize(
    ("vocabulary", "message"),
    [
        ({" a": 0}, "token ' a' begins or ends with a space and cannot be saved one token a line"),
        ({"a": -1}, "token 'a' has the id -1, which cannot be the number of a line; give it one"),
        ({"a": 2**40}, r"token 'a' has the id \d+, which cannot be the number of a line"),
        ({"a": 1, "b": 1}, "'a' and 'b' have the same id 1 and cannot be saved one token a line"),
    ],
)
def test_what_lines_cannot_hold_is_named(vocabulary: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        lines_by_id(vocabulary)


def test_a_byte_order_mark_at_the_beginning_of_a_token_is_kept() -> None:
    write_lines("v", ["\ufeffa", "b"])

    assert list(load_vocab("v")) == ["\ufeffa", "b"]


def test_every_way_of_editing_is_counted() -> None:
    vocabulary = Vocabulary(a=0, b=1, c=2, d=3)
    counts = [vocabulary.edits]

    vocabulary["e"] = 4
    counts.append(vocabulary.edits)
    del vocabulary["e"]
    counts.append(vocabulary.edits)
    vocabulary.pop("a")
    counts.append(vocabulary.edits)
    vocabulary.update(f=5)
    counts.append(vocabulary.edits)
    vocabulary |= {"g": 6}
    counts.append(vocabulary.edits)
    vocabulary.setdefault("h", 7)
    counts.append(vocabulary.edits)
    vocabulary.popitem()
    counts.append(vocabulary.edits)
    vocabulary.clear()
    counts.append(vocabulary.edits)

    assert all(before < after for before, after in pairwise(counts))
