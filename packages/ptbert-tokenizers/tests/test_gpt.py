"""GPT2Tokenizer and OpenAIGPTTokenizer: pieces, special tokens, decoding, files."""

import copy
import json
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptbert_tokenizers import (
    BadVocabulary,
    BasicTokenizer,
    GPT2Tokenizer,
    MissingVocabulary,
    OpenAIGPTTokenizer,
    UnknownId,
    UnknownToken,
)

GPT2_VOCABULARY = ["l", "o", "w", "e", "r", "s", "Ġ", "lo", "low", "er", "Ġlow", "<unk>"]
GPT_VOCABULARY = ["l", "o", "w", "e", "r", "r</w>", "w</w>", "lo", "low", "er</w>", "<unk>"]
MERGES = {
    GPT2Tokenizer: [("l", "o"), ("lo", "w"), ("e", "r"), ("Ġ", "low")],
    OpenAIGPTTokenizer: [("l", "o"), ("lo", "w"), ("e", "r</w>")],
}
Class = type[GPT2Tokenizer] | type[OpenAIGPTTokenizer]
BOTH = pytest.mark.parametrize("cls", [GPT2Tokenizer, OpenAIGPTTokenizer])


pytestmark = pytest.mark.usefixtures("no_spacy")


def build(cls: Class, **options: Any) -> Any:
    vocabulary = GPT2_VOCABULARY if cls is GPT2Tokenizer else GPT_VOCABULARY
    Path("vocab.json").write_text(json.dumps({token: i for i, token in enumerate(vocabulary)}))
    lines = [" ".join(pair) for pair in MERGES[cls]]
    Path("merges.txt").write_text("#version: 0.2\n" + "".join(f"{line}\n" for line in lines))
    return cls("vocab.json", "merges.txt", **options)


def test_pieces_of_gpt2_carry_the_space_before() -> None:
    tokenizer = build(GPT2Tokenizer)

    assert tokenizer.tokenize("lower low") == ["low", "er", "Ġlow"]
    assert tokenizer.encode("lower low") == [8, 9, 10]
    assert tokenizer.bpe("lowers") == "low er s"


def test_pieces_of_gpt_carry_the_word_end() -> None:
    tokenizer = build(OpenAIGPTTokenizer)

    assert tokenizer.tokenize("LOWER löw") == ["low", "er</w>", "lo", "w</w>"]
    assert tokenizer.encode("lower") == [8, 9]
    assert tokenizer.encode("x") == [10]
    assert tokenizer.bpe("lower") == "low er</w>"
    assert tokenizer.bpe("\n ") == "\n</w>"


@pytest.mark.parametrize(
    ("text", "tokens", "spans"),
    [
        ("low", ["lo", "w</w>"], [(0, 2), (2, 3)]),
        (" LOWER  löw.", ["low", "er</w>", "lo", "w</w>", ".</w>"],
         [(1, 4), (4, 6), (8, 10), (10, 11), (11, 12)]),
        ("l w", ["l</w>", "w</w>"], [(0, 1), (2, 3)]),
    ],
)  # fmt: skip
def test_the_word_end_of_gpt_takes_no_characters_of_the_text(
    text: str, tokens: list[str], spans: list[tuple[int, int]]
) -> None:
    assert build(OpenAIGPTTokenizer).tokenize_with_offsets(text) == (tokens, spans)


@BOTH
def test_special_tokens_follow_the_vocabulary(cls: Class) -> None:
    tokenizer = build(cls, special_tokens=["_start_", "_end_"])
    first = len(tokenizer.encoder)

    assert tokenizer.special_tokens == {"_start_": first, "_end_": first + 1}
    assert tokenizer.special_tokens_decoder == {first: "_start_", first + 1: "_end_"}
    assert len(tokenizer) == first + 2
    assert tokenizer.convert_tokens_to_ids("_end_") == first + 1
    assert tokenizer.convert_tokens_to_ids(["_start_", "low"]) == [first, 8]
    assert tokenizer.convert_ids_to_tokens([first, 8]) == ["_start_", "low"]
    assert tokenizer.convert_ids_to_tokens([first, 8], skip_special_tokens=True) == ["low"]
    assert tokenizer.decode([first, 8], skip_special_tokens=True) == "low"

    tokenizer.set_special_tokens(None)
    assert (tokenizer.special_tokens, len(tokenizer)) == ({}, first)


@BOTH
def test_a_special_token_that_the_vocabulary_has_keeps_its_id(cls: Class) -> None:
    tokenizer = build(cls)
    before = tokenizer.encode("lower")

    tokenizer.set_special_tokens(["low", "_start_"])

    first = len(tokenizer.encoder)
    assert tokenizer.special_tokens == {"low": 8, "_start_": first}
    assert tokenizer.encode("lower") == before
    assert len(tokenizer) == first + 1


@BOTH
def test_ids_of_special_tokens_come_after_gaps_and_added_tokens(cls: Class) -> None:
    tokenizer = build(cls)
    tokenizer.encoder["high"] = 500

    tokenizer.set_special_tokens(["_start_"])
    assert tokenizer.special_tokens == {"_start_": 501}

    tokenizer.add_tokens(["new"])
    tokenizer.set_special_tokens(["_a_", "_b_"])
    assert tokenizer.added_tokens.ids == {"new": 502}
    assert tokenizer.special_tokens == {"_a_": 503, "_b_": 504}


@BOTH
def test_an_edited_encoder_is_used(cls: Class) -> None:
    tokenizer = build(cls)
    assert tokenizer.encode("lower")[0] == 8

    tokenizer.encoder["low"] = 77

    assert tokenizer.encode("lower")[0] == 77


def test_the_basic_tokenizer_of_gpt_keeps_special_tokens_whole() -> None:
    tokenizer = build(OpenAIGPTTokenizer, special_tokens=["[L]"])
    assert tokenizer.nlp.never_split == ["[L]"]
    assert tokenizer.tokenize("[L] l") == ["[", "L", "]</w>", "l</w>"]

    tokenizer.set_special_tokens([])
    assert tokenizer.tokenize("[L]") == ["[</w>", "l</w>", "]</w>"]


def test_a_replaced_part_of_gpt_is_used() -> None:
    tokenizer = build(OpenAIGPTTokenizer)
    tokenizer.encode("low")

    class Reversed(BasicTokenizer):
        def tokenize(self, text: str) -> list[str]:
            return [word[::-1] for word in super().tokenize(text)]

    tokenizer.nlp = Reversed()

    assert tokenizer.tokenize("rewol") == ["low", "er</w>"]
    assert tokenizer.encode("rewol") == [8, 9]


@pytest.mark.parametrize(
    ("cls", "name", "ending", "other"),
    [
        (GPT2Tokenizer, "openai-gpt", 32581, "OpenAIGPTTokenizer"),
        (OpenAIGPTTokenizer, "gpt2", 0, "GPT2Tokenizer"),
    ],
)
def test_the_vocabulary_of_the_other_family_is_refused(
    cls: Class, name: str, ending: int, other: str, published: Callable[[str], Path]
) -> None:
    with pytest.raises(
        BadVocabulary,
        match=rf"vocab.json' is not a vocabulary for {cls.__name__}: {ending} of its [0-9]+ pieces "
        rf"end in </w>; load it with {other}",
    ):
        cls.from_pretrained(published(name))


def test_merges_of_another_vocabulary_are_refused(published: Callable[[str], Path]) -> None:
    gpt2, gpt = published("gpt2"), published("openai-gpt")

    with pytest.raises(
        BadVocabulary,
        match=r"merges do not belong to the vocabulary .*, which lacks 661 of the pieces that "
        r"the first 1000 merges make, such as '[a-z]+</w>'; give the merges of the same model",
    ):
        GPT2Tokenizer(gpt2 / "vocab.json", gpt / "merges.txt")
    with pytest.raises(BadVocabulary, match="lacks 716 of the pieces"):
        OpenAIGPTTokenizer(gpt / "vocab.json", gpt2 / "merges.txt")


def test_gpt2_decodes_to_the_text_it_encoded(published: Callable[[str], Path]) -> None:
    tokenizer = GPT2Tokenizer.from_pretrained(published("gpt2"))

    @given(st.text())
    def decode_inverts_encode(text: str) -> None:
        valid = text.encode("utf-8", "ignore").decode()
        ids = tokenizer.encode(text)
        assert tokenizer.decode(ids, clean_up_tokenization_spaces=False) == valid

    decode_inverts_encode()


def test_half_a_character_decodes_as_errors_says(published: Callable[[str], Path]) -> None:
    folder = published("gpt2")
    ids = GPT2Tokenizer.from_pretrained(folder).encode("🦉")

    assert GPT2Tokenizer.from_pretrained(folder).decode(ids[:-1]) == "\ufffd"
    with pytest.raises(UnicodeDecodeError):
        GPT2Tokenizer.from_pretrained(folder, None, "strict").decode(ids[:-1])


def test_special_tokens_of_any_characters_decode() -> None:
    tokenizer = build(GPT2Tokenizer, special_tokens=["<é é>"])

    assert tokenizer.decode([12, 8]) == "<é é>low"


@BOTH
def test_unknown_tokens_become_unk_or_an_error(cls: Class) -> None:
    tokenizer = build(cls)
    assert tokenizer.convert_tokens_to_ids(["low", "zzz"]) == [8, tokenizer.encoder["<unk>"]]
    assert tokenizer.convert_tokens_to_ids(["zzz"], unk_token="l") == [0]

    del tokenizer.encoder["<unk>"]

    with pytest.raises(KeyError, match=r"token 'zzz' at position 1 is not in .* unk_token="):
        tokenizer.convert_tokens_to_ids(["low", "zzz"])
    with pytest.raises(UnknownToken, match="token 'zzz' is not in the vocabulary"):
        tokenizer.convert_tokens_to_ids("zzz")


@BOTH
def test_an_id_outside_the_vocabulary_is_named(cls: Class) -> None:
    with pytest.raises(UnknownId, match=r"id 999 is outside the vocabulary of 1\d tokens and 0"):
        build(cls).decode([999])


@BOTH
def test_saving_to_a_folder_can_be_reloaded(cls: Class, tmp_path: Path) -> None:
    tokenizer = build(cls, special_tokens=["_start_", "ünd"])
    folder = tmp_path / "saved"
    folder.mkdir()

    paths = tokenizer.save_vocabulary(folder)

    assert [Path(path).name for path in paths] == ["vocab.json", "merges.txt", "special_tokens.txt"]
    again = cls.from_pretrained(folder)
    assert again.encoder == tokenizer.encoder
    assert again.bpe_ranks == tokenizer.bpe_ranks
    assert again.special_tokens == tokenizer.special_tokens
    assert cls.from_pretrained(folder, special_tokens=["x"]).special_tokens.keys() == {"x"}
    assert cls(paths[0]).special_tokens == tokenizer.special_tokens


@BOTH
def test_saving_to_a_file_can_be_reloaded_from_that_file(cls: Class) -> None:
    tokenizer = build(cls, special_tokens=["_start_"])
    Path("models").mkdir()

    paths = tokenizer.save_vocabulary("models/my_own_vocab_file.bin")

    assert paths[0] == "models/my_own_vocab_file.bin"
    for again in (cls(paths[0]), cls.from_pretrained(paths[0]), cls(*paths[:2])):
        assert again.encode("lower") == tokenizer.encode("lower")
    assert cls(paths[0]).special_tokens == tokenizer.special_tokens


@BOTH
def test_missing_merges_are_named(cls: Class) -> None:
    build(cls)
    Path("merges.txt").unlink()

    for source in (".", "vocab.json"):
        with pytest.raises(MissingVocabulary, match=r"found no merges .*vocab\.json'; give merges"):
            cls.from_pretrained(source)


@BOTH
def test_pickles_and_copies_work(cls: Class) -> None:
    tokenizer = build(cls, special_tokens=["_start_"])
    tokenizer.encode("lower")

    for twin in (pickle.loads(pickle.dumps(tokenizer)), copy.deepcopy(tokenizer)):
        assert twin.encode("lower low") == tokenizer.encode("lower low")
        assert twin.special_tokens == tokenizer.special_tokens


@BOTH
def test_cached_words_are_bounded(cls: Class) -> None:
    tokenizer = build(cls)

    for number in range(60_000):
        tokenizer.bpe(f"w{number}")
    tokenizer.bpe("x" * 1000)

    words, pieces = tokenizer.cache.keys(), tokenizer.cache.values()
    assert 1000 < len(words) < 60_000
    assert sum(map(sys.getsizeof, [*words, *pieces])) < 8 * 2**20
    assert all(len(word) <= 40 for word in words)


def fake_spacy(blank: Callable[[str], Any]) -> dict[str, Any]:
    return {
        "spacy": SimpleNamespace(blank=blank),
        "ftfy": SimpleNamespace(fix_text=lambda text: text.replace("â€™", "'")),
    }


def test_ftfy_and_spacy_make_the_words_where_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def english(_: str) -> Any:
        class Pipeline:
            max_length = 10

            def __call__(self, text: str) -> list[Any]:
                return [SimpleNamespace(text=word) for word in text.split(" ")]

        return Pipeline()

    for name, module in fake_spacy(english).items():
        monkeypatch.setitem(sys.modules, name, module)
    tokenizer = build(OpenAIGPTTokenizer)

    assert tokenizer.fix_text is not None
    assert tokenizer.nlp.max_length > 10**9
    assert tokenizer.tokenize("LOWâ€™low\ud800—l") == ["low", "'", "lo", "w</w>", "-</w>", "l</w>"]


def test_a_broken_spacy_is_replaced_with_one_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: str) -> Any:
        raise OSError("[E050] Can't find model 'en'")

    for name, module in fake_spacy(broken).items():
        monkeypatch.setitem(sys.modules, name, module)

    assert build(OpenAIGPTTokenizer).fix_text is None
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "spaCy has no English" in caplog.text
