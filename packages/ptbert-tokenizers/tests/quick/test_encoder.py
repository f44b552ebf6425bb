"""The quick paths: all memory together, blocks of any size, replaced parts, hostile lengths."""

import random
import time
import tracemalloc
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptbert_tokenizers import (
    BasicTokenizer,
    BertTokenizer,
    GPT2Tokenizer,
    OpenAIGPTTokenizer,
    WordpieceTokenizer,
)
from ptbert_tokenizers.plain import wordpiece as definitions
from ptbert_tokenizers.plain.wordpiece import NEVER_SPLIT
from ptbert_tokenizers.quick import encoder, gpt2_spans, spans
from ptbert_tokenizers.quick.basic_words import QuickWords
from ptbert_tokenizers.quick.encoder import QuickEncoder
from ptbert_tokenizers.quick.images import MOVES, image


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cls", "name"),
    [
        (BertTokenizer, "bert-base-uncased"),
        (GPT2Tokenizer, "gpt2"),
        (OpenAIGPTTokenizer, "openai-gpt"),
    ],
)
def test_caches_stay_under_64_mebibytes(
    cls: Any, name: str, published: Callable[[str], Path]
) -> None:
    draw = random.Random(0)
    tokenizer = cls.from_pretrained(published(name))
    letters = "abcdefghijklmnopqrstuvwxyzäöüабвгд漢字仮名"
    tokenizer.encode("ready")
    tracemalloc.start()

    for _ in range(25):
        words = ["".join(draw.choices(letters, k=draw.randint(5, 30))) for _ in range(10_000)]
        text = " ".join(words)
        tokenizer.encode_flat([text])
        for start in range(0, len(text), 900):
            tokenizer.tokenize_with_offsets(text[start : start + 900])
        tokenizer.tokenize(text)
        tokenizer.tokenize_words(words)
        tokenizer.encode_batch([text], return_offsets=True)

    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 64 * 2**20


@pytest.mark.parametrize("size", [1, 5, 50])
def test_blocks_and_windows_of_any_size_give_the_same(
    size: int,
    published: Callable[[str], Path],
    texts: list[str],
    recorded: dict[str, list[Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(encoder, "_BLOCK", size)
    monkeypatch.setattr(encoder, "_LONG", size)
    monkeypatch.setattr(spans, "_WINDOW", size)
    monkeypatch.setattr(gpt2_spans, "_WINDOW", size)
    for cls, name in ((BertTokenizer, "bert-base-uncased"), (GPT2Tokenizer, "gpt2")):
        tokenizer: Any = cls.from_pretrained(published(name))  # type: ignore[attr-defined]

        ids, bounds = tokenizer._quick().flat(texts)

        for i, expected in enumerate(recorded[name]):
            assert ids[bounds[i] : bounds[i + 1]].tolist() == expected
            assert tokenizer._quick().ids(texts[i]) == expected


def test_every_character_has_the_image_that_basic_tokenization_gives() -> None:
    for lower in (True, False):
        basic = definitions.BasicTokenizer(lower)
        for code in [*range(0x3000), *range(0xA000, 0xA100), *range(0xF900, 0x10100)]:
            made = image(chr(code), lower)
            if MOVES not in made:
                assert made.split() == basic.tokenize(chr(code)), hex(code)


def test_the_quick_path_serves_untouched_tokenizers_only(published: Callable[[str], Path]) -> None:
    tokenizer = BertTokenizer.from_pretrained(published("bert-base-uncased"))
    assert tokenizer._quick() is not None
    assert tokenizer._quick() is tokenizer._quick()

    class Other(BasicTokenizer):
        def _run_split_on_punc(self, text: str) -> list[str]:
            return [text]

    tokenizer.basic_tokenizer = Other()
    assert tokenizer._quick() is None
    assert tokenizer.tokenize("a,b") == ["a", "##,", "##b"]

    tokenizer.basic_tokenizer = BasicTokenizer()
    tokenizer.basic_tokenizer.tokenize = lambda text: ["hello"]  # type: ignore[method-assign]
    assert tokenizer.encode("x", add_special_tokens=False) == [7592]


@pytest.mark.parametrize("words", [["ΣΑΣ"], [""], ["a\u302e"]])
def test_never_split_words_that_images_cannot_tell_are_left_to_the_plain_path(
    words: list[str],
) -> None:
    assert not QuickWords(True, words).is_possible
    assert QuickWords(True, NEVER_SPLIT).is_possible


UNITS = ["a", "ab ", "!", "京", "é", "\u0301", "\ud800", "\x00", "1a", "\n", " ", "[SEP] ", "Σ"]


@pytest.mark.parametrize("unit", UNITS, ids=ascii)
def test_long_lines_take_time_in_proportion(unit: str, published: Callable[[str], Path]) -> None:
    bert = BertTokenizer.from_pretrained(published("bert-base-uncased"))
    gpt2 = GPT2Tokenizer.from_pretrained(published("gpt2"))
    seconds = {}
    for length in (5_000, 50_000):
        text = unit * (length // len(unit))
        start = time.process_time()
        bert.encode(text)
        gpt2.encode(text)
        seconds[length] = time.process_time() - start

    assert seconds[50_000] < 30 * seconds[5_000] + 0.5  # quadratic would be 100 times


def test_an_exception_takes_no_other_text_out_of_the_batch(
    published: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = BertTokenizer.from_pretrained(published("bert-base-uncased"))
    texts = [f"text {number}" for number in range(9)]
    texts[3] = "a\u302e"
    expected = [tokenizer.encode(text, add_special_tokens=False) for text in texts]
    alone: list[str] = []
    plain = QuickEncoder._ids_alone

    def noted(encoder: QuickEncoder, text: str) -> list[int]:
        alone.append(text)
        return plain(encoder, text)

    monkeypatch.setattr(QuickEncoder, "_ids_alone", noted)
    ids, bounds = tokenizer.encode_flat(texts)

    assert alone == ["a\u302e"]
    assert [ids[a:b].tolist() for a, b in pairwise(bounds)] == expected


KEPT = ["[MASK]", "[e1]", "[e1]x", "京", "a" * 20, "é", "\x01", "two words", "c", "-"]
MARKED = st.lists(
    st.one_of(
        st.sampled_from([*KEPT, "[SEP]", "[E1]", "[Mask]", "[MÁSK]", "[MA\u200bSK]", "A" * 20]),
        st.sampled_from([" ", " ", "\n", "\u2028", "\x0b", "\x85", "\0", "\u200b", "\x01", "\x02"]),
        st.sampled_from([".", "。", "京", "\u0301", "\u302e", "Σ", "a", "X", "\xa0", "\ud800"]),
    ),
    max_size=8,
).map("".join)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"do_lower_case": False},
        {"do_lower_case": False, "strip_accents": True},
        {"tokenize_chinese_chars": False, "strip_accents": False},
    ],
    ids=str,
)
@pytest.mark.parametrize("kept", [NEVER_SPLIT, KEPT, ["京"]], ids=["usual", "unusual", "no sign"])
@given(texts=st.lists(MARKED, max_size=4))
def test_words_that_are_not_split_are_those_of_basic_tokenization(
    options: dict[str, bool], kept: list[str], texts: list[str]
) -> None:
    plain, quick = (
        definitions.BasicTokenizer(never_split=kept, **options),
        QuickWords(**{"do_lower_case": True, **options}, never_split=kept),
    )
    expected = [plain.tokenize(text) for text in texts]

    assert [quick(text) for text in texts] == expected
    windows = quick.spans(texts)
    if windows is not None:
        found = [
            word.decode() for each in windows for word in each.words(each.lengths.nonzero()[0])
        ]
        words = [word for each in expected for word in each]
        assert [quick.signs.get(word, word) for word in found] == words


def test_texts_with_special_tokens_take_the_quick_way(published: Callable[[str], Path]) -> None:
    for name, lower in (("bert-base-uncased", True), ("bert-base-cased", False)):
        tokenizer = BertTokenizer.from_pretrained(published(name), do_lower_case=lower)
        definition = WordpieceTokenizer(set(tokenizer.vocab))
        words = tokenizer._quick()._words  # type: ignore[union-attr]
        texts = ["[CLS] To be [MASK].", "[MASK]", "not [SEP]\n[PAD] 京[UNK]", "[mask]"]
        assert words.spans(texts) is not None
        ids, _ = tokenizer.encode_flat(texts)
        assert tokenizer.convert_ids_to_tokens(ids.tolist()) == [
            piece
            for text in texts
            for word in tokenizer.basic_tokenizer.tokenize(text)
            for piece in definition.tokenize(word)
        ]


def test_a_vocabulary_may_hold_the_sign_of_a_word(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("[UNK]\n[CLS]\n[SEP]\nc\n\x01\nb\n")
    tokenizer = BertTokenizer(tmp_path / "vocab.txt", never_split=["c"])

    assert tokenizer.encode_flat(["b c", "c"]).ids.tolist() == [5, 3, 3]
