"""Counted words as arrays of symbols."""

import pytest

from ptbert_tokenizers.plain.bpe import bytes_to_unicode
from ptbert_tokenizers.training.merges import END, CountedSymbols
from ptbert_tokenizers.training.symbols import byte_symbols, character_symbols


def spelled(symbols: CountedSymbols) -> dict[tuple[str, ...], int]:
    """The words again, as symbols, with their counts; a word that is cut is there in parts."""
    words: dict[tuple[str, ...], int] = {}
    word: list[str] = []
    for place, owner in zip(symbols.places.tolist(), symbols.word_of.tolist(), strict=True):
        if place != END:
            word.append(symbols.alphabet[place])
            count = int(symbols.counts[owner])
        elif word:
            words[tuple(word)] = count
            word = []
    assert not word
    return words


def test_bytes_are_written_as_in_gpt2() -> None:
    symbols = byte_symbols({" é": 2, "a": 3})

    assert spelled(symbols) == {("Ġ", "Ã", "©"): 2, ("a",): 3}
    assert symbols.alphabet == list(bytes_to_unicode().values())


@pytest.mark.parametrize(
    ("marks_ends", "words", "alphabet"),
    [
        (False, {("b", "##a"): 2, ("b",): 3}, ["a", "b", "##a"]),
        (True, {("b", "a</w>"): 2, ("b</w>",): 3}, ["a", "b", "a</w>", "b</w>"]),
    ],
)
def test_characters_are_marked_where_a_word_has_them(
    marks_ends: bool, words: dict[tuple[str, ...], int], alphabet: list[str]
) -> None:
    symbols = character_symbols({"ba": 2, "b": 3}, marks_ends=marks_ends)

    assert spelled(symbols) == words
    assert symbols.alphabet == alphabet


def test_a_limited_alphabet_has_the_most_frequent_characters() -> None:
    # a: 1 + 2, b: 2, c: 2, d: 1; of b and c the lower one is kept.
    words = {"ad": 1, "abc": 2}

    symbols = character_symbols(words, marks_ends=True, limit_alphabet=2)

    assert symbols.alphabet == ["a", "b"]
    assert spelled(symbols) == {("a",): 1, ("a", "b"): 2}  # cut where c and d were


def test_a_word_with_a_character_that_is_left_out_is_no_word_of_wordpieces() -> None:
    symbols = character_symbols({"aba": 2, "aca": 1}, marks_ends=False, limit_alphabet=2)

    assert spelled(symbols) == {("a", "##b", "##a"): 2}
    assert symbols.alphabet == ["a", "b", "##a", "##b"]


def test_what_is_left_out_of_the_alphabet_is_told(caplog: pytest.LogCaptureFixture) -> None:
    character_symbols({"aab": 1, "ac": 2}, marks_ends=True, limit_alphabet=1)

    assert "2 of 3 different characters are left out" in caplog.text
    assert "'c' with 2 occurrences" in caplog.text
