"""WordPieces of many words at once, compared with the definition."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptbert_tokenizers import BertTokenizer, WordpieceTokenizer
from ptbert_tokenizers.quick import pieces
from ptbert_tokenizers.quick.pieces import PieceIds

LETTERS = "aab#é京🙂\x05\x7f"


@pytest.fixture(autouse=True)
def _any_number_of_words() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "_FEW", 0)
        patch.setattr(pieces, "_MANY", 0)
        yield


UNKNOWN = 7000


def ids_of(vocab: dict[str, int], words: list[str], limit: int = 100) -> dict[str, list[int]]:
    """The ids of those words that are not left out."""
    found: dict[str, list[int]] = {}
    for some in PieceIds(vocab, limit, UNKNOWN)([word.encode() for word in words]):
        cut = np.split(some.ids, some.counts.cumsum())[:-1]
        found |= {words[n]: ids.tolist() for n, ids in zip(some.which, cut, strict=True)}
    return found


@given(
    st.sets(st.text(LETTERS, max_size=14) | st.text(LETTERS, max_size=14).map("##{}".format)),
    st.lists(st.text(LETTERS, min_size=1, max_size=30), unique=True, max_size=10),
)
def test_pieces_are_those_of_the_definition(tokens: set[str], others: list[str]) -> None:
    vocab = {token: index for index, token in enumerate(sorted(tokens - {""}))}
    joined = ["".join(vocab).replace("##", ""), *(token * 2 for token in vocab)]
    words = list(dict.fromkeys([*others, *vocab, *filter(None, joined)]))

    found = ids_of(vocab, words)

    definition = WordpieceTokenizer(vocab, unk_token="?")
    expected = {word: definition._pieces(word) for word in words}
    for word in words:
        if word in found:
            assert found[word] == [vocab.get(piece, UNKNOWN) for piece in expected[word]]
        else:
            assert {"\x05", "\x7f"} & set(word) or len(word.encode()) > pieces._LONGEST


def test_long_words_and_words_with_control_characters_are_left_out() -> None:
    vocab = {"a": 0, "##a": 1, "\x05": 2, "##\x05": 3, "é": 4, "##aaaaaaaa": 5}

    assert ids_of(vocab, ["a", "aaaa", "aaaaa", "\x05", "a\x05", "z\x05", "é", "z", "za"], 4) == (
        {"a": [0], "aaaa": [0, 1, 1, 1], "é": [4], "z": [UNKNOWN], "za": [UNKNOWN]}
    )
    assert ids_of(vocab, ["a" * 64, "a" * 65]) == {"a" * 64: [0, *[5] * 7, *[1] * 7]}


def test_a_vocabulary_with_too_many_beginnings_has_no_quick_pieces(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vocab = {"abcdef": 0, "ab": 1}
    assert ids_of(vocab, ["abcdef", "ab"]) == {"abcdef": [0], "ab": [1]}

    monkeypatch.setattr(pieces, "_MOST_STATES", 2)

    assert ids_of(vocab, ["abcdef", "ab", "unknown"]) == {}


def test_pieces_are_sorted_when_there_were_many_new_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "_MANY", 5)
    piece_ids = PieceIds({"a": 0, "##b": 1}, 100, UNKNOWN)

    assert [bool(list(piece_ids([b"ab", b"abb"]))) for _ in range(4)] == [False, False, True, True]


@pytest.mark.parametrize("name", ["bert-base-uncased", "bert-base-multilingual-cased"])
def test_texts_have_the_ids_of_the_definition(
    name: str, published: Callable[[str], Path], texts: list[str]
) -> None:
    tokenizer = BertTokenizer.from_pretrained(published(name))
    definition = WordpieceTokenizer(set(tokenizer.vocab))
    several = [*texts, "[MASK]unaffablest [SEP] " + "Ω≈ç√∫˜µ" * 3, "x" * 99 + " " + "é" * 101]

    flat = tokenizer.encode_flat(several)

    for text, ids in zip(several, np.split(flat.ids, flat.bounds[1:-1]), strict=True):
        words = tokenizer.basic_tokenizer.tokenize(text)
        expected = [piece for word in words for piece in definition.tokenize(word)]
        assert ids.tolist() == tokenizer.convert_tokens_to_ids(expected)
