"""BasicTokenizer and WordpieceTokenizer, method by method."""

from collections.abc import Iterator

import pytest

from ptbert_tokenizers import BasicTokenizer, WordpieceTokenizer, whitespace_tokenize
from ptbert_tokenizers.plain.unicode import is_punctuation
from ptbert_tokenizers.plain.unicode_14 import category
from ptbert_tokenizers.quick import basic_tokenizer


@pytest.fixture(autouse=True, params=[-1, 10**9], ids=["quick", "definition"], scope="module")
def _way(request: pytest.FixtureRequest) -> Iterator[None]:
    """The public class takes the quick way, or that of the definition."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(basic_tokenizer, "_LITTLE", request.param)
        yield


def test_basic_tokenizer_cleans_splits_and_lowers() -> None:
    text = " \tHeLLo!how  \n Are yoU\u00e9?\x00\ufffd\u200b "

    assert BasicTokenizer().tokenize(text) == ["hello", "!", "how", "are", "youe", "?"]
    assert BasicTokenizer(do_lower_case=False).tokenize(text) == (
        ["HeLLo", "!", "how", "Are", "yoU\u00e9", "?"]
    )


def test_ideographs_stand_alone_and_kana_do_not() -> None:
    assert BasicTokenizer().tokenize("ah北京テスト") == ["ah", "北", "京", "テスト"]


def test_never_split_compares_whole_words_before_and_after_lower_casing() -> None:
    basic = BasicTokenizer(never_split=["[E1]", "[e2]"])

    assert basic.tokenize("[E1] [E2] [E1]x") == ["[E1]", "[e2]", "[", "e1", "]", "x"]


def test_never_split_is_a_list_or_nothing() -> None:
    assert BasicTokenizer(never_split=None).tokenize("[MASK] a") == ["[", "mask", "]", "a"]
    with pytest.raises(
        TypeError, match=r"never_split is one string, '\[E1\]'; give a list of words"
    ):
        BasicTokenizer(never_split="[E1]")


def test_a_capital_sigma_lowers_by_its_place() -> None:
    assert BasicTokenizer().tokenize("ΣΊΣΥΦΟΣ Σ") == ["σισυφος", "σ"]


def test_the_private_methods_can_be_called() -> None:
    basic = BasicTokenizer()

    assert basic._clean_text("a\x00b\tc\u00a0d") == "ab c d"
    assert basic._tokenize_chinese_chars("x京y") == "x 京 y"
    assert basic._is_chinese_char(0x4EAC)
    assert basic._run_strip_accents("é") == "e"
    assert basic._run_split_on_punc("don't!!") == ["don", "'", "t", "!", "!"]
    assert basic._run_split_on_punc("[MASK]") == ["[MASK]"]


def test_every_character_is_cleaned_and_set_apart_by_its_category() -> None:
    text = "".join(map(chr, [*range(0x3000), *range(0x3000, 0x110000, 5)]))
    kept = [char for char in text if char in "\t\n\r" or category(char)[0] != "C"]
    cleaned = "".join(
        " " if char in "\t\n\r" or category(char) == "Zs" else char
        for char in kept
        if char != "\ufffd"
    )

    assert BasicTokenizer()._clean_text(text) == cleaned
    assert not [char for char in text if char.isalnum() and is_punctuation(char)]


def test_an_overridden_step_counts() -> None:
    class OnlyLatin(BasicTokenizer):
        def _is_chinese_char(self, cp: int) -> bool:
            return False

    assert OnlyLatin().tokenize("北京") == ["北京"]


@pytest.mark.parametrize("length", [100, 101])
def test_words_over_the_limit_are_unknown(length: int) -> None:
    wordpiece = WordpieceTokenizer({"x", "##x"})

    pieces = wordpiece.tokenize("x" * length)

    assert pieces == (["x"] + ["##x"] * 99 if length == 100 else ["[UNK]"])


def test_a_word_that_cannot_be_cut_to_its_end_is_unknown() -> None:
    assert WordpieceTokenizer({"un", "##aff"}).tokenize("unaffable un") == ["[UNK]", "un"]


def test_whitespace_tokenize_of_blank_text_is_empty() -> None:
    assert whitespace_tokenize(" \n\u2029") == []
