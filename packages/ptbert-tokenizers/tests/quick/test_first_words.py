"""What a tokenizer prepares for many words is put off until there were many."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptbert_tokenizers import (
    AddedToken,
    BertTokenizer,
    GPT2Tokenizer,
    OpenAIGPTTokenizer,
    UnknownToken,
)
from ptbert_tokenizers.files.vocabulary import write_json_vocabulary, write_merges
from ptbert_tokenizers.plain.bpe import bytes_to_unicode
from ptbert_tokenizers.quick import bpe, encoder
from ptbert_tokenizers.quick.merges import MergeTable

CLASSES: list[tuple[Any, str]] = [
    (BertTokenizer, "bert-base-uncased"),
    (GPT2Tokenizer, "gpt2"),
    (OpenAIGPTTokenizer, "openai-gpt"),
]


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> list[MergeTable]:
    """The tables of merges that are made in a test, in which few words are new."""
    made: list[MergeTable] = []
    init = MergeTable.__init__

    def noted(table: MergeTable, *args: Any) -> None:
        made.append(table)
        init(table, *args)

    monkeypatch.setattr(MergeTable, "__init__", noted)
    monkeypatch.setattr(bpe, "_MANY", 4)
    monkeypatch.setattr(encoder, "_LITTLE", 20)
    return made


def small_gpt2(**more: int) -> GPT2Tokenizer:
    """A tokenizer that merges ``low`` and ``er``."""
    merges = [("l", "o"), ("lo", "w"), ("e", "r")]
    tokens = [*bytes_to_unicode().values(), "lo", "low", "er"]
    write_json_vocabulary("vocab.json", {each: i for i, each in enumerate(tokens)} | more)
    write_merges("merges.txt", merges)
    return GPT2Tokenizer("vocab.json", "merges.txt")


def test_merges_are_prepared_when_many_words_are_new(tables: list[MergeTable]) -> None:
    tokenizer = small_gpt2()
    definition = tokenizer._plain_tokens

    for number, word in enumerate(["low", "lower", "low", "er", "wer", "slower"]):
        assert tokenizer.tokenize(word) == definition(word)
        assert len(tables) == (number == 5)


def test_long_words_are_not_left_to_the_definition(tables: list[MergeTable]) -> None:
    tokenizer = small_gpt2()

    assert tokenizer.tokenize("low" * 20) == ["low"] * 20
    assert len(tables) == 1


def test_a_table_of_words_is_made_when_there_was_much_text(
    tables: list[MergeTable], monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = small_gpt2()
    monkeypatch.setattr(bpe, "_MANY", 100)
    blocks = (["low", "er"], ["lower", "low er"], ["", "low low"], ["lower er"])
    for number, texts in enumerate(blocks):  # of 5, 11, 7 characters
        ids, bounds = tokenizer.encode_flat(texts)

        expected = [tokenizer.convert_tokens_to_ids(tokenizer._plain_tokens(t)) for t in texts]
        assert ids.tolist() == [index for row in expected for index in row]
        assert bounds.tolist() == [sum(map(len, expected[:i])) for i in range(len(texts) + 1)]
        assert len(tables) == (number >= 2)


@pytest.mark.parametrize(("cls", "name"), CLASSES)
def test_first_words_have_the_ids_of_later_ones(
    cls: Any,
    name: str,
    published: Callable[[str], Path],
    texts: list[str],
    recorded: dict[str, list[Any]],
    monkeypatch: pytest.MonkeyPatch,
    no_spacy: None,
) -> None:
    monkeypatch.setattr(bpe, "_MANY", 10**9)
    monkeypatch.setattr(encoder, "_LITTLE", 10**9)
    at_first: Any = cls.from_pretrained(published(name))
    few = [text for text in texts if len(text) < 500]

    ids, bounds = at_first.encode_flat(few)

    monkeypatch.undo()
    later: Any = cls.from_pretrained(published(name))
    found = later.encode_flat(few)
    assert ids.tolist() == found.ids.tolist()
    assert bounds.tolist() == found.bounds.tolist()


@given(words=st.lists(st.text("lower x日", max_size=9), max_size=12))
def test_pieces_that_the_vocabulary_lacks_are_the_same_at_first(words: list[str]) -> None:
    tokenizer = small_gpt2()
    del tokenizer.encoder["low"], tokenizer.encoder["x"]
    tokenizer.unk_token = "e"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bpe, "_MANY", 1000)
        at_first = [tokenizer.encode(word) for word in words]
    tokenizer.encoder["x"] = tokenizer.encoder.pop("e")  # as another vocabulary, and back
    tokenizer.encoder["e"] = tokenizer.encoder.pop("x")

    assert [tokenizer.encode(word) for word in words] == at_first


def test_merges_that_are_edited_count_before_the_table_is_made(tables: list[MergeTable]) -> None:
    tokenizer = small_gpt2()
    assert tokenizer.tokenize("low") == ["low"]

    del tokenizer.bpe_ranks["lo", "w"]

    assert tokenizer.tokenize("low") == ["lo", "w"]
    assert tables == []


def test_symbols_that_are_not_visible_characters_do_not_stop_a_batch() -> None:
    tokens = [*bytes_to_unicode().values(), "日", "本", "日本", "lo"]
    write_json_vocabulary("vocab.json", {each: i for i, each in enumerate(tokens)})
    write_merges("merges.txt", [("日", "本"), ("l", "o")])
    tokenizer = GPT2Tokenizer("vocab.json", "merges.txt")

    assert tokenizer.encode_flat(["lo日", "lo"]).ids.tolist() == [
        259,
        *(tokenizer.encoder[bytes_to_unicode()[byte]] for byte in "日".encode()),
        259,
    ]


@pytest.mark.parametrize("many", [0, 1000])
def test_pieces_without_ids_are_tokens_all_the_same(
    many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bpe, "_MANY", many)
    tokenizer = small_gpt2()
    del tokenizer.encoder["low"]

    assert tokenizer.tokenize("xlow") == ["x", "low"]
    assert tokenizer.tokenize_words(["xlow"]) == (["x", "low"], [0, 0])
    with pytest.raises(UnknownToken, match="token 'low' is not in the vocabulary of 258"):
        tokenizer.encode("xlow")

    tokenizer.add_tokens([AddedToken("low", single_word=True)])
    assert tokenizer.encode("xlow low")[1] == tokenizer.added_tokens.ids["low"]
    assert tokenizer._quick().tokens("xlow") == ["x", "low"]  # type: ignore[union-attr]
    assert tokenizer.tokenize("xlow low") == ["x", "low", "Ġ", "low"]


def test_a_short_text_needs_no_numpy(published: Callable[[str], Path]) -> None:
    program = (
        "import sys; from ptbert_tokenizers import GPT2Tokenizer; "
        f"print(GPT2Tokenizer.from_pretrained({str(published('gpt2'))!r}).encode('a short text'), "
        "'numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.PIPE)

    assert done.stdout.decode().strip() == "[64, 1790, 2420] False"
