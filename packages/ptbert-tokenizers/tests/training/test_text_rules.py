"""Words are counted as the tokenizers cut them."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptbert_tokenizers import TransfoXLTokenizer
from ptbert_tokenizers.plain.gpt2_words import gpt2_words
from ptbert_tokenizers.plain.wordpiece import BasicTokenizer
from ptbert_tokenizers.training.text_rules import STANDARD_TOKENS, TextRules

SPECIAL = [token for tokens in STANDARD_TOKENS.values() for token in tokens]  # they are no words

# Combining marks in an order that decomposing changes are an exception of the quick words.
TEXTS = st.lists(
    st.text(st.one_of(st.characters(), st.sampled_from("aÉ Σ's京\0\n\u0323\u0301.[")), max_size=20),
    max_size=8,
).filter(lambda texts: not any(token in text for token in SPECIAL for text in texts))


@given(TEXTS, st.sampled_from([True, False, None]), st.sampled_from([True, False, None]))
def test_words_of_bert_are_those_of_its_basic_tokenizer(
    texts: list[str], lower: bool | None, strips: bool | None
) -> None:
    basic = BasicTokenizer(lower is not False, never_split=(), strip_accents=strips)

    counts = TextRules("wordpiece", lower, strips).counted(texts)

    assert counts == Counter(word for text in texts for word in basic.tokenize(text))


@given(TEXTS)
def test_words_of_gpt_are_those_of_the_basic_tokenizer(texts: list[str]) -> None:
    basic = BasicTokenizer(never_split=())

    counts = TextRules("bpe").counted(texts)

    assert counts == Counter(word for text in texts for word in basic.tokenize(text))


@given(TEXTS)
def test_words_of_gpt2_are_those_of_its_pattern(texts: list[str]) -> None:
    counts = TextRules("byte-bpe").counted(texts)

    assert counts == Counter(word for text in texts for word in gpt2_words(text))


@given(TEXTS, st.booleans())
def test_words_of_transformer_xl_are_those_of_its_tokenizer(texts: list[str], lower: bool) -> None:
    tokenizer = TransfoXLTokenizer(lower_case=lower)

    counts = TextRules("words", lower).counted(texts)

    assert counts == Counter(word for text in texts for word in tokenizer.tokenize(text))


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        ("wordpiece", "a[MASK]b [X]c", ["a", "b", "c"]),
        ("bpe", "a<unk>b[X]", ["a", "b"]),
        ("byte-bpe", "a<|endoftext|> b[X]\n", ["a", " b", "\n"]),
        ("words", "a <eos> b [X]", ["a", "b"]),
    ],
)
def test_special_tokens_are_not_counted(kind: Any, text: str, words: Sequence[str]) -> None:
    assert TextRules(kind, special_tokens=["[X]"]).counted([text]) == Counter(words)


@pytest.mark.parametrize(
    ("given_rules", "message"),
    [
        ({"kind": "unigram"}, "kind='unigram' is not known; choose from wordpiece, bpe, byte-bpe"),
        ({"kind": "bpe", "lower_case": False}, "lower_case=False is not for bpe, which always"),
        ({"kind": "byte-bpe", "lower_case": True}, "not for byte-bpe, which never lower-cases"),
        ({"kind": "words", "strip_accents": True}, "strip_accents and .* are not for words"),
        ({"kind": "words", "special_tokens": ["a b"]}, "'a b' is empty, holds a space or is no"),
        ({"kind": "words", "special_tokens": [""]}, "'' is empty, holds a space"),
        ({"kind": "words", "special_tokens": [7]}, "7 is empty, holds a space or is no string"),
        ({"kind": "words", "special_tokens": ["x", "x"]}, "'x' is there twice"),
        ({"kind": "wordpiece", "special_tokens": ["[PAD]"]}, "'\\[PAD\\]' is there twice"),
    ],
)
def test_rules_that_cannot_be_followed_are_refused(
    given_rules: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        TextRules(**given_rules)


def test_one_string_is_no_list_of_special_tokens() -> None:
    with pytest.raises(TypeError, match=r"special_tokens is one string, '\[X\]'; give a list"):
        TextRules("bpe", special_tokens="[X]")
    with pytest.raises(TypeError, match="lower_case is 'False', a string; give True or False"):
        TextRules("wordpiece", "False")  # type: ignore[arg-type]
