"""Arguments of the wrong kind are named, with what to give, whatever function they come to."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptbert_tokenizers import (
    BertTokenizer,
    TransfoXLTokenizer,
    WordCounts,
    count_words,
    encode_shard,
    merge_token_files,
    open_tokens,
    read_documents,
    split_token_file,
    train_bpe,
    train_byte_bpe,
    train_vocabulary,
    train_wordpiece,
    train_words,
)
from ptbert_tokenizers.arguments import checked_whole
from ptbert_tokenizers.families import load_tokenizer
from ptbert_tokenizers.files.vocabulary import write_lines
from ptbert_tokenizers.token_files.checking import verify_token_file
from ptbert_tokenizers.token_files.formats import id_writer


def written(**options: Any) -> None:
    with id_writer(**options):
        pass


def encoded(**options: Any) -> None:
    BertTokenizer("vocab.txt").encode_flat(**options)


def streamed(**options: Any) -> None:
    list(BertTokenizer("vocab.txt").encode_stream(**options))


def limited(**options: Any) -> None:
    count_words(["a"], "words").limited(**options)


def read(**options: Any) -> None:
    list(read_documents(**options))


Call = tuple[Callable[..., Any], dict[str, Any]]
COUNT: Call = (count_words, {"texts": ["a"], "kind": "wordpiece"})
TRAIN: Call = (train_wordpiece, {"texts": ["a b"], "size": 30})
LEARN: Call = (
    lambda counts=None, **options: train_vocabulary(
        count_words(["a b"], "wordpiece") if counts is None else counts, **options
    ),
    {"size": 30},
)
READ: Call = (read, {"sources": ["text.txt"]})
SHARD: Call = (encode_shard, {"input": "text.txt", "output": "new.npy", "tokenizer": "vocab.txt"})
MERGE: Call = (merge_token_files, {"inputs": ["ids.npy"], "output": "new.npy"})
SPLIT: Call = (split_token_file, {"path": "ids.npy", "outputs": ["1.npy", "2.npy"]})
VERIFY: Call = (verify_token_file, {"path": "ids.npy"})
WRITE: Call = (written, {"path": "new.npy"})
ENCODE: Call = (encoded, {"texts": ["a"]})
STREAM: Call = (streamed, {"texts": ["a"]})
BATCH: Call = (
    lambda **given: BertTokenizer("vocab.txt").encode_batch(["a"], **given),
    {},
)
LIMIT: Call = (limited, {})

NUMBERS: dict[str, list[Call]] = {
    "workers": [COUNT, TRAIN, SHARD, ENCODE, STREAM],
    "max_words": [COUNT, TRAIN, LIMIT],
    "size": [TRAIN, LEARN],
    "unused": [TRAIN, LEARN],
    "min_frequency": [TRAIN, LEARN],
    "limit_alphabet": [TRAIN, LEARN],
    "bits": [SHARD, MERGE, SPLIT, WRITE],
    "vocabulary_size": [VERIFY],
    "separator": [ENCODE, STREAM, MERGE, SPLIT, (open_tokens, {"path": "ids.npy"})],
}
LISTS: dict[str, list[Call]] = {
    "texts": [COUNT, TRAIN, STREAM],
    "special_tokens": [COUNT, TRAIN],
    "sources": [READ],
    "input": [SHARD],
    "inputs": [MERGE],
    "outputs": [SPLIT],
    "shares": [SPLIT],
    "parts": [(WordCounts.merged, {})],
}
SWITCHES: dict[str, list[Call]] = {
    "add_special_tokens": [
        (lambda **given: BertTokenizer("vocab.txt").encode("a", **given), {}),
        ENCODE,
        STREAM,
        BATCH,
        SHARD,
    ],
    "return_offsets": [BATCH],
    "return_special_tokens_mask": [BATCH],
    "is_split_into_words": [BATCH],
    "verbose": [READ],
    "do_lower_case": [TRAIN],
    "lower_case": [COUNT, (train_words, {"texts": ["a b"], "size": 4})],
    "strip_accents": [COUNT, TRAIN],
    "tokenize_chinese_chars": [COUNT, TRAIN],
}


@pytest.fixture(autouse=True)
def _files() -> None:
    write_lines("vocab.txt", ["[UNK]", "[CLS]", "[SEP]", "a", "b"])
    write_lines("text.txt", ["a b", "b"])
    encode_shard("text.txt", "ids.npy", "vocab.txt")


def refused(call: Call, name: str, value: Any, kind: type[Exception], message: str) -> None:
    before = sorted(os.listdir())
    function, given = call
    with pytest.raises(kind, match=message):
        function(**given | {name: value})
    assert sorted(os.listdir()) == before


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize(
    "value", ["3", 2.5, -1, True, [], float("nan"), int, np.array([1, 2]), np.array(2.5)]
)
def test_what_is_no_number_is_named(name: str, value: Any) -> None:
    for call in NUMBERS[name]:
        refused(call, name, value, ValueError, f"^{name}=.* is no whole number from [01] (on|to)")


@pytest.mark.parametrize("name", SWITCHES)
@pytest.mark.parametrize("value", ["False", "True", "", b"False"])
def test_a_string_is_neither_true_nor_false(name: str, value: str | bytes) -> None:
    """It would count as true, whatever it says."""
    for call in SWITCHES[name]:
        refused(call, name, value, TypeError, f"^{name} is {value!r}, a string; give True or False")


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("value", [3, 2.5, True, b"x", {"x": 1}, int])
def test_what_is_no_list_is_named(name: str, value: Any) -> None:
    for call in LISTS[name]:
        what = {"texts": "strings", "special_tokens": "strings", "shares": "numbers"}
        what |= {"parts": "counts"}
        message = f"^{name} is (a |True|3|2.5).*; give a list of {what.get(name, 'paths')}$"
        refused(call, name, value, TypeError, message)


@pytest.mark.parametrize("name", ["sources", "inputs", "outputs"])
def test_one_path_is_no_list(name: str) -> None:
    for call in LISTS[name]:
        for value in ("ids.npy", Path("ids.npy")):
            refused(call, name, value, TypeError, "is one path.*; give a list of paths")


@pytest.mark.parametrize("call", [READ, SHARD])
@pytest.mark.parametrize("value", [None, 3, b"text.txt"])
def test_what_is_no_path_is_named_with_its_place(call: Call, value: Any) -> None:
    name = "sources" if call is READ else "input"
    message = r"^sources\[1\] is (None|3|a bytes), and not a path; give one$"
    refused(call, name, ["text.txt", value], TypeError, message)


@pytest.mark.parametrize("value", [None, 3, b"ids.npy", ["ids.npy"]])
def test_an_output_or_a_tokenizer_that_is_none_is_named(value: Any) -> None:
    message = "is (None|3|a bytes|a list)"
    refused(SHARD, "output", value, TypeError, f"^output {message}, and not a path; give one$")
    message = f"^tokenizer {message}; give a tokenizer, or its name or path$"
    refused(SHARD, "tokenizer", value, TypeError, message)


def test_paths_may_come_one_by_one() -> None:
    given = SHARD[1] | {"input": iter(["text.txt"])}
    assert SHARD[0](**given).documents == 2


def test_no_limit_of_another_library_is_no_limit() -> None:
    tokenizer = BertTokenizer("vocab.txt")
    assert tokenizer.encode_flat(["a b a"], max_len=10**30).ids.tolist() == [3, 4, 3]
    assert tokenizer.encode_batch(["a b"], max_len=10**30).input_ids.tolist() == [[1, 3, 4, 2]]


def test_other_arguments_are_named_too() -> None:
    refused(SPLIT, "shares", ["9", 1], ValueError, "give a number above 0 for each")
    refused(SHARD, "separator", ["a"], TypeError, "separator is a list; give a token of the voc")
    refused(LEARN, "counts", {"a": 1}, TypeError, "counts is a dict; give the counts that count_w")
    refused(LEARN, "unused", 31, ValueError, "unused=31 is more than size=30; give fewer, or")
    for call in (READ, SHARD):
        message = "^field is 3, and not a string; give the name of a field$"
        refused(call, "field", 3, TypeError, message)


@pytest.mark.parametrize("train", [train_wordpiece, train_bpe, train_byte_bpe, train_words])
def test_numbers_are_checked_before_the_words_of_a_large_corpus_are_counted(train: Any) -> None:
    def texts() -> Iterator[str]:
        raise AssertionError("they are read")
        yield ""

    for name in ("size", "unused", "min_frequency"):
        with pytest.raises(ValueError, match=f"{name}=-1 is no whole number"):
            train(texts(), **{"size": 30, name: -1})


def test_a_text_that_is_refused_is_named_with_its_place_in_a_stream_too() -> None:
    tokenizer = BertTokenizer("vocab.txt")
    texts: Any = iter(["a", "b", None])
    with pytest.raises(TypeError, match=r"^texts\[2\] is None, and not a string; leave it out"):
        list(tokenizer.encode_stream(texts))
    Path("latin.txt").write_bytes(b"a\nb\n\xff\n")
    with (
        open("latin.txt", encoding="utf-8", buffering=1) as lines,
        pytest.raises(UnicodeDecodeError) as caught,
    ):
        list(tokenizer.encode_stream(lines))
    assert caught.value.__notes__ == [
        "this is texts[0], or a part of the file that is read with it; "
        "read_documents names the line"
    ]


def test_numbers_of_numpy_are_numbers() -> None:
    assert checked_whole(np.int16(3), "size") == 3
    assert type(checked_whole(np.int16(3), "size")) is int
    train_wordpiece(["a b"], np.int64(30), min_frequency=np.uint8(1))  # type: ignore[arg-type]


FAMILIES = ["ptbert-tiny-bert", "ptbert-tiny-gpt2"]


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("value", [["a", "b"], None, b"ab", 3])
def test_what_is_no_text_is_named(name: str, value: Any) -> None:
    with pytest.raises(TypeError, match=r"^text is .*, and not a string; give one string"):
        load_tokenizer(name).tokenize(value)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("value", [[[1, 2], [3]], np.zeros((2, 3), int), [np.array([1])]])
def test_ids_of_several_texts_are_named(name: str, value: Any) -> None:
    said = r"\[0\] is a .*, and not an id; give the ids of one text, or several to decode_batch\(\)"
    with pytest.raises(TypeError, match=said):
        load_tokenizer(name).decode(value)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("value", ["12", 3, None])
def test_what_is_no_list_of_ids_is_named(name: str, value: Any) -> None:
    with pytest.raises(TypeError, match="and not a list of ids; give the ids of one text"):
        load_tokenizer(name).decode(value)


@pytest.mark.parametrize("name", FAMILIES)
def test_ids_of_every_kind_are_decoded(name: str) -> None:
    tokenizer = load_tokenizer(name)
    want = tokenizer.decode([5, 6, 7])
    for ids in ((5, 6, 7), iter([5, 6, 7]), np.array([5, 6, 7]), map(np.int32, [5, 6, 7])):
        assert tokenizer.decode(ids) == want
    assert tokenizer.decode([]) == ""


def test_words_of_transformer_xl_are_checked_alike() -> None:
    with pytest.raises(TypeError, match=r"^line is None, and not a string; give one string"):
        TransfoXLTokenizer().tokenize(None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^indices\[0\] is a list, and not an id"):
        TransfoXLTokenizer().decode([[1]])  # type: ignore[list-item]
