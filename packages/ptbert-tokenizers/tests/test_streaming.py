"""Text that is decoded in pieces is, all together, what ``decode`` gives for all ids."""

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptbert_tokenizers import (
    BertTokenizer,
    GPT2Tokenizer,
    OpenAIGPTTokenizer,
    TextStreamer,
    TransfoXLTokenizer,
)
from ptbert_tokenizers.plain.gaps import close_gaps
from ptbert_tokenizers.streaming import Characters, Replaced, Stripped, closed_gaps

PARTS = [" .", " ?", " !", " ,", " ' ", " n't", " 'm", " do not", " 's", " 've", " 're", " ##"]
letters = st.text(" '.dontsmver#<uk>", max_size=6)
pieces = st.lists(st.one_of(letters, st.sampled_from(PARTS), st.text(max_size=3)), max_size=12)


def through(steps: list[Any], parts: list[Any]) -> str:
    for step in steps:
        parts = [*map(step.feed, parts), step.end()]
    return "".join(parts)


@given(pieces, st.sampled_from([*PARTS, "aa", "aba", "<unk>"]), st.sampled_from(["", "'", "aa"]))
def test_replacing_in_pieces_is_replacing(parts: list[str], old: str, new: str) -> None:
    assert through([Replaced(old, new)], parts) == "".join(parts).replace(old, new)


@given(st.lists(st.text("ab", max_size=5)), st.text("ab", min_size=1, max_size=5))
def test_strings_that_overlap_themselves_are_replaced_from_the_left(
    parts: list[str], old: str
) -> None:
    assert through([Replaced(old, "c")], parts) == "".join(parts).replace(old, "c")


@given(pieces)
def test_gaps_are_closed_and_ends_are_stripped_in_pieces(parts: list[str]) -> None:
    assert through(closed_gaps(), parts) == close_gaps("".join(parts))
    assert through([Stripped()], parts) == "".join(parts).strip()


@given(st.lists(st.binary(max_size=3)), st.sampled_from(["replace", "ignore", "backslashreplace"]))
def test_bytes_become_characters_in_pieces(parts: list[bytes], errors: str) -> None:
    assert through([Characters(errors)], parts) == b"".join(parts).decode("utf-8", errors)


SPECIAL = {"bert": [], "gpt": ["_end_"], "gpt2": ["<|endoftext|>", "ö"], "transfo_xl": []}


@pytest.fixture(scope="module")
def tokenizers(published: Callable[[str], Path]) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "spacy", None)
        gpt = OpenAIGPTTokenizer.from_pretrained(
            published("openai-gpt"), special_tokens=SPECIAL["gpt"]
        )
    xl = TransfoXLTokenizer(special=["<eos>", "<unk>"])
    xl.count_sents([["it", "'s", "a", "cat", ".", "do", "not", "@-@", "'"]])
    xl.build_vocab()
    return {
        "bert": BertTokenizer.from_pretrained(published("bert-base-uncased")),
        "gpt": gpt,
        "gpt2": GPT2Tokenizer.from_pretrained(published("gpt2"), special_tokens=SPECIAL["gpt2"]),
        "transfo_xl": xl,
    }


OPTIONS = [
    {"clean_up_tokenization_spaces": True},
    {"clean_up_tokenization_spaces": False},
    {"clean_up_tokenization_spaces": False, "skip_special_tokens": True},
]
FRAGMENTS = [
    "It 's",
    " do not",
    " .",
    "<unk>",
    "[SEP]",
    "日本語",
    "😀",
    "  \n",
    " ' s",
    "don't",
    "á",
]
texts = st.lists(st.one_of(st.text(max_size=6), st.sampled_from(FRAGMENTS)), max_size=8)


@pytest.mark.parametrize("family", SPECIAL)
def test_a_stream_is_what_decode_gives(tokenizers: dict[str, Any], family: str) -> None:
    """Also for ids of which no text consists, and for texts that begin or end anywhere."""
    tokenizer = tokenizers[family]
    any_id = st.integers(0, len(tokenizer.vocabulary) - 1)

    @given(texts, st.lists(any_id, max_size=12), st.integers(0, 20), st.sampled_from(OPTIONS))
    def check(parts: list[str], others: list[int], cut: int, options: dict[str, bool]) -> None:
        if family == "transfo_xl":
            options = {"exclude": [1], **options}
            options.pop("skip_special_tokens", None)
        ids = tokenizer.encode(" ".join(parts))
        for each in (ids, ids[cut:], ids[:cut], others, ids + others):
            got = [*tokenizer.decode_stream(iter(each), **options)]
            assert "".join(got) == tokenizer.decode(each, **options)
            assert "" not in got

    check()


def test_pieces_come_as_early_as_they_can(tokenizers: dict[str, Any]) -> None:
    gpt2 = tokenizers["gpt2"]
    decoder = gpt2.stream_decoder()
    ids = gpt2.encode("One two € .")
    assert [decoder.feed(index) for index in ids[:2]] == ["One", " two"]
    rest = [decoder.feed(index) for index in ids[2:]]
    assert rest[-1] == "."
    assert "".join(rest) == " €."
    assert decoder.end() == ""


def test_april_keeps_the_spaces(published: Callable[[str], Path]) -> None:
    from ptbert_hub.release import set_release

    set_release("april")
    try:
        tokenizer = GPT2Tokenizer.from_pretrained(published("gpt2"))
    finally:
        set_release("june")
    ids = tokenizer.encode("It is <unk> . do not")
    assert "".join(tokenizer.decode_stream(ids)) == "It is <unk> . do not" == tokenizer.decode(ids)


def test_a_replaced_decode_gives_all_text_in_the_end(
    tokenizers: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for tokenizer in tokenizers.values():
        monkeypatch.setattr(tokenizer, "decode", lambda ids: f"{len([*ids])} ids")
        assert [*tokenizer.decode_stream([2, 3])] == ["2 ids"]


def test_unknown_ids_are_named(tokenizers: dict[str, Any]) -> None:
    for tokenizer in tokenizers.values():
        with pytest.raises(KeyError, match="id 99999999 is outside the vocabulary"):
            [*tokenizer.decode_stream([99999999])]


def printed(streamer: TextStreamer, *values: Any) -> None:
    for value in values:
        streamer.put(value)
    streamer.end()


@pytest.mark.parametrize("make", [list, np.array])
def test_a_streamer_prints_the_text_and_a_line_end(
    tokenizers: dict[str, Any], make: Callable[[Any], Any]
) -> None:
    tokenizer = tokenizers["gpt2"]
    prompt, new = tokenizer.encode("Once € upon"), tokenizer.encode(" a 日本 time .")
    whole, rest = io.StringIO(), io.StringIO()

    printed(TextStreamer(tokenizer, file=whole), make([prompt]), *(make([each]) for each in new))
    streamer = TextStreamer(tokenizer, skip_prompt=True, file=rest)
    for _ in range(2):  # it can be used again
        printed(streamer, make([prompt]), *(make([each]) for each in new))

    assert whole.getvalue() == "Once € upon a 日本 time.\n"
    assert rest.getvalue() == " a 日本 time.\n" * 2


def test_a_streamer_prints_to_standard_output(
    tokenizers: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    ids = tokenizers["bert"].encode("hello world .", add_special_tokens=False)
    options = {"clean_up_tokenization_spaces": False}
    printed(TextStreamer(tokenizers["bert"], **options), [ids[:1]], *([each] for each in ids[1:]))
    assert capsys.readouterr().out == "hello world .\n"


def test_a_streamer_prints_one_text(tokenizers: dict[str, Any]) -> None:
    for values in ([[[1, 2], [3, 4]]], [[[1, 2]], [3, 4]]):
        with pytest.raises(ValueError, match="a streamer prints one text, and there are several"):
            printed(TextStreamer(tokenizers["gpt2"], file=io.StringIO()), *values)
