"""The two ways of saving and reloading that the reference documentation recommends, as written."""

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from ptbert_tokenizers import BertTokenizer, GPT2Tokenizer, OpenAIGPTTokenizer

args = SimpleNamespace(do_lower_case=True)
TEXT = "Who was Jim Henson ? Jim Henson was a puppeteer"


def test_saving_into_a_folder(published: Callable[[str], Path]) -> None:
    for source, cls in (("openai-gpt", OpenAIGPTTokenizer), ("gpt2", GPT2Tokenizer)):
        output_dir = f"./{source}/"
        os.makedirs(output_dir)
        tokenizer = cls.from_pretrained(published(source), special_tokens=["_start_"])
        expected = tokenizer.encode(TEXT)

        tokenizer.save_vocabulary(output_dir)
        tokenizer = cls.from_pretrained(output_dir)

        assert tokenizer.encode(TEXT) == expected
        assert list(tokenizer.special_tokens) == ["_start_"]


def test_saving_bert_into_a_folder(published: Callable[[str], Path]) -> None:
    output_dir = "./models/"
    os.makedirs(output_dir)
    bert = BertTokenizer.from_pretrained(published("bert-base-uncased"))
    expected = bert.encode(TEXT)

    bert.save_vocabulary(output_dir)
    bert = BertTokenizer.from_pretrained(output_dir, do_lower_case=args.do_lower_case)

    assert bert.encode(TEXT) == expected


@pytest.mark.parametrize("cls", [OpenAIGPTTokenizer, BertTokenizer, GPT2Tokenizer])
def test_saving_to_a_file_of_ones_own_name(
    published: Callable[[str], Path],
    cls: type[OpenAIGPTTokenizer] | type[BertTokenizer] | type[GPT2Tokenizer],
) -> None:
    os.makedirs("./models/")
    output_vocab_file = "./models/my_own_vocab_file.bin"
    names = {BertTokenizer: "bert-base-uncased", GPT2Tokenizer: "gpt2"}
    tokenizer = cls.from_pretrained(published(names.get(cls, "openai-gpt")))
    expected = tokenizer.encode(TEXT)

    tokenizer.save_vocabulary(output_vocab_file)
    if cls is BertTokenizer:
        tokenizer = BertTokenizer(output_vocab_file, do_lower_case=args.do_lower_case)
    else:
        tokenizer = cls(output_vocab_file)

    assert tokenizer.encode(TEXT) == expected
