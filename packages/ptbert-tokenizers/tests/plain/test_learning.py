"""Merges learned the plain way, against cases worked by hand."""

from ptbert_tokenizers.plain.learning import joined_pieces, learned_merges

# The example of Sennrich et al. 2016, section 3.2: how often its four words occur.
WORDS = {("l", "o", "w"): 5, ("l", "o", "w", "e", "r"): 2, tuple("newest"): 6, tuple("widest"): 3}
ALPHABET = sorted({symbol for word in WORDS for symbol in word})


def test_the_most_frequent_pair_is_merged_first() -> None:
    # (e, s) and (s, t) occur 6 + 3 times; e is before s. Then (es, t) occurs as often, and nothing
    # else more than 5 + 2 + 0 times, as (l, o) does.
    learned = learned_merges(WORDS, ALPHABET, len(ALPHABET) + 4)

    assert learned.merges == [("e", "s"), ("es", "t"), ("l", "o"), ("lo", "w")]
    assert learned.symbols == [*ALPHABET, "es", "est", "lo", "low"]


def test_of_equally_frequent_pairs_the_one_with_the_earliest_symbols_is_merged() -> None:
    words = {("b", "c"): 1, ("a", "d"): 1, ("a", "c"): 1}

    forward = learned_merges(words, ["a", "b", "c", "d"], 7)
    backward = learned_merges(words, ["d", "c", "b", "a"], 7)

    assert forward.merges == [("a", "c"), ("a", "d"), ("b", "c")]
    assert backward.merges == [("b", "c"), ("a", "d"), ("a", "c")]


def test_a_row_of_one_symbol_is_merged_from_the_left() -> None:
    learned = learned_merges({("a",) * 5: 1, ("a", "a", "b"): 1}, ["a", "b"], 4)

    # aaaaa and aab become aa aa a and aa b; then (aa, a), (aa, aa) and (aa, b) occur once each,
    # and a is the earliest of the right symbols.
    assert learned.merges == [("a", "a"), ("aa", "a")]


def test_rare_pairs_and_refused_symbols_are_not_merged() -> None:
    words = {("a", "b"): 3, ("b", "c"): 2, ("c", "d"): 1}

    learned = learned_merges(words, ["a", "b", "c", "d"], 9, min_frequency=2, refused={"ab"})

    assert learned.merges == [("b", "c")]


def test_a_symbol_that_two_pairs_make_counts_once() -> None:
    # (a, b) and (b, c) make ab and bc in different words, and abc comes from (ab, c) and (a, bc).
    words = {("a", "b"): 9, ("b", "c"): 8, ("a", "b", "c"): 7, ("a", "bc"): 6}

    learned = learned_merges(words, ["a", "b", "c", "bc"], 6)

    # ab: 9 + 7. Then bc, which is there, by (b, c): 8. Then abc by (ab, c): 7.
    assert learned.merges == [("a", "b"), ("b", "c"), ("ab", "c")]
    assert learned.symbols == ["a", "b", "c", "bc", "ab", "abc"]


def test_wordpieces_keep_the_mark_of_the_left_piece_only() -> None:
    assert joined_pieces("a", "##b") == "ab"
    assert joined_pieces("##a", "##b") == "##ab"
