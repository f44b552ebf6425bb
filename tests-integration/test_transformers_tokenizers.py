"""Folders of tokenizers go from this library to transformers, and both give the same ids."""

import random
import sys

import pytest
import transformers

from ptbert_tokenizers import AddedToken, BertTokenizer, GPT2Tokenizer, OpenAIGPTTokenizer
from ptbert_tokenizers.files.vocabulary import write_json_vocabulary, write_lines, write_merges
from ptbert_tokenizers.plain.bpe import bytes_to_unicode

PARTS = ["hello ", "Hello", "covid19", "COVID19", "[E1]", " ", "Ä", "é", "中文", "<X>", "New York"]
PARTS += ["ll", ".", "x", "don't ", "\t", "<|endoftext|>"]
LETTERS = "helowrdcvi19<>x.a"


@pytest.fixture(autouse=True)
def _no_spacy(monkeypatch):
    monkeypatch.setitem(sys.modules, "spacy", None)


def bert(draw, folder):
    words = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        "hello",
        "h",
        "##e",
        "##ll",
        "Ä",
        "ä",
        "a",
    ]
    write_lines(folder / "v.txt", [*words, "é", "e", "中", "文", "##文", ".", "x", "don", "'", "t"])
    return BertTokenizer(
        folder / "v.txt",
        do_lower_case=draw.random() < 0.5,
        strip_accents=draw.choice([None, True, False]),
        tokenize_chinese_chars=draw.random() < 0.5,
        max_len=draw.choice([None, 77]),
    )


def gpt2(draw, folder):
    symbols = [*bytes_to_unicode().values(), "he", "ll", "Ġhe", "<|endoftext|>"]
    write_json_vocabulary(folder / "v.json", {each: i for i, each in enumerate(symbols)})
    write_merges(folder / "m.txt", [("h", "e"), ("l", "l"), ("Ġ", "he")])
    return GPT2Tokenizer(folder / "v.json", folder / "m.txt", max_len=draw.choice([None, 77]))


def gpt(draw, folder):
    symbols = ["<unk>", *LETTERS, *(f"{each}</w>" for each in LETTERS), "he", "ll", "hell"]
    write_json_vocabulary(folder / "v.json", {each: i for i, each in enumerate(symbols)})
    write_merges(folder / "m.txt", [("h", "e"), ("l", "l"), ("he", "ll")])
    return OpenAIGPTTokenizer(folder / "v.json", folder / "m.txt")


@pytest.mark.parametrize("auto", [False, True], ids=["class", "AutoTokenizer"])
@pytest.mark.parametrize(
    ("make", "theirs"),
    [(bert, "BertTokenizer"), (gpt2, "GPT2Tokenizer"), (gpt, "OpenAIGPTTokenizer")],
)
def test_our_folder_gives_the_same_ids_there(make, theirs, auto, tmp_path):
    draw = random.Random(1)
    for number in range(10):
        folder = tmp_path / str(number)
        folder.mkdir()
        tokenizer = make(draw, folder)
        if draw.random() < 0.7:
            tokenizer.add_tokens(["covid19"])
        if draw.random() < 0.5:
            tokenizer.add_special_tokens({"pad_token": "<P>", "additional_special_tokens": ["<X>"]})
        if draw.random() < 0.5:
            flags = {name: draw.random() < 0.5 for name in ("lstrip", "rstrip", "single_word")}
            tokenizer.add_tokens([AddedToken("[E1]", normalized=False, **flags), "New York"])

        tokenizer.save_vocabulary(folder / "saved")

        cls = transformers.AutoTokenizer if auto else getattr(transformers, theirs)
        loaded = cls.from_pretrained(folder / "saved")
        assert len(loaded) == len(tokenizer)
        if tokenizer.max_len < 10**12:
            assert loaded.model_max_length == tokenizer.max_len
        for _ in range(20):
            text = "".join(draw.choices(PARTS, k=draw.randint(0, 8)))
            assert loaded(text)["input_ids"] == tokenizer.encode(text), text
