"""Saving and loading: the tokenizer that is read back is equal in every setting and every id."""

import inspect
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from ptbert_tokenizers import (
    AddedToken,
    BertTokenizer,
    GPT2Tokenizer,
    OpenAIGPTTokenizer,
    TransfoXLTokenizer,
)
from ptbert_tokenizers.families import CLASSES, load_tokenizer
from ptbert_tokenizers.files.vocabulary import write_json_vocabulary, write_lines, write_merges
from ptbert_tokenizers.plain.bpe import bytes_to_unicode

FILE_ARGUMENTS = {"vocab_file", "merges_file"}


pytestmark = pytest.mark.usefixtures("no_spacy")


@pytest.mark.parametrize("cls", CLASSES.values())
def test_every_argument_of_a_constructor_is_a_setting_that_is_kept(cls: Any) -> None:
    arguments = [*inspect.signature(cls).parameters][cls.file_arguments :]

    assert sorted(arguments) == sorted(option.name for option in cls.rules.options)


names = st.text("abzÄß京Σ[]<>-_.|ĠéE1 ", min_size=1, max_size=6).filter(lambda text: text.strip())
words = names.map(str.strip)
flags = st.booleans()
lengths = st.none() | st.integers(1, 10**6)
added_tokens = st.lists(
    st.builds(
        AddedToken,
        names,
        special=flags,
        normalized=st.none() | flags,
        lstrip=flags,
        rstrip=flags,
        single_word=flags,
    ),
    max_size=4,
)
roles = st.sampled_from(["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]", "a"])
texts = st.lists(
    st.sampled_from("abzÄßäé京文Σς[]<>-_.|1Ġ \t") | words | st.sampled_from(["[MASK]", "u.s.a."]),
    max_size=12,
).map("".join)

BERT = st.fixed_dictionaries(
    {},
    optional={
        "do_lower_case": flags,
        "max_len": lengths,
        "do_basic_tokenize": flags,
        "never_split": st.lists(words, max_size=3),
        "strip_accents": st.none() | flags,
        "tokenize_chinese_chars": flags,
        "unk_token": roles,
        "sep_token": roles,
        "pad_token": roles,
        "cls_token": roles,
        "mask_token": roles,
        "max_input_chars_per_word": st.integers(1, 200),
    },
)
GPT_OPTIONS: dict[str, Any] = {
    "special_tokens": st.none() | st.lists(words, max_size=3),
    "max_len": lengths,
    "unk_token": st.sampled_from(["<unk>", "a", "<|endoftext|>"]),
    "pad_token": st.none() | words,
    "bos_token": st.none() | words,
    "eos_token": st.none() | words,
}
GPT = st.fixed_dictionaries({}, optional=GPT_OPTIONS)
GPT2 = st.fixed_dictionaries(
    {}, optional={**GPT_OPTIONS, "errors": st.sampled_from(["replace", "strict", "ignore"])}
)
TRANSFO_XL = st.fixed_dictionaries(
    {},
    optional={
        "special": st.lists(names, max_size=3),
        "min_freq": st.integers(0, 2),
        "max_size": st.none() | st.integers(0, 5),
        "lower_case": flags,
        "delimiter": st.none() | st.sampled_from(["", " ", ",", "--"]),
        "vocab_file": st.none() | st.just("symbols.txt"),
        "never_split": st.lists(words, max_size=2),
        "pad_token": st.none() | words,
    },
)


def bert(options: dict[str, Any]) -> BertTokenizer:
    symbols = [
        *"abzäßé京文σςÄΣ.-[]<>_|1",
        "u",
        "ab",
        "##a",
        "##b",
        "##ä",
        "##文",
        "##.",
        "##1",
        "u.s.a.",
    ]
    write_lines("v.txt", ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *symbols])
    return BertTokenizer("v.txt", **options)


def gpt(options: dict[str, Any]) -> OpenAIGPTTokenizer:
    symbols = [
        *"abzäß京σ.-[]<>_|1",
        *(f"{each}</w>" for each in "abzäß京ς.-[]<>_|1"),
        "ab",
        "ab</w>",
    ]
    ids = {each: 2 * number for number, each in enumerate(["<unk>", *symbols])}  # with gaps
    write_json_vocabulary("v.json", ids)
    write_merges("m.txt", [("a", "b"), ("a", "b</w>")])
    return OpenAIGPTTokenizer("v.json", "m.txt", **options)


def gpt2(options: dict[str, Any]) -> GPT2Tokenizer:
    symbols = [*bytes_to_unicode().values(), "ab", "Ġab", "<unk>", "<|endoftext|>"]
    write_json_vocabulary("v.json", {each: number for number, each in enumerate(symbols)})
    write_merges("m.txt", [("a", "b"), ("Ġ", "ab")])
    return GPT2Tokenizer("v.json", "m.txt", **options)


def transfo_xl(options: dict[str, Any]) -> TransfoXLTokenizer:
    Path("symbols.txt").write_text("<unk>\na\nb\n")
    tokenizer = TransfoXLTokenizer(**options)
    tokenizer.count_sents([tokenizer.tokenize(line) for line in ("a b a,b", "Ä--b , <unk>", "京")])
    tokenizer.build_vocab()
    return tokenizer


FAMILIES: dict[str, tuple[Callable[[dict[str, Any]], Any], Any]] = {
    "bert": (bert, BERT),
    "gpt": (gpt, GPT),
    "gpt2": (gpt2, GPT2),
    "transfo_xl": (transfo_xl, TRANSFO_XL),
}


def outcome(call: Callable[..., Any], *arguments: Any) -> Any:
    """What a call returns, or its error: an unknown word without ``<unk>``, too small a size."""
    try:
        return call(*arguments)
    except (KeyError, ValueError) as error:
        return str(error)


def answers(tokenizer: Any, several: list[str]) -> list[Any]:
    """What a tokenizer makes of texts and ids."""
    methods = ("tokenize", "encode", "tokenize_with_special_tokens", "tokenize_with_offsets")
    found = [outcome(getattr(tokenizer, name), text) for name in methods for text in several]
    found += [outcome(tokenizer.decode, [index]) for index in sorted(tokenizer.vocabulary.values())]
    batch = outcome(tokenizer.encode_batch, several)
    return [*found, batch if isinstance(batch, str) else batch.input_ids.tolist()]


def check(
    family: str, options: dict[str, Any], added: list[AddedToken], several: list[str]
) -> None:
    tokenizer = FAMILIES[family][0](options)
    tokenizer.add_tokens(added)
    given = {**options, "special_tokens": tokenizer.settings().get("special_tokens")}
    given["max_len"] = 10**12 if options.get("max_len") is None else options["max_len"]
    shutil.rmtree("saved", ignore_errors=True)
    tokenizer.save_vocabulary("saved/")

    for twin in (load_tokenizer("saved"), pickle.loads(pickle.dumps(tokenizer))):
        assert type(twin) is type(tokenizer)
        assert twin.settings() == tokenizer.settings()
        assert all(twin.settings().get(name) == value for name, value in given.items())
        assert dict(twin.vocabulary) == dict(tokenizer.vocabulary)
        assert twin.added_tokens == tokenizer.added_tokens
        assert answers(twin, several) == answers(tokenizer, several)


def checked(family: str, examples: int) -> None:
    @seed(20190423)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(options=FAMILIES[family][1], added=added_tokens, several=st.lists(texts, max_size=3))
    def every_setting(options: dict[str, Any], added: list[AddedToken], several: list[str]) -> None:
        check(family, options, added, [*several, "a [MASK] u.s.a. ÄÉ ab京文."])

    every_setting()


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_saved_comes_back(family: str) -> None:
    checked(family, 15)


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_five_hundred_settings_come_back(family: str) -> None:
    checked(family, 500)
