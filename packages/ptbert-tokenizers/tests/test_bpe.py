"""Byte-pair merges: the worked example, and the table against the definition."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptbert_tokenizers.bpe import MergeTable, bytes_to_unicode, get_pairs, merged

RANKS = {("l", "o"): 0, ("lo", "w"): 1, ("e", "r"): 2}


def test_bytes_have_256_visible_characters() -> None:
    table = bytes_to_unicode()

    assert sorted(table) == list(range(256))
    assert len(set(table.values())) == 256
    assert all(char.isprintable() and not char.isspace() for char in table.values())
    assert (table[0], table[0x7F], table[0xAD]) == ("\u0100", "\u0121", "\u0143")


def test_pairs_of_neighbours() -> None:
    assert get_pairs("abab") == {("a", "b"), ("b", "a")}
    assert get_pairs("a") == set()


def test_lower_ranks_merge_first_and_everywhere() -> None:
    assert merged("lowerlow", RANKS) == ["low", "er", "low"]
    assert merged("aaa", {("a", "a"): 0}) == ["aa", "a"]
    assert merged("abc", {("b", "c"): 0, ("a", "b"): 1}) == ["a", "bc"]
    assert merged("", RANKS) == []


@pytest.mark.parametrize(
    "ranks",
    [
        {("ab", "c"): 0, ("a", "b"): 1},  # a part is made after the whole
        {("ab", "c"): 2, ("a", "bc"): 3, ("a", "b"): 0, ("b", "c"): 1},  # made twice
    ],
)
def test_irregular_merges_are_noticed(ranks: dict[tuple[str, str], int]) -> None:
    assert not MergeTable(ranks).is_regular


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
    word=st.text("abcd", min_size=1, max_size=20),
)
def test_the_table_cuts_as_merging_does(
    words: list[str], order: list[int], end: str, word: str
) -> None:
    ranks = learnt_merges(words, order, end)
    table = MergeTable(ranks, end)

    assert table.is_regular
    symbols = {part for left, right in ranks for part in (left, right, left + right)}
    tokens = {symbol: index for index, symbol in enumerate(sorted(symbols))}
    ids = table.ids(tokens)
    for each in [word, *words]:
        pieces = merged([*each[:-1], each[-1] + end], ranks)
        assert table.cut(each) == pieces
        assert [ids[number] for number in table.merge(each)] == [
            tokens.get(piece, -1) for piece in pieces
        ]
    for each in table.whole_words():
        assert merged([*each[:-1], each[-1] + end], ranks) == [each + end]


def test_a_symbol_that_its_characters_do_not_merge_into_is_no_whole_word() -> None:
    table = MergeTable({("a", "b"): 0, ("b", "c"): 1, ("a", "bc"): 2})

    assert table.is_regular
    assert sorted(table.whole_words()) == ["a", "ab", "b", "bc", "c"]
    assert table.cut("abc") == ["ab", "c"]


def test_a_long_word_takes_time_in_proportion() -> None:
    table = MergeTable({("a", "a"): 0, ("aa", "aa"): 1})

    pieces = table.cut("a" * 200_001)

    assert pieces == ["aaaa"] * 50_000 + ["a"]
