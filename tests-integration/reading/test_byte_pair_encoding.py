import json
import sys
from itertools import pairwise

import byte_pair_encoding as bpe
import pytest
import wordpiece
from hypothesis import example, given
from hypothesis import strategies as st
from random_texts import FRAGMENTS, texts_in_many_scripts

from ptbert_tokenizers import GPT2Tokenizer, OpenAIGPTTokenizer

TEXT = " ".join(
    [*FRAGMENTS, "low lower lowest slow 'tis theatre them there able table unable "] * 2
)


@pytest.fixture
def make(tmp_path, monkeypatch):
    """Return a function that makes a real tokenizer of a vocabulary and merges."""
    monkeypatch.setitem(sys.modules, "spacy", None)

    def make_tokenizer(tokenizer_class, vocabulary, merges):
        (tmp_path / "vocab.json").write_text(json.dumps(vocabulary))
        lines = "".join(f"{left} {right}\n" for left, right in merges)
        (tmp_path / "merges.txt").write_text(f"#version: 0.2\n{lines}", encoding="utf-8")
        return tokenizer_class(tmp_path / "vocab.json", tmp_path / "merges.txt")

    return make_tokenizer


def ranked(merges):
    return {pair: rank for rank, pair in enumerate(merges)}


def numbered(tokens):
    return {token: number for number, token in enumerate(dict.fromkeys(tokens))}


@pytest.fixture
def gpt2(make):
    """Vocabulary, merges and the real tokenizer."""
    merges = bpe.learned_merges(TEXT, 150)
    vocabulary = numbered([*bpe.SEEN_AS.values(), *map("".join, merges)])
    return vocabulary, ranked(merges), make(GPT2Tokenizer, vocabulary, merges)


@pytest.fixture
def gpt(make):
    words = [[*word[:-1], f"{word[-1]}</w>"] for word in wordpiece.words_of(TEXT)]
    letters = [letter for word in words for letter in word]
    merges = []
    for word in words:  # any merges will do
        while len(word) > 1 and len(merges) < 100:
            pair = max(pairwise(word))
            merges += [pair] if pair not in merges else []
            word = bpe.joined(word, pair)  # noqa: PLW2901
    vocabulary = numbered([*letters, *map("".join, merges), "<unk>"])
    return vocabulary, ranked(merges), make(OpenAIGPTTokenizer, vocabulary, merges)


def test_gpt2_ids_are_those_of_the_real_tokenizer_and_give_the_text_back(gpt2):
    vocabulary, ranks, real = gpt2

    @given(texts_in_many_scripts())
    @example("half \ud800 a character")
    def check(text):
        ids = bpe.encode(text, vocabulary, ranks)
        assert bpe.pieces_of(text, ranks) == real.tokenize(text)
        assert ids == real.encode(text)
        assert bpe.decode(ids, vocabulary) == text.encode("utf-8", "ignore").decode()

    check()


def test_gpt2_texts_of_any_ids_are_those_of_the_real_tokenizer(gpt2):
    vocabulary, _, real = gpt2

    @given(st.lists(st.sampled_from(list(vocabulary.values()))))
    def check(ids):
        plain = real.decode(ids, clean_up_tokenization_spaces=False)
        assert bpe.decode(ids, vocabulary) == plain

    check()


def test_gpt_ids_and_decoded_texts_are_those_of_the_real_tokenizer(gpt):
    vocabulary, ranks, real = gpt

    @given(texts_in_many_scripts())
    def check(text):
        words = wordpiece.words_of(text, special=())
        ids = bpe.gpt_encode(words, vocabulary, ranks)
        assert bpe.gpt_pieces_of(words, ranks) == real.tokenize(text)
        assert ids == real.encode(text)
        plain = real.decode(ids, clean_up_tokenization_spaces=False)
        assert bpe.gpt_decode(ids, vocabulary) == plain

    check()


def test_a_word_takes_one_space_along_and_other_spaces_stand_together():
    words = ["".join(word) for word in bpe.words_of("a b   c\n\nd \t e  ")]
    assert words == ["a", "Ġb", "ĠĠ", "Ġc", "Ċ", "Ċ", "d", "Ġĉ", "Ġe", "ĠĠ"]


def test_every_byte_is_written_as_in_the_real_tokenizer(gpt2):
    _, _, real = gpt2
    assert real.byte_encoder == bpe.SEEN_AS


def test_the_published_gpt2_files_give_the_ids_of_2019(recorded, published):
    vocabulary = json.loads(published("gpt2.vocab.json"))
    ranks = ranked(tuple(line.split()) for line in published("gpt2.merges.txt").splitlines()[1:])

    rows = zip(
        recorded("texts"),
        recorded("tokens")["gpt2"],
        recorded("tokens")["gpt2 decode raw"],
        strict=True,
    )
    for text, ids, raw in rows:
        assert bpe.encode(text, vocabulary, ranks) == ids, text
        assert bpe.decode(ids, vocabulary) == raw


def test_the_published_gpt_files_give_the_ids_of_2019(recorded, published):
    special = ("_start_", "_classify_")
    vocabulary = json.loads(published("openai-gpt.vocab.json"))
    lines = published("openai-gpt.merges.txt").splitlines()[1:]
    ranks = ranked(tuple(line.split()) for line in lines)

    rows = recorded("tokens")["openai-gpt special=_start_,_classify_"]
    for text, ids in zip(recorded("texts"), rows, strict=True):
        words = wordpiece.words_of(text, special=special)
        assert bpe.gpt_encode(words, vocabulary, ranks) == ids, text


def test_merges_are_learned_as_in_the_paper():
    """Algorithm 1 of Sennrich et al. 2016, on its own example, with spaces for the word's end."""
    text = "low " * 5 + "lower " * 2 + "newest " * 6 + "widest " * 3

    merges = bpe.learned_merges(text.strip(), 3)

    assert merges == [("e", "s"), ("es", "t"), ("l", "o")]
