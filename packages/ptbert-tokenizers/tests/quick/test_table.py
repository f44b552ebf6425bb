"""Words looked up together: equal keys are equal words, whatever the hash and the size."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptbert_tokenizers.quick import table
from ptbert_tokenizers.quick.ids import NO_WORDS, KnownWords, WordIds
from ptbert_tokenizers.quick.spans import listed_spans
from ptbert_tokenizers.quick.table import LONGEST, WordTable, keys_of

words = st.binary(min_size=1, max_size=LONGEST)
lists = st.lists(words, min_size=1, max_size=60)

# Lengths around the two halves of a key, zeros that padding could hide, bytes at every end.
TRICKY = [
    b"\0",
    b"\0\0",
    b"a",
    b"a\0",
    b"a\0\0",
    b"\0a",
    b"12345678",
    b"12345678\0",
    b"123456789",
    b"123456789abcdef",
    b"123456789abcde\0",
    b"\xff" * 15,
    b"\xff" * 14,
]


def numbers_of(table: WordTable, some: Sequence[bytes]) -> list[int]:
    return list(table.find(keys_of(listed_spans(some))).tolist())


def table_of(*rounds: Sequence[bytes]) -> WordTable:
    table = WordTable.of(keys_of(listed_spans([])))
    for some in rounds:
        table = table.with_words(keys_of(listed_spans(some)))
    return table


@pytest.fixture(params=["as it is", "all words meet", "at the last slot"])
def hashing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every word in the first slot, or in the last, after which the search begins anew."""

    def home(self: WordTable, keys: table.Keys) -> Any:
        last = request.param == "at the last slot"
        return np.full(len(keys[0]), len(self._slots) - 1 if last else 0)

    if request.param != "as it is":
        monkeypatch.setattr(WordTable, "_home", home)


@pytest.mark.usefixtures("hashing")
def test_numbers_are_those_of_a_dictionary() -> None:
    @given(st.lists(lists, max_size=4), lists)
    def check(rounds: list[list[bytes]], asked: list[bytes]) -> None:
        states = [(table_of(), dict[bytes, int]())]
        for some in rounds:
            table, known = states[-1]
            new = [word for word in dict.fromkeys(some) if word not in known]
            more = {word: len(known) + 1 + i for i, word in enumerate(new)}
            states.append((table.with_words(keys_of(listed_spans(new))), known | more))
        everything = [*asked, *states[-1][1], *TRICKY]
        for table, known in states:  # those before stay as they were
            assert len(table) == len(known)
            assert numbers_of(table, everything) == [known.get(word, -1) for word in everything]

    check()


@pytest.mark.usefixtures("hashing")
def test_words_that_differ_in_little_differ() -> None:
    table = table_of(TRICKY[::2], TRICKY[1::2])

    assert numbers_of(table, [*TRICKY[::2], *TRICKY[1::2]]) == list(range(1, len(TRICKY) + 1))
    assert numbers_of(table, [b"b", b"1234567", b"123456789abcdeg"]) == [-1, -1, -1]


def test_no_bytes_are_number_0_and_long_words_have_none() -> None:
    table = table_of([b"a"])

    assert numbers_of(table, [b"", b"a", b"", b"x" * 16, b"x" * 300]) == [0, 1, 0, -1, -1]


def test_a_table_grows_and_is_cut() -> None:
    many = [b"%d" % number for number in range(20_000)]
    starts = range(10, len(many), 1111)
    small = table_of(many[:10])
    large = table_of(many[:10], *(many[start : start + 1111] for start in starts))

    assert large.nbytes > small.nbytes
    assert numbers_of(large, many) == list(range(1, len(many) + 1))

    cut = large.cut(10)

    assert len(cut) == 10
    assert numbers_of(cut, many[:12]) == [*range(1, 11), -1, -1]
    again = cut.with_words(keys_of(listed_spans([b"new"])))
    assert numbers_of(again, [b"new", many[11]]) == [11, -1]
    assert numbers_of(large, many) == list(range(1, len(many) + 1))


def test_keys_are_read_inside_a_text_without_what_stands_beside() -> None:
    spans = listed_spans([b"ab", b"abcdefgh", b"c" * 15, b"ab"])
    first, following = keys_of(spans)

    assert (first[0], following[0]) == (first[3], following[3])
    assert first[0] == int.from_bytes(b"ab", "little")
    assert int(following[1]) >> 56 == 8


def known_words(words: dict[bytes, int]) -> KnownWords:
    return KnownWords(listed_spans(words), np.array([*words.values()], np.int32))


def spelt(word: str) -> tuple[int, ...]:
    return tuple(map(ord, word))


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=20), max_size=40))
def test_ids_are_those_of_the_words_one_by_one(some: list[str]) -> None:
    ids = WordIds(spelt, lambda word: (7, *spelt(word), 7), known_words({b"known": 3}))
    listed = [*some, "known", *some]
    data = [word.encode() for word in listed]

    found = [ids(listed_spans(data)) for _ in range(2)]

    expected: list[int] = []
    for word in listed:
        own = spelt(word) if word != "known" else (3,)
        expected += (7, *own, 7) if len(word.encode()) > LONGEST else own
    assert [block.ids.tolist() for block in found] == [expected, expected]


def test_a_word_is_computed_once_until_too_many_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ptbert_tokenizers.quick.ids.MOST_LEARNT", 3)
    computed: list[str] = []

    def compute(word: str) -> tuple[int, ...]:
        computed.append(word)
        return (ord(word[0]), len(word))

    ids = WordIds(compute, compute, known_words({b"known": 5, b"k": 6}))
    blocks = [
        [b"a", b"known", b"a"],
        [b"a", b"b", b"c", b"d", b"a"],
        [b"k", b"d", b"a"],
        [b"e", b"a"],
        [b"a", b"e"],
    ]
    found = [ids(listed_spans(block)).ids.tolist() for block in blocks]

    assert found == [
        [97, 1, 5, 97, 1],
        [97, 1, 98, 1, 99, 1, 100, 1, 97, 1],
        [6, 100, 1, 97, 1],
        [101, 1, 97, 1],
        [97, 1, 101, 1],
    ]
    # Four were too many, so e is learnt alone.
    assert computed == ["a", "b", "c", "d", "e", "a"]


def test_ids_of_long_words_do_not_overwrite_those_of_short_ones() -> None:
    ids = WordIds(spelt, lambda word: tuple(range(len(word))), NO_WORDS)
    block = [b"ab", b"x" * 3000, b"cd", b"y" * 20]

    for _ in range(3):
        expected = [97, 98, *range(3000), 99, 100, *range(20)]
        assert ids(listed_spans(block)).ids.tolist() == expected
        assert ids(listed_spans([b"ab", b"new", b"cd"])).ids.tolist()[:2] == [97, 98]
