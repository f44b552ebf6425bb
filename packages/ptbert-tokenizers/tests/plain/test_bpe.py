"""Byte-pair merges and visible bytes: worked examples."""

from ptbert_tokenizers.plain.bpe import bytes_to_unicode, get_pairs, merged

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


def test_a_rank_may_be_larger_than_the_number_of_merges() -> None:
    for word in ("abxyzXYZ", "xyzab", "zabz"):  # the pairs of a set come in any order
        assert "ab" in merged(word, {("a", "b"): 1})
        assert "ab" in merged(word, {("a", "b"): 99})
