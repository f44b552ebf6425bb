"""Tokens with a role: which can have one, and what they get."""

from typing import Any

import pytest
from small_tokenizers import bert, gpt, gpt2

from ptbert_tokenizers import (
    UnknownId,
    UnknownToken,
)

pytestmark = pytest.mark.usefixtures("no_spacy")


class TokenOfAnotherLibrary:
    content = "<new>"
    special = True


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "is None; give a list of strings or AddedToken"),
        (b"<new>", "is a bytes; give a list of strings or AddedToken"),
        ({"<new>", "<a>"}, "is a set; give a list of strings or AddedToken"),
        (["<new>", 5], r"tokens\[1\] is 5; give a string or an AddedToken of ptbert_tokenizers"),
        ([TokenOfAnotherLibrary()], r"\[0\] is a TokenOfAnotherLibrary; give a string or an Added"),
    ],
)
def test_what_is_no_token_is_refused_with_its_place(given: Any, message: str) -> None:
    tokenizer = bert()

    with pytest.raises(TypeError, match=message):
        tokenizer.add_tokens(given)
    with pytest.raises(TypeError, match=message):
        tokenizer.add_special_tokens(given)
    assert not tokenizer.added_tokens


@pytest.mark.parametrize(
    ("roles", "message"),
    [
        ({"pad_token": None}, "pad_token is None; give one string or AddedToken"),
        ({"pad_token": ["<a>"]}, "pad_token is a list; give one string or AddedToken"),
        ({"additional_special_tokens": 5}, "additional_special_tokens is 5; give a list of"),
    ],
)
def test_what_is_no_token_for_a_role_is_refused(roles: Any, message: str) -> None:
    tokenizer = bert()

    with pytest.raises(TypeError, match=message):
        tokenizer.add_special_tokens({"additional_special_tokens": "<new>", **roles})
    assert not tokenizer.added_tokens
    assert tokenizer.pad_token == "[PAD]"


def test_an_empty_token_is_refused() -> None:
    with pytest.raises(ValueError, match="an added token is an empty string; leave it out"):
        bert().add_tokens([""])


def test_roles_are_given_to_special_tokens() -> None:
    tokenizer = bert()

    number = tokenizer.add_special_tokens(
        {"pad_token": "<p>", "cls_token": "[CLS]", "additional_special_tokens": ["<x>"]}
    )

    assert number == 2
    assert tokenizer.pad_token == "<p>"
    assert tokenizer.encode_batch(["the", "the cat"]).input_ids.tolist() == [
        [2, 5, 3, 9],
        [2, 5, 6, 3],
    ]
    assert tokenizer.decode([9, 10, 5], skip_special_tokens=True) == "the"
    with pytest.raises(ValueError, match="has no special token 'bos_token'; it has unk_token, sep"):
        tokenizer.add_special_tokens({"bos_token": "<s>"})


def test_other_tokens_around_texts() -> None:
    tokenizer = bert(cls_token="the", sep_token="cat", unk_token="[PAD]")

    assert tokenizer.encode("dog") == [5, 0, 6]
    tokenizer.unk_token = "[UNK]"
    assert tokenizer.encode("dog") == [5, 1, 6]


def test_ids_of_new_tokens_come_after_gaps() -> None:
    tokenizer = bert()
    tokenizer.vocab["far"] = 50

    tokenizer.add_tokens(["new"])

    assert tokenizer.added_tokens.ids == {"new": 51}
    with pytest.raises(
        UnknownId, match=r"id 52 is outside the vocabulary of 10 tokens \(0 to 51\)"
    ):
        tokenizer.convert_ids_to_tokens([52])
    with pytest.raises(
        UnknownToken, match="token 'old' at position 1 is not in the vocabulary of 11"
    ):
        tokenizer.convert_tokens_to_ids(["new", "old"])


def test_an_unknown_token_of_gpt_gets_the_id_that_was_set() -> None:
    assert gpt(unk_token="the</w>").convert_tokens_to_ids(["zzz"]) == [13]
    assert gpt2(unk_token="<|endoftext|>").convert_tokens_to_ids("zzz") == 17
