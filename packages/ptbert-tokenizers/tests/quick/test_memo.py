"""The bounded memory: what it keeps, what it forgets, what it costs."""

import pickle
from sys import getsizeof

import pytest

from ptbert_tokenizers.quick.memo import Memo

SLOT = 104  # a growing dict keeps 24 bytes an entry and 8 an index, and up to 3.25 times that


def cost(word: str, ids: tuple[int, ...]) -> int:
    return getsizeof(word) + getsizeof(ids) + SLOT


def length(word: str) -> tuple[int, ...]:
    return (len(word),)


def test_a_value_is_computed_once() -> None:
    computed: list[str] = []
    memo = Memo(10_000, lambda word: computed.append(word) or length(word))

    assert [memo["to"], memo["be"], memo["to"]] == [(2,), (2,), (2,)]
    assert computed == ["to", "be"]


def test_it_forgets_what_was_added_just_when_the_next_word_finds_no_room() -> None:
    words = ["a1", "a2", "a3", "a4"]
    known = {"known": (7,)}
    room_for_three = cost("known", (7,)) + 3 * cost("a1", (2,))
    memo = Memo(room_for_three, length, known)

    for word in words[:3]:
        assert memo[word] == (2,)
    assert set(memo) == {"known", *words[:3]}
    assert memo["a4"] == (2,)
    assert set(memo) == {"known", "a4"}
    for word in words[:2]:  # room for two more, as at first
        assert memo[word] == (2,)
    assert set(memo) == {"known", "a4", "a1", "a2"}


def test_one_byte_less_holds_one_word_less() -> None:
    memo = Memo(3 * cost("a1", (2,)) - 1, length)

    for word in ("a1", "a2", "a3"):
        assert memo[word] == (2,)

    assert set(memo) == {"a3"}


def test_a_word_that_needs_more_than_all_the_room_is_not_kept() -> None:
    memo = Memo(cost("a", (1,)), length)

    assert memo["a"] == (1,)
    assert memo["a" * 30] == (30,)
    assert not memo
    assert Memo(0, length)["a"] == (1,)


def test_words_of_more_than_40_characters_are_not_kept() -> None:
    memo = Memo(10_000, length)

    assert memo["x" * 40] == (40,)
    assert memo["y" * 41] == (41,)
    assert set(memo) == {"x" * 40}


def test_what_is_known_is_never_computed_or_forgotten() -> None:
    memo = Memo(2000, length, {"known": (7,)})

    kept = []
    for number in range(100):
        memo[f"word {number}"]
        kept.append(len(memo))

    assert memo["known"] == (7,)
    assert 2 < max(kept) < 20  # how many there are at the end depends on Python's sizes


def test_where_the_known_entries_take_all_room_nothing_is_kept_or_searched() -> None:
    searches: list[int] = []

    class Watched(Memo):
        def __iter__(self):
            searches.append(1)
            return super().__iter__()

    memo = Watched(1000, length, {f"word {n}": (n,) for n in range(100)})
    searches.clear()

    assert memo["new"] == (3,)
    assert searches == []
    assert len(memo) == 100


def test_without_a_function_a_missing_key_is_an_error() -> None:
    memo: Memo[str, str] = Memo(1000)
    memo["a"] = "b"

    assert memo.get("c") is None
    with pytest.raises(KeyError, match="c"):
        memo["c"]


def test_a_pickle_has_what_is_known_and_not_what_was_added() -> None:
    memo = Memo(1000, length, {"known": (7,)})
    assert memo["added"] == (5,)

    copy = pickle.loads(pickle.dumps(memo))

    assert dict(copy) == {"known": (7,)}
    assert copy["added"] == (5,)
