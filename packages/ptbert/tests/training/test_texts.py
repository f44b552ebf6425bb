"""Texts as documents of lines of tokens, from plain text and from token files."""

import json

import numpy as np
import pytest

from ptbert import BertTokenizer, GPT2Tokenizer
from ptbert.training.texts import Stream, read_lines_of_tokens
from ptbert_tokenizers.token_files.formats import id_writer

TEXT = "the cat\na cat sleeps\n\n \nthe key\n"  # two documents


@pytest.fixture
def tokenizer(model_folder):
    return BertTokenizer.from_pretrained(model_folder)


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    return str(path)


def write_ids(path, tokenizer, texts):
    with id_writer(path) as write:
        write(tokenizer.encode_flat(texts))
    return str(path)


def lines_of(lines):
    return [lines.ids[a:b].tolist() for a, b in zip(lines.starts, lines.ends, strict=True)]


def test_lines_without_tokens_divide_documents(text, tokenizer):
    lines = read_lines_of_tokens(text, tokenizer)
    wanted = ["the cat", "a cat sleeps", "the key"]
    ids = [tokenizer.convert_tokens_to_ids(tokenizer.tokenize(each)) for each in wanted]
    assert lines_of(lines) == ids
    assert lines.last.tolist() == [False, True, True]
    assert lines.words == 7
    assert lines.place(int(lines.starts[2])) == f"{text!r}, line 5"


def test_a_token_file_of_lines_is_the_same_text(text, tokenizer, tmp_path):
    path = write_ids(tmp_path / "ids.npy", tokenizer, TEXT.split("\n"))
    plain, mapped = (read_lines_of_tokens(each, tokenizer) for each in (text, path))
    assert isinstance(mapped.ids, np.memmap)
    assert lines_of(mapped) == lines_of(plain)
    assert mapped.last.tolist() == plain.last.tolist()
    assert mapped.words == 0


def test_without_empty_entries_each_entry_of_a_token_file_is_a_document(tokenizer, tmp_path):
    path = write_ids(tmp_path / "ids.npy", tokenizer, ["the cat", "a key"])
    assert read_lines_of_tokens(path, tokenizer).last.tolist() == [True, True]


def test_other_formats_of_token_files_are_read(tokenizer, tmp_path):
    path = tmp_path / "ids.bin"
    np.array([5, 6, 7], np.uint16).tofile(path)
    assert lines_of(read_lines_of_tokens(str(path), tokenizer)) == [[5, 6, 7]]


@pytest.mark.parametrize("content", ["", "\n \n\n"])
def test_a_file_without_text_is_refused(tokenizer, tmp_path, content):
    path = tmp_path / "empty.txt"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"empty.txt' has no text; give a file with some"):
        read_lines_of_tokens(str(path), tokenizer)


def test_ids_of_another_vocabulary_are_refused(tokenizer, tmp_path):
    path = tmp_path / "ids.npy"
    with id_writer(path) as write:
        write(tokenizer.encode_flat(["the cat"]))
    size = len(tokenizer.vocabulary)
    np.array([5, size], np.uint16).tofile(other := tmp_path / "ids.bin")
    message = f"has the id {size}, and the vocabulary of the model has {size} tokens; encode"
    with pytest.raises(ValueError, match=message):
        read_lines_of_tokens(str(other), tokenizer)


@pytest.mark.parametrize("damage", ["bounds", "ids"])
def test_a_damaged_token_file_is_refused(tokenizer, tmp_path, damage):
    path = write_ids(tmp_path / "ids.npy", tokenizer, ["the cat", "a key"])
    if damage == "bounds":
        (tmp_path / "ids.bounds.npy").unlink()
    else:
        write_ids(tmp_path / "other.npy", tokenizer, ["a key", "a", "cat"])
        (tmp_path / "other.npy").rename(path)
    with pytest.raises((ValueError, FileNotFoundError), match=r"ids\.bounds\.npy'"):
        read_lines_of_tokens(path, tokenizer)


def test_a_stream_of_gpt_2_is_what_the_tokenizer_makes_of_the_text(tmp_path, text):
    letters = [chr(number) for number in range(ord("a"), ord("z") + 1)]
    known = {each: number for number, each in enumerate([*letters, "Ġ", "Ċ", "<|endoftext|>"])}
    (tmp_path / "vocab.json").write_text(json.dumps(known))
    (tmp_path / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = GPT2Tokenizer(tmp_path / "vocab.json", tmp_path / "merges.txt")
    lines = read_lines_of_tokens(text, tokenizer)
    stream = Stream(lines, tokenizer.encode("\n"), [known["<|endoftext|>"]])
    end = [known["<|endoftext|>"]]
    expected = [
        *tokenizer.encode("the cat\na cat sleeps"),
        *end,
        *tokenizer.encode("the key"),
        *end,
    ]
    assert stream.tokens(0, len(stream)).tolist() == expected
    for start in range(len(expected)):
        for stop in range(start + 1, len(expected) + 1):
            assert stream.tokens(start, stop).tolist() == expected[start:stop]
    counts = stream.counts(len(known))
    assert counts.tolist() == np.bincount(expected, minlength=len(known)).tolist()
    assert stream.place(len(stream) - 1) == f"{text!r}, line 5"
