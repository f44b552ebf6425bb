"""Words of whole blocks: cut as the plain definitions cut each text."""

import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from ptbert_tokenizers import BertTokenizer, GPT2Tokenizer, WordpieceTokenizer
from ptbert_tokenizers.plain.gpt2_words import gpt2_words
from ptbert_tokenizers.plain.unicode import without_accents
from ptbert_tokenizers.plain.wordpiece import NEVER_SPLIT, BasicTokenizer
from ptbert_tokenizers.quick import gpt2_spans
from ptbert_tokenizers.quick import spans as spans_module
from ptbert_tokenizers.quick.basic_words import QuickWords
from ptbert_tokenizers.quick.encoder import WordMaker
from ptbert_tokenizers.quick.gpt2_words import Gpt2Words

FRAGMENTS = [
    *(
        "'s",
        "'re",
        "'ve",
        "'ll",
        "'l",
        "'d",
        "'m",
        "'t",
        "'S",
        "'",
        " '",
        "''",
        "\n",
        "  ",
        "\t",
        " ",
    ),
    *(
        "a",
        "re",
        "1",
        "²",
        "é",
        "京",
        "日本",
        "。",
        "…",
        "\u3000",
        "\xa0",
        "\u2028",
        "\x85",
        "\x1c",
    ),
    *("\x00", "\ud800", "\u0378", "\U0010ffff", "😀", "\u0301", "\u302e", "Σ", "ς", "İ", "ﬁ"),
    *("\u212a", "[SEP]", "[sep]", "[MASK]", "[UNK", "]", ".", "x" * 20, "é" * 9),
]
texts = st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=5)), max_size=10).map(
    "".join
)


@pytest.fixture(params=[1, 4, 2**18])
def window(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows smaller than most words, smaller than most texts, and larger than all."""
    monkeypatch.setattr(spans_module, "_WINDOW", request.param)
    monkeypatch.setattr(gpt2_spans, "_WINDOW", request.param)


def cut(words: WordMaker, several: list[str]) -> list[list[str]] | None:
    """The words of each text, from spans."""
    windows = words.spans(several)
    if windows is None:
        return None
    found: list[list[str]] = [[]]
    for spans in windows:
        ends = set(spans.ends.tolist())
        starts, lengths = spans.starts.tolist(), spans.lengths.tolist()
        for index, (start, length) in enumerate(zip(starts, lengths, strict=True)):
            assert (length == 0) == (index in ends)
            if index in ends:
                found.append([])
            else:
                found[-1].append(spans.block[start : start + length].decode())
    assert found.pop() == []
    return found


@pytest.mark.usefixtures("window")
@pytest.mark.parametrize("lower", [True, False])
def test_basic_words_are_cut_as_one_by_one(lower: bool) -> None:
    words, plain = QuickWords(lower, NEVER_SPLIT), BasicTokenizer(lower)

    @given(st.lists(texts, min_size=1, max_size=4))
    def check(several: list[str]) -> None:
        found = cut(words, several)
        if found is None:  # there is a reason for it
            joined = "".join(several)
            assert "[" in joined or any(
                map(unicodedata.combining, unicodedata.normalize("NFD", joined))
            )
        else:
            written = [[words.signs.get(word, word) for word in each] for each in found]
            assert written == [plain.tokenize(text) for text in several]

    check()


@pytest.mark.parametrize("lower", [True, False])
def test_a_word_beside_any_character_is_kept_by_the_definition(lower: bool) -> None:
    words, plain = QuickWords(lower, NEVER_SPLIT), BasicTokenizer(lower)
    beside = [*map(chr, range(0x2100)), *"\u3000\ufeff\ufffd\uffff\ud800京語\U000e0001"]
    several = [f"[MASK]{char}x a{char}[SEP]" for char in beside]
    expected = list(map(plain.tokenize, several))

    assert list(map(words, several)) == expected
    assert words.of_each(several) == expected
    for text, each in zip(several, expected, strict=True):
        found = cut(words, [text])
        assert found is None or [[words.signs.get(part, part) for part in found[0]]] == [each]


@given(st.booleans(), st.lists(texts, max_size=6))
def test_the_basic_words_of_several_texts_are_those_of_each(
    lower: bool, several: list[str]
) -> None:
    found = QuickWords(lower, NEVER_SPLIT).of_each(several)

    assert found == list(map(BasicTokenizer(lower).tokenize, several))


@pytest.mark.usefixtures("window")
def test_gpt2_words_are_cut_as_the_pattern_cuts() -> None:
    @given(st.lists(texts, min_size=1, max_size=4))
    def check(several: list[str]) -> None:
        valid = [text.encode("utf-8", "ignore").decode() for text in several]
        assert cut(Gpt2Words(), several) == [gpt2_words(text) for text in valid]

    check()


CONTRACTIONS = ["'s", "'sa", "a's", "a'sa", "1's", "'s's", "''s", "!'s", " 's", "\t's", "\n's", "'"]
CONTRACTIONS += [
    "'re",
    "'r",
    "'rE",
    "'ll",
    "'l",
    "'lla",
    "'ve've",
    "a'll",
    " a'd ",
    "'m'",
    "é's",
    "’s",
]
SPACES = [
    "",
    " ",
    "  ",
    "   a",
    "a  ",
    "a \n",
    "\n\na",
    "\n a",
    " \n",
    "a \t b",
    "\u3000a",
    " \u3000a",
]
SPACES += [
    "\x1ca",
    "\xa0 a",
    "a\xa0",
    "  !",
    " 1",
    "\x85\x85x",
    "\u2028",
    "a\0b",
    "\0",
    " \0 ",
    "a\0",
]


@pytest.mark.parametrize(
    "several", [CONTRACTIONS, SPACES, [a + b for a in SPACES for b in CONTRACTIONS]]
)
def test_rules_of_gpt2_beyond_runs(several: list[str]) -> None:
    assert cut(Gpt2Words(), several) == [gpt2_words(text) for text in several]


def test_classes_of_characters_are_those_of_the_pattern() -> None:
    codes = [*range(0x3100), *range(0xA000, 0xA100), 0xD7FF, 0xE000, 0xFEFF, 0x1D7D8, 0x1F600]
    for char in map(chr, codes):
        for text in (f"a{char}a", f"1{char}1", f"!{char}!", f" {char} {char}", f"{char}{char}'s"):
            if not "\ud800" <= char <= "\udfff":
                assert cut(Gpt2Words(), [text]) == [gpt2_words(text)], hex(ord(char))


def test_no_image_of_lower_casing_has_a_capital_letter() -> None:
    """Signs of exceptions with capital letters are not looked for then."""
    capital = regex.compile("[A-Z]")
    for code in range(sys.maxunicode + 1):
        char = chr(code).lower()
        assert not capital.search(char)
        if code < 0x3000 or 0xF900 <= code < 0x10000 or 0x1D000 <= code < 0x20000:
            assert not capital.search(without_accents(char)), hex(code)


def test_an_exception_in_a_block_is_seen_and_changes_no_other_text(
    published: Callable[[str], Path],
) -> None:
    tokenizer = BertTokenizer.from_pretrained(published("bert-base-uncased"))
    definition = WordpieceTokenizer(set(tokenizer.vocab))
    several = ["one two", "three [SEP] four", "[sep]", "fi\u302e\u0327ve", "x" * 30, ""]
    words = QuickWords(True, NEVER_SPLIT)

    assert words.spans(several) is None
    assert words.spans(["[unk"]) is not None
    ids, bounds = tokenizer.encode_flat(several)
    for i, text in enumerate(several):
        plain = [
            piece
            for word in tokenizer.basic_tokenizer.tokenize(text)
            for piece in definition.tokenize(word)
        ]
        own = ids[bounds[i] : bounds[i + 1]].tolist()
        assert own == tokenizer.convert_tokens_to_ids(plain), text


@pytest.mark.parametrize(
    ("cls", "name"), [(BertTokenizer, "bert-base-cased"), (GPT2Tokenizer, "gpt2")]
)
def test_many_texts_have_the_ids_of_each(
    cls: Any, name: str, published: Callable[[str], Path]
) -> None:
    tokenizer = cls.from_pretrained(published(name))

    @given(st.lists(texts, max_size=6))
    def check(several: list[str]) -> None:
        ids, bounds = tokenizer.encode_flat(several)
        assert ids.dtype == "int32"
        assert bounds.dtype == "int64"
        assert len(ids) == bounds[-1]
        for i, text in enumerate(several):
            alone = tokenizer.encode(text, add_special_tokens=False)
            assert ids[bounds[i] : bounds[i + 1]].tolist() == alone

    check()


def test_characters_that_came_once_are_remembered_by_their_class() -> None:
    [_] = Gpt2Words().spans(["ሀ"])

    assert gpt2_spans._CLASSES[ord("ሀ")] == gpt2_spans._LETTER
    assert spans_module.SPACE < spans_module.WORD < spans_module.MARK  # what comparing rests on
