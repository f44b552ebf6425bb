"""BasicTokenizer by itself: the quick way to words, compared with the definition."""

import pickle
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptbert_tokenizers import BasicTokenizer, BertTokenizer
from ptbert_tokenizers.files.vocabulary import write_lines
from ptbert_tokenizers.plain import wordpiece as plain
from ptbert_tokenizers.quick import basic_tokenizer
from ptbert_tokenizers.quick.basic_words import QuickWords

TEXT = "Naïve ΣΑΣ? [MASK] 北京\u302e x\x00\x85y"
WORDS = st.lists(
    st.text("aÉΣς京!‹\u0301\u302e\x00\x01\x1c\x85\u2028\ud800 \t", max_size=6)
    | st.sampled_from(["[MASK]", "[mask]", "don't", " [E1] ", "[E1]x"]),
    max_size=8,
)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that go the quick way."""
    seen: list[str] = []
    call = QuickWords.__call__

    def noted(words: QuickWords, text: str) -> list[str]:
        seen.append(text)
        return call(words, text)

    monkeypatch.setattr(QuickWords, "__call__", noted)
    return seen


@given(
    lower=st.booleans(),
    kept=st.lists(st.sampled_from(["[MASK]", "[E1]", "京", "É", "Σ", "", "\x01", "a"]), max_size=3),
    strips=st.sampled_from([None, True, False]),
    chinese=st.booleans(),
    texts=st.lists(WORDS.map("".join) | st.text(max_size=12), max_size=5),
)
def test_words_are_those_of_the_definition(
    lower: bool, kept: list[str], strips: bool | None, chinese: bool, texts: list[str]
) -> None:
    options: dict[str, Any] = {"strip_accents": strips, "tokenize_chinese_chars": chinese}
    tokenizer = BasicTokenizer(lower, kept, **options)
    definition = plain.BasicTokenizer(lower, kept, **options)

    for text in texts:
        assert tokenizer.tokenize(text) == definition.tokenize(text)


def test_a_text_goes_the_quick_way(calls: list[str]) -> None:
    assert BasicTokenizer().tokenize("Naïve?") == ["naive", "?"]
    assert calls == ["Naïve?"]


def test_the_quick_way_is_prepared_when_there_was_enough_text(
    calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(basic_tokenizer, "_LITTLE", 5)
    tokenizer = BasicTokenizer()

    assert [tokenizer.tokenize(text) for text in ("A b", "c!", "D", "e")] == [
        ["a", "b"],
        ["c", "!"],
        ["d"],
        ["e"],
    ]
    assert calls == ["D", "e"]


CHANGES: list[Callable[[Any], None]] = [
    lambda basic: setattr(basic, "do_lower_case", False),
    lambda basic: setattr(basic, "strip_accents", False),
    lambda basic: setattr(basic, "tokenize_chinese_chars", False),
    lambda basic: setattr(basic, "never_split", ["Naïve"]),
    lambda basic: basic.never_split.append("ΣΑΣ?"),
    lambda basic: basic.never_split.clear(),
    lambda basic: setattr(basic, "never_split", {"Naïve"}),
    lambda basic: setattr(basic, "never_split", [7, "ΣΑΣ?"]),
    lambda basic: setattr(basic, "_clean_text", lambda text: text),
    lambda basic: setattr(basic, "_run_strip_accents", lambda text: text[::-1]),
    lambda basic: setattr(basic, "_is_chinese_char", lambda cp: cp == ord("x")),
    lambda basic: setattr(basic, "_run_split_on_punc", lambda text: [text, text]),
]


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_of_the_parts_counts(change: Callable[[Any], None]) -> None:
    tokenizer = BasicTokenizer(never_split=["[MASK]"])
    definition = plain.BasicTokenizer(never_split=["[MASK]"])
    assert tokenizer.tokenize(TEXT) == definition.tokenize(TEXT)
    before = definition.tokenize(TEXT)

    change(tokenizer)
    change(definition)

    assert tokenizer.tokenize(TEXT) == definition.tokenize(TEXT) != before


@pytest.mark.parametrize("cls", [plain.BasicTokenizer, BasicTokenizer])
def test_methods_that_a_program_patches_are_called(
    cls: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = BasicTokenizer()
    assert tokenizer.tokenize("Éa") == ["ea"]

    monkeypatch.setattr(cls, "_run_strip_accents", lambda self, text: "x")

    assert tokenizer.tokenize("Éa") == ["x"]


def test_steps_of_a_subclass_are_called(calls: list[str]) -> None:
    class Pairs(BasicTokenizer):
        def _run_split_on_punc(self, text: str) -> list[str]:
            return [part * 2 for part in super()._run_split_on_punc(text)]

    class Upper(BasicTokenizer):
        def tokenize(self, text: str) -> list[str]:
            return [word.upper() for word in super().tokenize(text)]

    assert Pairs().tokenize("a b!") == ["aa", "bb", "!!"]
    assert calls == []
    assert Upper().tokenize("a b!") == ["A", "B", "!"]
    assert calls == ["a b!"]


def test_a_string_of_a_subclass_is_left_to_the_definition(calls: list[str]) -> None:
    class Odd(str):
        __slots__ = ()

        def lower(self) -> str:
            return "odd"

    assert BasicTokenizer().tokenize(Odd("Abc")) == ["abc"]
    assert calls == []


@pytest.mark.parametrize("text", [None, b"bytes", 7])
def test_what_is_no_string_raises_as_by_the_definition(text: Any) -> None:
    with pytest.raises((AttributeError, TypeError)) as expected:
        plain.BasicTokenizer().tokenize(text)

    with pytest.raises(expected.type, match=str(expected.value)):
        BasicTokenizer().tokenize(text)


def test_words_that_are_no_strings_are_no_words_to_a_model_either() -> None:
    write_lines("vocab.txt", ["[UNK]", "a"])
    tokenizer = BertTokenizer("vocab.txt", never_split=[7])  # type: ignore[list-item]

    assert tokenizer.tokenize("A b") == ["a", "[UNK]"]


def test_the_pickle_does_not_change_by_use() -> None:
    tokenizer = BasicTokenizer(False)
    before = pickle.dumps(tokenizer)

    tokenizer.tokenize(TEXT)

    assert pickle.dumps(tokenizer) == before
    assert pickle.loads(before).tokenize("É a") == ["É", "a"]


def test_a_plain_one_of_an_earlier_pickle_is_a_part_as_any_other() -> None:
    write_lines("vocab.txt", ["[UNK]", "a"])
    tokenizer = BertTokenizer("vocab.txt")
    tokenizer.basic_tokenizer = pickle.loads(pickle.dumps(plain.BasicTokenizer()))

    assert tokenizer._quick() is not None
    assert tokenizer.tokenize("A b") == ["a", "[UNK]"]


def test_threads_that_change_settings_get_the_words_of_one_setting() -> None:
    tokenizer = BasicTokenizer()
    possible = [plain.BasicTokenizer(lower).tokenize(TEXT) for lower in (True, False)]
    stop = time.monotonic() + 0.3

    def change() -> None:
        while time.monotonic() < stop:
            tokenizer.do_lower_case = not tokenizer.do_lower_case

    def ask() -> list[list[str]]:
        found = []
        while time.monotonic() < stop:
            found.append(tokenizer.tokenize(TEXT))
        return found

    with ThreadPoolExecutor(3) as pool:
        changing = pool.submit(change)
        answers = [pool.submit(ask) for _ in range(2)]
        changing.result()
    assert all(words in possible for each in answers for words in each.result())
