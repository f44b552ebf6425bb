"""Places of tokens found for many texts at once: those of ``tokenize_with_offsets``."""

import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptbert_tokenizers import AddedToken, BertTokenizer, GPT2Tokenizer, OpenAIGPTTokenizer
from ptbert_tokenizers.quick import bpe, encoder, gpt2_spans, spans
from ptbert_tokenizers.quick.positions import PieceLengths

MAKERS: dict[str, tuple[Any, str, dict[str, Any]]] = {
    "uncased": (BertTokenizer, "bert-base-uncased", {}),
    "cased": (BertTokenizer, "bert-base-cased", {"do_lower_case": False}),
    "accents kept": (
        BertTokenizer,
        "bert-base-multilingual-cased",
        {"strip_accents": False, "tokenize_chinese_chars": False},
    ),
    "spaced": (BertTokenizer, "bert-base-uncased", {"do_basic_tokenize": False}),
    "gpt": (OpenAIGPTTokenizer, "openai-gpt", {}),
    "gpt2": (GPT2Tokenizer, "gpt2", {}),
}
TRAPS = (
    "Σσς İıẞﬁK\u212a\u2126\u03d3\u0301\u0327\u302e\u302f\U0001d165\u1100\u1161한京\U0002b820\uf900"
    "\x00\x07\x0b\x1c\x1f\x85\xa0\xad\u1680\u180e\u2009\u200b\u200d\u2028\u2029\u202f\u3000\ufeff"
    "\ufffd\ud800\udfff\ue000\u0378\U0010ffff😀\u037e。¿$^`'’\t\n\r"
)
FRAGMENTS = ["[SEP]", " [MASK] ", "[sep]", "don't", "'re", "  ", " unaffable", "naïveté", "##s"]
texts_drawn = st.lists(
    st.one_of(st.text(max_size=8), st.sampled_from(TRAPS), st.sampled_from(FRAGMENTS)), max_size=12
).map("".join)


@pytest.fixture(scope="module", params=MAKERS)
def tokenizer(request: pytest.FixtureRequest, published: Callable[[str], Path]) -> Any:
    cls, name, options = MAKERS[request.param]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "spacy", None)
        return cls.from_pretrained(published(name), **options)


def one_by_one(tokenizer: Any, texts: Sequence[str]) -> list[list[tuple[int, int]]]:
    """The places by the definition."""
    cutter = tokenizer._cutter()
    if cutter is not None:
        return [tokenizer._spans_around(cutter.pieces(text)) for text in texts]
    return [tokenizer._spans(text) for text in texts]


def alone(tokenizer: Any, texts: Sequence[str]) -> list[list[tuple[int, int]]]:
    """The places of texts that are given alone, in both ways, with the tokens compared."""
    found = []
    for text in texts:
        tokens, spans = tokenizer.tokenize_with_offsets(text)
        assert tokens == tokenizer.tokenize(text)
        assert together(tokenizer, [text]) == [spans]
        found.append(spans)
    return found


def together(tokenizer: Any, texts: Sequence[str]) -> list[list[tuple[int, int]]]:
    (ids, bounds), offsets = tokenizer._flat_with_offsets(texts)
    expected, edges = tokenizer.encode_flat(texts)
    assert np.array_equal(ids, expected)
    assert np.array_equal(bounds, edges)
    places = [tuple(each) for each in offsets.tolist()]
    return [places[start:stop] for start, stop in pairwise(bounds.tolist())]


def test_many_texts_have_the_places_of_single_ones(tokenizer: Any, texts: list[str]) -> None:
    assert together(tokenizer, texts[::4]) == one_by_one(tokenizer, texts[::4])
    assert alone(tokenizer, texts[::9]) == one_by_one(tokenizer, texts[::9])


@given(st.lists(texts_drawn, max_size=4))
def test_any_texts_have_the_places_of_single_ones(tokenizer: Any, texts: list[str]) -> None:
    assert together(tokenizer, texts) == one_by_one(tokenizer, texts)
    assert alone(tokenizer, texts) == one_by_one(tokenizer, texts)


@given(texts_drawn)
def test_words_with_places_are_the_words(tokenizer: Any, text: str) -> None:
    words = tokenizer._quick()._words
    places = words.places(text)
    if places is not None:
        assert places.words == words(text)


@pytest.mark.parametrize("length", [999, 1000, 1001, 5000])
def test_longer_texts_have_the_same_places(length: int, tokenizer: Any) -> None:
    text = ("naïve ﬁ " * (length // 8 + 1))[:length]

    assert alone(tokenizer, [text]) == one_by_one(tokenizer, [text])


@pytest.mark.parametrize("size", [1, 7])
def test_blocks_and_windows_of_any_size_give_the_same_places(
    size: int, tokenizer: Any, texts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = one_by_one(tokenizer, texts[1:200:7])
    monkeypatch.setattr(encoder, "_BLOCK", size)
    monkeypatch.setattr(spans, "_WINDOW", size)
    monkeypatch.setattr(gpt2_spans, "_WINDOW", size)

    assert together(tokenizer, texts[1:200:7]) == expected


@pytest.mark.parametrize("name", ["uncased", "gpt2"])
@given(st.lists(texts_drawn, max_size=4))
def test_added_tokens_are_places_like_any_other(
    published: Callable[[str], Path], name: str, texts: list[str]
) -> None:
    tokenizer = with_added_tokens(published, name)

    assert together(tokenizer, texts) == one_by_one(tokenizer, texts)


made: dict[str, Any] = {}


def with_added_tokens(published: Callable[[str], Path], name: str) -> Any:
    if name not in made:
        cls, vocabulary, options = MAKERS[name]
        made[name] = cls.from_pretrained(published(vocabulary), **options)
        made[name].add_special_tokens(["[MASK]", AddedToken("'", lstrip=True, rstrip=True)])
        made[name].add_tokens(["aff", "É"])
    return made[name]


def test_batches_take_the_quick_way(
    published: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    bert = BertTokenizer.from_pretrained(published("bert-base-uncased"))
    gpt2 = GPT2Tokenizer.from_pretrained(published("gpt2"))
    for tokenizer in (bert, gpt2):
        with monkeypatch.context() as patch:
            patch.setattr(type(tokenizer), "_plain_tokens", None, raising=False)
            patch.setattr("ptbert_tokenizers.bert.traced_words", None)
            batch = tokenizer.encode_batch(["Naïve  京都", "unaffable!"], return_offsets=True)
        expected = [*one_by_one(tokenizer, ["Naïve  京都"])[0]]
        found = batch.offsets[0].tolist()  # type: ignore[index]
        assert [tuple(each) for each in found if each != [0, 0]] == [
            each for each in expected if each != (0, 0)
        ]


@pytest.mark.parametrize("many", [0, 10**6])
def test_pieces_that_gpt_lacks_take_the_quick_way(
    published: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    """Each character that the vocabulary lacks is a piece, and most texts have one."""
    monkeypatch.setitem(sys.modules, "spacy", None)
    monkeypatch.setattr(bpe, "_MANY", many)
    tokenizer = OpenAIGPTTokenizer.from_pretrained(published("openai-gpt"))
    texts = ["Москва Москва 京都, naïve ﬁ", "to be", "жx xж жж x 😀y", "Ж"]
    expected = [tokenizer.tokenize_with_offsets(text) for text in texts]
    definition = [tokenizer._plain_tokens(text) for text in texts]
    words = [text.split() for text in texts]

    assert [tokens for tokens, _ in expected] == definition
    assert "<unk>" in tokenizer.convert_ids_to_tokens(tokenizer.encode(texts[0]))
    with monkeypatch.context() as patch:
        patch.setattr(OpenAIGPTTokenizer, "_plain_tokens", None)
        patch.setattr(OpenAIGPTTokenizer, "_known_spans", lambda *_: pytest.fail("the plain way"))
        assert together(tokenizer, texts) == [spans for _, spans in expected]
        assert [tokenizer.tokenize(text) for text in texts] == definition
        found = [tokenizer.tokenize_words(each) for each in words]
    for each, (tokens, numbers) in zip(words, found, strict=True):
        parts = [tokenizer.tokenize(word) for word in each]
        assert tokens == [token for part in parts for token in part]
        assert numbers == [number for number, part in enumerate(parts) for _ in part]


def test_a_long_text_with_tokens_without_ids_has_places(published: Callable[[str], Path]) -> None:
    tokenizer = OpenAIGPTTokenizer.from_pretrained(published("openai-gpt"))
    tokenizer.unk_token = "none"

    tokens, spans = tokenizer.tokenize_with_offsets("ж " * 1000)

    assert tokens == ["ж</w>"] * 1000
    assert spans == [(place, place + 1) for place in range(0, 2000, 2)]


def test_places_of_a_subclass_are_its_own(published: Callable[[str], Path]) -> None:
    class Shifted(BertTokenizer):
        def tokenize_with_offsets(self, text: str) -> tuple[list[str], list[tuple[int, int]]]:
            tokens, spans = super().tokenize_with_offsets(text)
            return tokens, [(start + 1, end + 1) for start, end in spans]

    tokenizer = Shifted.from_pretrained(published("bert-base-uncased"))

    batch = tokenizer.encode_batch(["to be"], add_special_tokens=False, return_offsets=True)

    assert batch.offsets.tolist() == [[[1, 3], [4, 6]]]  # type: ignore[union-attr]


def test_pieces_that_the_vocabulary_lacks_have_places_too(tmp_path: Path) -> None:
    """Both unknown pieces have the id of a real piece, so lengths of pieces do not tell places."""
    from ptbert_tokenizers.files.vocabulary import write_json_vocabulary, write_merges

    write_json_vocabulary(tmp_path / "vocab.json", {"xx": 0, "a": 1, "b": 2})
    write_merges(tmp_path / "merges.txt", [("c", "d"), ("cd", "e"), ("x", "x")])
    tokenizer = GPT2Tokenizer(tmp_path / "vocab.json", tmp_path / "merges.txt", unk_token="xx")

    batch = tokenizer.encode_batch(["acdef", "xx"], return_offsets=True)

    assert batch.input_ids.tolist() == [[1, 0, 0], [0, 0, 0]]
    assert batch.offsets.tolist() == [  # type: ignore[union-attr]
        [[0, 1], [1, 4], [4, 5]],
        [[0, 2], [0, 0], [0, 0]],
    ]


def test_ids_shared_by_two_tokens_take_the_plain_way(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("[UNK]\n[CLS]\n[SEP]\nab\n##c\n##cde\n##de\n")
    tokenizer = BertTokenizer(tmp_path / "vocab.txt")
    tokenizer.vocab["##cde"] = tokenizer.vocab["##c"]

    batch = tokenizer.encode_batch(["abcde"], add_special_tokens=False, return_offsets=True)

    assert batch.offsets.tolist() == [[[0, 2], [2, 5]]]  # type: ignore[union-attr]


def test_lengths_of_enormous_ids_are_not_made() -> None:
    assert PieceLengths.of({2**31 - 1: "a"}, lambda _: (1, 1)) is None


def test_workers_give_the_places_of_one_process(published: Callable[[str], Path]) -> None:
    tokenizer = BertTokenizer.from_pretrained(published("bert-base-uncased"))
    texts = [f"Naïve {number} 京都" for number in range(50)]

    assert tokenizer.encode_batch(texts, return_offsets=True, workers=2) == tokenizer.encode_batch(
        texts, return_offsets=True
    )
