"""Merges learned fast are those of the plain definition."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptbert_tokenizers.plain.learning import joined_pieces, learned_merges
from ptbert_tokenizers.training import merges
from ptbert_tokenizers.training.merges import END, CountedSymbols, fast_merges

# Few letters, so that symbols come beside themselves and are made in several ways.
WORDS = st.dictionaries(st.text("abc", max_size=12), st.integers(1, 5), max_size=12)
REFUSED = st.sampled_from([(), ("ab",), ("aa", "abc")])


def counted(words: Mapping[tuple[str, ...], int], alphabet: Sequence[str]) -> CountedSymbols:
    places, word_of = [END], [0]
    for number, word in enumerate(words):
        places += [*map(alphabet.index, word), END]
        word_of += [number] * (len(word) + 1)
    counts = np.array(list(words.values()), np.int64)
    return CountedSymbols(np.array(places, np.int32), np.array(word_of, np.int32), counts, alphabet)


@pytest.mark.parametrize("block", [merges.BLOCK, 3], ids=["one block", "many blocks"])
@given(WORDS, st.integers(1, 40), st.integers(1, 4), REFUSED)
def test_merges_of_letters(
    block: int, words: dict[str, int], size: int, least: int, refused: Sequence[str]
) -> None:
    spelled, alphabet = {tuple(word): n for word, n in words.items()}, ["a", "b", "c"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merges, "BLOCK", block)

        fast = fast_merges(counted(spelled, alphabet), size, min_frequency=least, refused=refused)

    assert fast == learned_merges(spelled, alphabet, size, min_frequency=least, refused=refused)


@given(WORDS, st.integers(1, 40), st.integers(1, 4))
def test_merges_of_wordpieces(words: dict[str, int], size: int, least: int) -> None:
    spelled = {(*word[:1], *(f"##{char}" for char in word[1:])): n for word, n in words.items()}
    alphabet = ["a", "b", "c", "##a", "##b", "##c"]

    fast = fast_merges(counted(spelled, alphabet), size, min_frequency=least, joined=joined_pieces)

    assert fast == learned_merges(
        spelled, alphabet, size, min_frequency=least, joined=joined_pieces
    )


def test_large_frequencies_are_exact() -> None:
    # As floating-point numbers, 2**60 and 2**60 + 1 would be equal, and (a, b) would come first.
    words = {("a", "b"): 2**60, ("c", "d"): 2**60 + 1}

    learned = fast_merges(counted(words, ["a", "b", "c", "d"]), 6)

    assert learned.merges == [("c", "d"), ("a", "b")]
