"""What is no text is refused by name and place; words that are separated already."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptbert_tokenizers import BertTokenizer, GPT2Tokenizer, OpenAIGPTTokenizer

TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"abcdefgh"]
A, B, C, D, E, F, G, H = range(4, 12)
PAD, CLS, SEP = 0, 2, 3


@pytest.fixture
def tokenizer() -> BertTokenizer:
    Path("vocab.txt").write_text("\n".join(TOKENS))
    return BertTokenizer("vocab.txt")


NAN = float("nan")


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("a b c", r"^texts is one string; give a list of strings, or use encode\(\)$"),
        (["a", None], r"^texts\[1\] is None, and not a string; leave it out, or give \"\" in its"),
        (["a", "b", NAN], r"^texts\[2\] is nan, and not a string"),
        ([["a"]], r"^texts\[0\] is a list, and not a string"),
        ([b"a"], r"^texts\[0\] is a bytes, and not a string"),
        (None, "^texts is None; give a list of strings$"),
        ({"a": "b"}, "^texts is a dict; give a list of strings$"),
        ({"a"}, "^texts is a set; give a list of strings$"),
        (b"ab", "^texts is a bytes; give a list of strings$"),
        (7, "^texts is 7; give a list of strings$"),
    ],
)
def test_what_is_no_text_is_named_with_its_place(
    tokenizer: BertTokenizer, texts: Any, message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        tokenizer.encode_batch(texts)
    with pytest.raises(TypeError, match=message):
        tokenizer.encode_flat(texts)
    with pytest.raises(TypeError, match=message):
        tokenizer.encode_flat(texts, workers=2)
    if texts is not None:
        with pytest.raises(TypeError, match=message.replace("texts", "text_pairs", 1)):
            tokenizer.encode_batch(["a"] * 3, texts)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("a", "^texts is one string; give a list with a list of words for each text$"),
        ([["a"], "b"], r"^texts\[1\] is a str, and not a list of words; split it, or leave is_spl"),
        ([None], r"^texts\[0\] is None, and not a list of words"),
        ([["a"], ["b", NAN]], r"^texts\[1\]\[1\] is nan, and not a string"),
        ([{"a"}], r"^texts\[0\] is a set; give a list of strings"),
    ],
)
def test_what_is_no_word_is_named_with_its_place(
    tokenizer: BertTokenizer, texts: Any, message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        tokenizer.encode_batch(texts, is_split_into_words=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            ["a"],
            r"^text is a list, and not a string; give one string, or many to encode_batch\(\)$",
        ),
        (None, "^text is None, and not a string; give one string$"),
        (NAN, "^text is nan, and not a string; give one string$"),
    ],
)
def test_encode_takes_one_string(tokenizer: BertTokenizer, text: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        tokenizer.encode(text)
    if text is not None:
        with pytest.raises(TypeError, match=message.replace("text", "text_pair", 1)):
            tokenizer.encode("a", text)


def test_one_string_is_not_a_list_of_words(tokenizer: BertTokenizer) -> None:
    with pytest.raises(TypeError, match=r"^words is one string; give a list of strings"):
        tokenizer.tokenize_words("abc")
    with pytest.raises(TypeError, match=r"^words\[1\] is None, and not a string"):
        tokenizer.tokenize_words(["a", None])  # type: ignore[list-item]


def test_strings_of_other_classes_are_texts(tokenizer: BertTokenizer) -> None:
    class Name(str):
        pass

    texts = np.array(["a b", "c"])  # of numpy.str_

    assert tokenizer.encode_batch(texts) == tokenizer.encode_batch(["a b", "c"])
    assert tokenizer.encode_batch([Name("a")]).input_ids.tolist() == [[CLS, A, SEP]]
    assert tokenizer.encode_batch(text for text in "ab").input_ids.tolist() == [
        [CLS, A, SEP],
        [CLS, B, SEP],
    ]


def test_words_that_are_separated_already(published: Callable[[str], Path]) -> None:
    bert = BertTokenizer.from_pretrained(published("bert-base-uncased"))
    texts = [["Jim", "Henson's", "puppeteering", ""], ["", "[SEP]", "éa-b"], []]

    batch = bert.encode_batch(texts, is_split_into_words=True, return_offsets=True)

    assert batch.word_index is not None
    assert batch.offsets is not None
    for row, words in enumerate(texts):
        tokens, numbers = bert.tokenize_words(words)
        kept = batch.word_index[row] >= 0
        assert bert.convert_ids_to_tokens(batch.input_ids[row][kept]) == tokens
        assert batch.word_index[row][kept].tolist() == numbers
        assert kept.tolist() == [0 < place <= len(tokens) for place in range(len(kept))]
        for number, token, (start, end) in zip(
            numbers, tokens, batch.offsets[row][kept].tolist(), strict=True
        ):
            piece = "".join(bert.basic_tokenizer.tokenize(words[number][start:end]))
            assert piece == token.removeprefix("##")


def test_offsets_in_words_do_not_count_the_space_before(published: Callable[[str], Path]) -> None:
    gpt2 = GPT2Tokenizer.from_pretrained(published("gpt2"))

    batch = gpt2.encode_batch([["hello", "worlds"]], is_split_into_words=True, return_offsets=True)

    tokens = gpt2.convert_ids_to_tokens(batch.input_ids[0])
    assert tokens == ["hello", "Ġworlds"]
    assert batch.word_index is not None
    assert batch.offsets is not None
    assert batch.word_index.tolist() == [[0, 1]]
    assert batch.offsets.tolist() == [[[0, 5], [0, 6]]]


def test_windows_and_pairs_of_words(tokenizer: BertTokenizer) -> None:
    batch = tokenizer.encode_batch(
        [["a", "b c", "d"]],
        [["e", "f g h"]],
        is_split_into_words=True,
        max_len=9,
        truncation="only_second",
        stride=1,
        return_offsets=True,
    )

    assert batch.input_ids.tolist() == [
        [CLS, A, B, C, D, SEP, E, F, SEP],
        [CLS, A, B, C, D, SEP, F, G, SEP],
        [CLS, A, B, C, D, SEP, G, H, SEP],
    ]
    assert batch.word_index is not None
    assert batch.offsets is not None
    assert batch.word_index[1].tolist() == [-1, 0, 1, 1, 2, -1, 1, 1, -1]
    assert batch.offsets[1, 6:8].tolist() == [[0, 1], [2, 3]]


@pytest.mark.parametrize(
    ("cls", "name"),
    [
        (BertTokenizer, "bert-base-uncased"),
        (OpenAIGPTTokenizer, "openai-gpt"),
        (GPT2Tokenizer, "gpt2"),
    ],
)
def test_separate_words_have_the_tokens_of_each_word(
    cls: Any, name: str, published: Callable[[str], Path], texts: list[str]
) -> None:
    tokenizer = cls.from_pretrained(published(name))
    tokenizer.add_tokens(["zzadded"])
    plain = cls.from_pretrained(published(name))
    words = [*(word for text in texts[::9] for word in text.split(" ")[:40]), "", "a b", "\ud800"]
    separated = [f"{plain.word_separator}{word}" if i else word for i, word in enumerate(words)]
    expected = list(map(plain.tokenize, separated))

    for each in (plain, plain, tokenizer):  # the second time, words are remembered
        tokens, numbers = each.tokenize_words(words)
        assert tokens == [token for found in expected for token in found]
        assert numbers == [i for i, found in enumerate(expected) for _ in found]


def test_separate_words_of_a_changed_tokenizer_are_cut_by_it(
    published: Callable[[str], Path],
) -> None:
    tokenizer = BertTokenizer.from_pretrained(published("bert-base-uncased"))
    assert tokenizer.tokenize_words(["qqq"]) == (["q", "##q", "##q"], [0, 0, 0])

    tokenizer.vocab["qqq"] = tokenizer.vocab.pop("[unused1]")
    assert tokenizer.tokenize_words(["qqq"]) == (["qqq"], [0])

    tokenizer.tokenize = lambda text: ["mine"]  # type: ignore[method-assign]
    assert tokenizer.tokenize_words(["qqq"]) == (["mine"], [0])
