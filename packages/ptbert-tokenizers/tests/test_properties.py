"""Any text: ids equal a slow reference's, decoding inverts encoding, offsets slice to the token."""

import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptbert_tokenizers import (
    BertTokenizer,
    GPT2Tokenizer,
    OpenAIGPTTokenizer,
    WordpieceTokenizer,
)
from ptbert_tokenizers.plain.gpt2_words import gpt2_words
from ptbert_tokenizers.plain.offsets import normalized, traced_words
from ptbert_tokenizers.plain.wordpiece import BasicTokenizer
from ptbert_tokenizers.quick.basic_words import QuickWords
from ptbert_tokenizers.quick.gpt2_words import FAMILIAR, Gpt2Words

_spec = spec_from_file_location("reference", Path(__file__).with_name("reference.py"))
assert _spec is not None
assert _spec.loader is not None
reference = module_from_spec(_spec)
_spec.loader.exec_module(reference)

# Characters that have tripped tokenizers: case, order of marks, spaces of all kinds, odd blocks.
TRAPS = (
    "Σσς İıẞﬁK\u212a\u2126\u03d3\u0301\u0327\u302e\u302f\U0001d165\u1100\u1161한京\U0002b820\uf900"
    "\x00\x07\x0b\x1c\x1f\x85\xa0\xad\u1680\u180e\u2009\u200b\u200d\u2028\u2029\u202f\u3000\ufeff"
    "\ufffd\ud800\udfff\ue000\u0378\U0010ffff😀\u037e。¿$^`'’\t\n\r"
)
FRAGMENTS = ["[SEP]", "[MASK]", "[sep]", "don't", "'re", "  ", " a", "the", "ing", "1234", "##s"]
texts = st.lists(
    st.one_of(st.text(max_size=8), st.sampled_from(TRAPS), st.sampled_from(FRAGMENTS)), max_size=12
).map("".join)


@pytest.fixture(scope="module")
def load(published: Callable[[str], Path]) -> Callable[..., Any]:
    def make(cls: Any, name: str, **options: Any) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(sys.modules, "spacy", None)
            return cls.from_pretrained(published(name), **options)

    return make


def expected_bert(vocabulary: set[str], text: str, lower: bool) -> list[str]:
    return [
        piece
        for word in reference.basic_words(text, lower)
        for piece in reference.wordpieces(word, vocabulary)
    ]


@pytest.mark.parametrize(
    ("name", "lower"), [("bert-base-uncased", True), ("bert-base-multilingual-cased", False)]
)
def test_bert_equals_the_reference(load: Callable[..., Any], name: str, lower: bool) -> None:
    tokenizer = load(BertTokenizer, name, do_lower_case=lower)
    vocabulary = set(tokenizer.vocab)

    @given(st.lists(texts, max_size=3))
    def check(several: list[str]) -> None:
        expected = [expected_bert(vocabulary, text, lower) for text in several]
        assert [tokenizer.tokenize(text) for text in several] == expected
        ids, bounds = tokenizer.encode_flat(several)
        cut = [ids[bounds[i] : bounds[i + 1]].tolist() for i in range(len(several))]
        assert cut == [tokenizer.convert_tokens_to_ids(tokens) for tokens in expected]

    check()


@given(texts, st.booleans())
def test_the_parts_of_bert_alone_equal_the_reference(text: str, lower: bool) -> None:
    words = BasicTokenizer(lower).tokenize(text)
    assert words == reference.basic_words(text, lower)

    pieces = {*"abehtσ京é", "the", "##the", *(f"##{char}" for char in "a1e.ς京n"), "##in", "in"}
    assert WordpieceTokenizer(pieces).tokenize(text) == [
        piece for word in text.split() for piece in reference.wordpieces(word, pieces)
    ]


def test_gpt2_equals_the_reference_and_decodes_to_the_text(load: Callable[..., Any]) -> None:
    tokenizer = load(GPT2Tokenizer, "gpt2")

    @given(st.lists(texts, max_size=3))
    def check(several: list[str]) -> None:
        expected = [
            [
                piece
                for word in reference.gpt2_words(text)
                for piece in reference.byte_pair_pieces(
                    reference.visible_bytes(word), tokenizer.bpe_ranks
                )
            ]
            for text in several
        ]
        assert [tokenizer.tokenize(text) for text in several] == expected
        ids, bounds = tokenizer.encode_flat(several)
        for i, text in enumerate(several):
            own = ids[bounds[i] : bounds[i + 1]].tolist()
            assert own == tokenizer.convert_tokens_to_ids(expected[i]) == tokenizer.encode(text)
            valid = text.encode("utf-8", "ignore").decode()
            assert tokenizer.decode(own, clean_up_tokenization_spaces=False) == valid

    check()


def test_gpt_equals_the_reference(load: Callable[..., Any]) -> None:
    special = ["_start_", "don't"]
    tokenizer = load(OpenAIGPTTokenizer, "openai-gpt", special_tokens=special)

    @given(texts)
    def check(text: str) -> None:
        expected = [
            piece
            for word in reference.basic_words(text, True, tuple(special))
            for piece in reference.byte_pair_pieces(
                [*word[:-1], f"{word[-1]}</w>"], tokenizer.bpe_ranks
            )
        ]
        assert tokenizer.tokenize(text) == expected
        assert tokenizer.encode(text) == tokenizer.convert_tokens_to_ids(expected)

    check()


def test_offsets_slice_to_what_spells_the_token(load: Callable[..., Any]) -> None:
    bert = load(BertTokenizer, "bert-base-uncased")
    gpt = load(OpenAIGPTTokenizer, "openai-gpt")

    @given(texts)
    def check(text: str) -> None:
        tokens, spans = bert.tokenize_with_offsets(text)
        assert tokens == bert.tokenize(text)
        for token, (start, end) in zip(tokens, spans, strict=True):
            surface = "".join(reference.basic_words(text[start:end]))
            spelling = token.removeprefix("##") if token != "##" else token
            assert token == "[UNK]" or same_letters(surface, spelling)
        tokens, spans = gpt.tokenize_with_offsets(text)
        assert tokens == gpt.tokenize(text)
        for token, (start, end) in zip(tokens, spans, strict=True):
            surface = "".join(reference.basic_words(text[start:end], whole=()))
            assert same_letters(surface, token.removesuffix("</w>"))

    def same_letters(surface: str, spelling: str) -> bool:
        # One character of text can become several, of which a token holds some (한 is three), and a
        # final sigma alone is not final.
        surface, spelling = (word.replace("ς", "σ") for word in (surface, spelling))
        return spelling in surface or set(spelling) <= set(surface)

    check()


@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("strip", [None, True, False])
@pytest.mark.parametrize("chinese", [True, False])
def test_words_are_those_of_the_basic_tokenizer(
    lower: bool, strip: bool | None, chinese: bool
) -> None:
    basic = BasicTokenizer(lower, strip_accents=strip, tokenize_chinese_chars=chinese)
    words = QuickWords(lower, basic.never_split, strip, chinese)

    @given(st.lists(texts, max_size=3))
    def check(several: list[str]) -> None:
        expected = [basic.tokenize(text) for text in several]
        assert [words(text) for text in several] == expected
        for text in several:
            assert words.traced(text) in (None, normalized(text, basic))
            places = words.places(text)
            assert places is None or places.words == basic.tokenize(text)
        traced = [traced_words(text, basic) for text in several]
        assert [["".join(char for char, _ in word) for word in each] for each in traced] == expected
        found = words.spans(several)
        if found is not None:
            spelled = [
                word.decode() for spans in found for word in spans.words(spans.lengths.nonzero()[0])
            ]
            written = [words.signs.get(word, word) for word in spelled]
            assert written == [word for each in expected for word in each]

    check()


def test_texts_are_traced_without_the_definition_unless_they_are_exceptions() -> None:
    words = QuickWords(True, ["[MASK]", "a。"])
    assert words.traced("Aé") is None  # a word that is kept is not in ASCII
    words = QuickWords(True, ["[MASK]"])
    assert words.traced("Aé。\t") == [("a", 0), ("e", 1), ("。", 2), (" ", 3)]
    for text in ("x [MASK]", "[MA\x00SK]", "ΑΣ", "a\u302eb"):
        assert words.traced(text) is None


@pytest.mark.parametrize("lower", [True, False])
def test_texts_are_searched_for_added_tokens_if_they_may_hold_one(lower: bool) -> None:
    contents = ["covid 19", "É", "[MASK]x", "ΑΣ", "京 b", "a\u0301b", "İ", "\u2028", "-"]
    basic = BasicTokenizer(lower)
    words = QuickWords(lower, basic.never_split)
    parts = ["".join(char for char, _ in normalized(each, basic)) for each in contents]

    @given(st.lists(texts | st.sampled_from(contents), max_size=4).map("".join))
    def check(text: str) -> None:
        assert words.traced(text) in (None, normalized(text, basic))
        spelled = "".join(char for char, _ in normalized(text, basic))
        for part in parts:
            assert part not in spelled or words.may_hold(text, [part])

    check()


def test_offsets_of_gpt2_cover_the_text(load: Callable[..., Any]) -> None:
    tokenizer = load(GPT2Tokenizer, "gpt2")

    @given(texts)
    def check(text: str) -> None:
        tokens, spans = tokenizer.tokenize_with_offsets(text)
        assert tokens == tokenizer.tokenize(text)
        covered = {position for start, end in spans for position in range(start, end)}
        assert {i for i, char in enumerate(text) if not "\ud800" <= char <= "\udfff"} <= covered
        for token, (start, end) in zip(tokens, spans, strict=True):
            surface = text[start:end].encode("utf-8", "ignore").decode()
            assert token in "".join(reference.visible_bytes(surface))

    check()


def test_familiar_characters_have_the_properties_written_down() -> None:
    blocks = [(0, ord("ʯ")), (0x2000, 0x206F), (0x20A0, 0x20BF), (ord("™"), ord("™"))]
    assert "".join(f"{chr(a)}-{chr(b)}" if a < b else chr(a) for a, b in blocks) == FAMILIAR
    words = Gpt2Words()
    for first, last in blocks:
        for char in map(chr, range(first, last + 1)):
            for text in (
                char,
                f"a{char}a",
                f"1{char}1",
                f"!{char}!",
                f" {char} {char}",
                f"{char}'s",
            ):
                assert words(text) == gpt2_words(text), hex(ord(char))
