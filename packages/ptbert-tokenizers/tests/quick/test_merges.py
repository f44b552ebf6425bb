"""Merges on numbers, compared with the definition."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptbert_tokenizers.plain.bpe import LONG_WORD, merged
from ptbert_tokenizers.quick.merges import MergeTable


def learnt_merges(words: list[str], order: list[int], end: str) -> dict[tuple[str, str], int]:
    """Merges as training makes them, but with the next pair chosen by ``order``."""
    split = [[*word[:-1], word[-1] + end] for word in words]
    ranks: dict[tuple[str, str], int] = {}
    for choice in order:
        pairs = sorted({pair for word in split for pair in pairwise(word)} - ranks.keys())
        pairs = [pair for pair in pairs if "".join(pair) not in map("".join, ranks)]
        if not pairs:
            break
        ranks[pairs[choice % len(pairs)]] = len(ranks)
        split = [merged([*word[:-1], word[-1] + end], ranks) for word in words]
    return ranks


@given(
    words=st.lists(st.text("abc", min_size=1, max_size=12), min_size=1, max_size=6),
    order=st.lists(st.integers(0, 1000), max_size=14),
    end=st.sampled_from(["", "</w>"]),
    word=st.text("abcd", min_size=1, max_size=3 * LONG_WORD),
)
def test_the_table_merges_as_the_definition_does(
    words: list[str], order: list[int], end: str, word: str
) -> None:
    ranks = learnt_merges(words, order, end)
    table = MergeTable(ranks, end)

    symbols = {part for left, right in ranks for part in (left, right, left + right)}
    tokens = {symbol: index for index, symbol in enumerate(sorted(symbols))}
    ids = table.ids(tokens)
    for each in [word, *words]:
        pieces = merged([*each[:-1], each[-1] + end], ranks)
        assert table.pieces(each) == pieces
        assert [ids[number] for number in table.merge(each)] == [
            tokens.get(piece, -1) for piece in pieces
        ]
    whole = [symbol.removesuffix(end) for symbol in symbols if symbol.endswith(end)]
    assert sorted(table.whole_words()) == sorted(
        each
        for each in whole
        if each and merged([*each[:-1], each[-1] + end], ranks) == [each + end]
    )


@st.composite
def unusual_merges(draw: st.DrawFn) -> dict[tuple[str, str], int]:
    """Merges of any symbols in any order, so that some can never happen and some do the same."""
    symbols = st.text("ab", min_size=1, max_size=4)
    pairs = draw(st.lists(st.tuples(symbols, symbols), unique=True, max_size=12))
    return {pair: rank for rank, pair in enumerate(pairs)}


@given(ranks=unusual_merges(), word=st.text("abc", min_size=1, max_size=2 * LONG_WORD))
def test_unusual_merges_give_the_same_pieces_too(
    ranks: dict[tuple[str, str], int], word: str
) -> None:
    table = MergeTable(ranks)

    assert table.pieces(word) == merged(word, ranks)
    for each in table.whole_words():
        assert merged(each, ranks) == [each]


def test_a_part_that_a_later_merge_makes_is_merged_in_the_next_round() -> None:
    ranks = {("ab", "c"): 0, ("a", "b"): 1}

    assert MergeTable(ranks).pieces("abcab") == ["abc", "ab"]
    assert MergeTable(ranks).whole_words() == {}


def test_a_symbol_may_be_made_in_two_ways() -> None:
    ranks = {("a", "b"): 0, ("b", "c"): 1, ("ab", "c"): 2, ("a", "bc"): 3}

    assert MergeTable(ranks).pieces("abc") == ["abc"]


def test_a_symbol_that_its_characters_do_not_merge_into_is_no_whole_word() -> None:
    table = MergeTable({("a", "b"): 0, ("b", "c"): 1, ("a", "bc"): 2})

    assert sorted(table.whole_words()) == ["a", "ab", "b", "bc", "c"]
    assert table.pieces("abc") == ["ab", "c"]


def test_another_thread_never_sees_symbols_that_are_not_whole() -> None:
    table = MergeTable({("b", "c"): 0, ("a", "b"): 1, ("ab", "c"): 2})
    seen: list[object] = []

    class Numbers(dict[str, int]):
        def items(self) -> Any:  # where the whole symbols are chosen, look as another thread would
            seen.append(table._whole)
            return super().items()

    table._numbers = Numbers(table._numbers)

    assert sorted(table.whole_words()) == ["a", "ab", "b", "bc", "c"]
    assert seen == [None]


def test_a_very_long_word_is_merged_in_seconds() -> None:
    table = MergeTable({("a", "a"): 0, ("aa", "aa"): 1})

    pieces = table.pieces("a" * 200_001)

    assert pieces == ["aaaa"] * 50_000 + ["a"]


@given(st.data())
def test_longest_matches_are_the_merges(data: st.DataObject) -> None:
    """Merges as they are learned from a corpus: each joins symbols that were there before."""
    symbols = ["a", "b", "c"]
    ranks: dict[tuple[str, str], int] = {}
    for _ in range(data.draw(st.integers(1, 14))):
        pair = data.draw(st.sampled_from(symbols)), data.draw(st.sampled_from(symbols))
        if "".join(pair) not in symbols:
            ranks[pair] = len(ranks)
            symbols.append("".join(pair))
    table = MergeTable(ranks)
    for word in data.draw(st.lists(st.text("abcx", min_size=1, max_size=25), max_size=8)):
        assert table.pieces(word) == merged(word, ranks)
        if ranks:
            assert table._matcher is not None
            assert table._matcher(word) is not None


def test_a_symbol_that_no_symbol_follows_is_taken_back() -> None:
    """``abc`` merges into ``a`` and ``bc``: ``ab`` is longer than ``a``, and wrong."""
    table = MergeTable({("b", "c"): 0, ("a", "b"): 1})
    assert table.pieces("abc") == ["a", "bc"]
    assert table.pieces("abab" + "abc" * 3) == ["ab", "ab", "a", "bc", "a", "bc", "a", "bc"]


def test_pairs_of_symbols_are_forgotten_when_they_are_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ptbert_tokenizers.quick.matching._MOST_PAIRS", 2)
    table = MergeTable({("b", "c"): 0, ("a", "b"): 1})
    assert table.pieces("abacbcabc") == ["ab", "a", "c", "bc", "a", "bc"]


@given(
    words=st.lists(st.text("ab", min_size=1, max_size=12), min_size=1, max_size=6),
    order=st.lists(st.integers(0, 1000), max_size=14),
)
def test_pairs_with_equal_hashes_are_told_apart(words: list[str], order: list[int]) -> None:
    ranks = learnt_merges(words, order, "")
    symbols = {part for left, right in ranks for part in (left, right, left + right)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ptbert_tokenizers.quick.whole_symbols._BITS", 1)
        whole = MergeTable(ranks).whole_words()

    assert sorted(whole) == sorted(each for each in symbols if merged(each, ranks) == [each])
