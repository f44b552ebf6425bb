"""Special tokens anywhere in a text, and texts whose words are separated already."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ptbert_tokenizers import BertTokenizer, GPT2Tokenizer, OpenAIGPTTokenizer, TransfoXLTokenizer

Published = Callable[[str], Path]


def test_bert_keeps_its_own_wherever_they_stand(published: Published) -> None:
    tokenizer = BertTokenizer.from_pretrained(published("bert-base-uncased"))
    text = "the[MASK]was [MASK].[SEP]"

    assert tokenizer.tokenize_with_special_tokens(text) == [
        *("the", "[MASK]", "was", "[MASK]", ".", "[SEP]"),
    ]
    assert "[MASK]" not in tokenizer.tokenize(text)  # as in 2019


@pytest.mark.parametrize(
    ("name", "cls"), [("openai-gpt", OpenAIGPTTokenizer), ("gpt2", GPT2Tokenizer)]
)
def test_gpts_keep_those_that_were_set(
    published: Published, name: str, cls: type[OpenAIGPTTokenizer] | type[GPT2Tokenizer]
) -> None:
    tokenizer = cls.from_pretrained(published(name), special_tokens=["<e>", "<e>2"])

    tokens = tokenizer.tokenize_with_special_tokens("a<e>2b<e>")

    assert tokens == [*tokenizer.tokenize("a"), "<e>2", *tokenizer.tokenize("b"), "<e>"]
    ids = tokenizer.convert_tokens_to_ids(tokens)
    assert ids[1] == len(tokenizer.encoder) + 1


def test_transfo_xl_keeps_its_own() -> None:
    tokenizer = TransfoXLTokenizer(special=["<eos>", "<unk>"])
    tokenizer.count_sents([["a", "b"]])
    tokenizer.build_vocab()
    assert tokenizer.tokenize_with_special_tokens("a<eos>b") == ["a", "<eos>", "b"]


def test_the_caller_may_name_them(published: Published) -> None:
    tokenizer = BertTokenizer.from_pretrained(published("bert-base-uncased"))
    assert tokenizer.tokenize_with_special_tokens("a[unused1]b", ["[unused1]"]) == [
        *("a", "[unused1]", "b"),
    ]
    assert tokenizer.tokenize_with_special_tokens("[SEP]", []) == ["[SEP]"]
    with pytest.raises(ValueError, match="special_tokens holds an empty string; leave it out"):
        tokenizer.tokenize_with_special_tokens("a", [""])


def test_words_tell_where_their_tokens_come_from(published: Published) -> None:
    bert = BertTokenizer.from_pretrained(published("bert-base-uncased"))
    assert bert.tokenize_words(["Jim", "Henson's", "\u200b", "puppeteer"]) == (
        ["jim", "henson", "'", "s", "puppet", "##eer"],
        [0, 1, 1, 1, 3, 3],
    )


def test_words_of_gpt2_are_cut_as_inside_a_text(published: Published) -> None:
    tokenizer = GPT2Tokenizer.from_pretrained(published("gpt2"))
    text = "Who was Jim Henson ?"
    tokens, numbers = tokenizer.tokenize_words(text.split())
    assert tokens == tokenizer.tokenize(text)
    assert numbers[0] == 0
    assert numbers[-1] == 4
