"""Counts of words: added, limited, saved."""

import logging
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from ptbert_tokenizers import BadVocabulary, WordCounts, count_words
from ptbert_tokenizers.training import counts as counts_module
from ptbert_tokenizers.training.counts import is_counts_file

TEXTS = ["to be or not to be", "that is the question", "", "to  be"]


def test_counts_of_parts_add_up_to_those_of_the_whole() -> None:
    whole = count_words(TEXTS, "byte-bpe")

    for cut in range(len(TEXTS) + 1):
        first, second = (count_words(part, "byte-bpe") for part in (TEXTS[:cut], TEXTS[cut:]))
        assert first + second == second + first == whole


def test_adding_changes_neither_of_the_two() -> None:
    one, two = count_words(["a"], "words"), count_words(["a b"], "words")

    assert (one + two).words == {"a": 2, "b": 1}
    assert (one.words, two.words) == ({"a": 1}, {"a": 1, "b": 1})


def test_counts_of_other_rules_cannot_be_added() -> None:
    with pytest.raises(ValueError, match=r"counted by different rules, .* in the same way"):
        count_words(["a"], "words") + count_words(["a"], "words", lower_case=True)
    with pytest.raises(TypeError):
        count_words(["a"], "words") + Counter("a")  # type: ignore[operator]


@pytest.mark.parametrize("workers", [1, 2])
def test_processes_and_pieces_of_work_do_not_matter(
    workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counts_module, "_CHUNK", 10)

    counted = count_words(iter(TEXTS), "words", workers=workers)

    assert counted.words == Counter(" ".join(TEXTS).split())


def test_the_rarest_words_are_dropped_when_there_are_too_many(
    caplog: pytest.LogCaptureFixture,
) -> None:
    counted = count_words(["a a a b b c c d"], "words")

    # Of 4 words at most 3 // 2 may stay: those counted once, then those counted twice, are dropped.
    limited = counted.limited(3)

    assert (limited.words, limited.dropped) == ({"a": 3}, 5)
    assert "more than 3 different words" in caplog.text
    assert "at most 2 times so far are dropped, 5 of 8 words" in caplog.text
    assert counted.limited(4) is counted


def test_long_words_are_limited_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts_module, "_MOST_CHARACTERS", 20)
    counted = count_words([f"{'a' * 30} b b"], "words")

    assert counted.limited().words == {"b": 2}


def test_words_are_limited_while_they_are_counted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(counts_module, "_CHUNK", 1)
    caplog.set_level(logging.ERROR)

    counted = count_words(["a a", "b", "c", "d", "a"], "words", max_words=2)

    # a, b, c: b and c are dropped. Then d comes, and a once more.
    assert (counted.words, counted.dropped) == ({"a": 3, "d": 1}, 2)


def test_equal_counts_give_equal_files_and_are_read_again() -> None:
    one = count_words(["b a", 'é "\\ \ud800'], "words", special_tokens=["[X]"])
    two = count_words(['é "\\ \ud800', "a b"], "words", special_tokens=["[X]"])

    one.save("one")
    two.save("two")

    assert Path("one").read_bytes() == Path("two").read_bytes()
    assert WordCounts.read("one") == one
    assert is_counts_file("one")


def test_only_files_of_counts_are_taken_for_them() -> None:
    Path("text").write_text('{"format": "other"}\n')

    assert not is_counts_file("text")
    assert not is_counts_file("missing")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda lines: ["", *lines[1:]], "has no counts of words; count the words again"),
        (lambda lines: ['{"format": 1}', *lines[1:]], "has no counts of words"),
        (lambda lines: ["[[[[", *lines[1:]], "has no counts of words"),
        (
            lambda lines: [lines[0].replace('"words"', '"unigram"'), *lines[1:]],
            "no counts of words",
        ),
        (lambda lines: [lines[0].replace("0", '"0"'), *lines[1:]], "has no counts of words"),
        (lambda lines: [*lines, "x"], "line 4 is 'x' and not a count and a word"),
        (lambda lines: [*lines, '0\t"x"'], "line 4 is .* and not a count and a word"),
        (lambda lines: [*lines, '²\t"x"'], "line 4 is .* and not a count and a word"),
        (lambda lines: [*lines, '9\t"x'], "line 4 is .* and not a count and a word"),
        (lambda lines: [*lines, "9\t[]"], "line 4 is .* and not a count and a word"),
        (lambda lines: [*lines, "9" * 9999 + '\t"x"'], "line 4 is .* and not a count and a word"),
    ],
)
def test_damaged_files_are_named_with_the_line(damage: Any, message: str) -> None:
    count_words(["a b"], "words").save("counts")
    lines = Path("counts").read_text().splitlines()
    Path("counts").write_text("\n".join(damage(lines)))

    with pytest.raises(BadVocabulary, match=message):
        WordCounts.read("counts")


def test_what_is_no_text_is_named() -> None:
    with pytest.raises(TypeError, match=r"texts\[1\] is None, and not a string"):
        count_words(["a", None], "words")  # type: ignore[list-item]
    with pytest.raises(TypeError, match="texts is one string; give a list of strings"):
        count_words("a b", "words")
    with pytest.raises(ValueError, match="max_words=0 is no whole number from 1 on; correct it"):
        count_words(["a"], "words", max_words=0)


def test_one_string_of_special_tokens_is_refused() -> None:
    with pytest.raises(TypeError, match="special_tokens is one string, '<x>'; give a list"):
        count_words(["a"], "words", special_tokens="<x>")
