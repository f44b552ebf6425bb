"""WordpieceTokenizer by itself: words that it remembers, compared with the definition."""

import pickle
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptbert_tokenizers import WordpieceTokenizer
from ptbert_tokenizers.edits import Vocabulary
from ptbert_tokenizers.quick import known_pieces

LETTERS = "aab#é京🙂\x05\ud800 \t"


@pytest.fixture(autouse=True)
def _quick_from_the_third_word_on() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(known_pieces, "_MANY", 2)
        yield


@given(
    st.sets(st.text(LETTERS, max_size=6) | st.text(LETTERS, max_size=6).map("##{}".format)),
    st.lists(st.text(LETTERS, max_size=30), max_size=8),
    st.integers(1, 12),
)
def test_pieces_are_those_of_the_definition(tokens: set[str], texts: list[str], limit: int) -> None:
    definition = WordpieceTokenizer(tokens, "?", limit)
    tokenizer = WordpieceTokenizer(Vocabulary.of((t, 0) for t in tokens), "?", limit)
    several = [*texts, " ".join(tokens), "".join(tokens).replace("##", "")]

    for text in several + several:
        assert tokenizer.tokenize(text) == definition.tokenize(text)


def test_every_change_of_the_parts_counts() -> None:
    vocab = Vocabulary({"a": 0, "##b": 1})
    tokenizer = WordpieceTokenizer(vocab)
    text = "ab abb xab ab"
    assert tokenizer.tokenize(text) == ["a", "##b", "a", "##b", "##b", "[UNK]", "a", "##b"]

    vocab["##bb"] = 2
    assert tokenizer.tokenize(text) == ["a", "##b", "a", "##bb", "[UNK]", "a", "##b"]
    tokenizer.unk_token = "?"
    assert tokenizer.tokenize(text) == ["a", "##b", "a", "##bb", "?", "a", "##b"]
    tokenizer.max_input_chars_per_word = 2
    assert tokenizer.tokenize(text) == ["a", "##b", "?", "?", "a", "##b"]
    del vocab["a"]
    assert tokenizer.tokenize(text) == ["?", "?", "?", "?"]
    tokenizer.vocab = Vocabulary({"ab": 0})
    assert tokenizer.tokenize(text) == ["ab", "?", "?", "ab"]


@pytest.mark.parametrize("kind", [dict, set, list])
def test_a_vocabulary_that_counts_no_edits_is_asked_each_time(kind: type) -> None:
    tokenizer = WordpieceTokenizer(kind({"a": 0, "##b": 1}))
    assert tokenizer.tokenize("abb ab") == ["a", "##b", "##b", "a", "##b"]

    tokenizer.vocab = kind({"abb": 0})

    assert tokenizer.tokenize("abb ab") == ["abb", "[UNK]"]


def test_a_dictionary_is_asked_each_time() -> None:
    vocab = {"a": 0, "##b": 1}
    tokenizer = WordpieceTokenizer(vocab)
    assert tokenizer.tokenize("abb ab") == ["a", "##b", "##b", "a", "##b"]

    vocab["##bb"] = 2

    assert tokenizer.tokenize("abb ab") == ["a", "##bb", "a", "##b"]


def test_a_vocabulary_of_a_subclass_is_asked_each_time() -> None:
    class Lowered(Vocabulary):
        def __contains__(self, token: object) -> bool:
            return super().__contains__(str(token).lower())

    tokenizer = WordpieceTokenizer(Lowered({"a": 0, "##b": 1}))

    assert tokenizer.tokenize("AB ab") == ["A", "##B", "a", "##b"]


def test_replaced_steps_are_called(monkeypatch: pytest.MonkeyPatch) -> None:
    class Shouting(WordpieceTokenizer):
        def _pieces(self, word: str) -> list[str]:
            return [piece.upper() for piece in super()._pieces(word)]

    vocab = Vocabulary({"a": 0, "##b": 1})
    assert Shouting(vocab).tokenize("ab ab") == ["A", "##B", "A", "##B"]

    tokenizer = WordpieceTokenizer(vocab)
    assert tokenizer.tokenize("ab ab") == ["a", "##b", "a", "##b"]
    tokenizer._pieces = lambda word: [word * 2]  # type: ignore[method-assign]
    assert tokenizer.tokenize("ab ab") == ["abab", "abab"]
    del tokenizer._pieces
    monkeypatch.setattr(WordpieceTokenizer, "_pieces", lambda self, word: [word[::-1]])
    assert tokenizer.tokenize("ab ab") == ["ba", "ba"]


def test_the_pickle_does_not_change_by_use() -> None:
    tokenizer = WordpieceTokenizer(Vocabulary({"a": 0, "##b": 1}))
    before = pickle.dumps(tokenizer)

    tokenizer.tokenize("ab abb abbb abbbb")

    assert pickle.dumps(tokenizer) == before
    assert pickle.loads(before).tokenize("ab ab") == ["a", "##b", "a", "##b"]
