"""Ids and tokens equal what 2019 made of 356 recorded texts."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ptbert_tokenizers import BasicTokenizer, BertTokenizer, GPT2Tokenizer, OpenAIGPTTokenizer

BERT_ROWS: dict[str, dict[str, Any]] = {
    "bert-base-uncased": {},
    "bert-base-cased do_lower_case=False": {"do_lower_case": False},
    "bert-base-chinese": {},
    "bert-base-multilingual-cased do_lower_case=False": {"do_lower_case": False},
    "bert-base-uncased do_basic_tokenize=False": {"do_basic_tokenize": False},
    "bert-base-uncased never_split": {
        "never_split": ["[CLS]", "[UNK]", "Who", "don't", "1,234.56"]
    },
}


@pytest.mark.parametrize("row", BERT_ROWS)
def test_bert_ids_are_those_of_2019(
    row: str,
    published: Callable[[str], Path],
    texts: list[str],
    recorded: dict[str, list[Any]],
) -> None:
    tokenizer = BertTokenizer.from_pretrained(published(row.partition(" ")[0]), **BERT_ROWS[row])

    for text, ids in zip(texts, recorded[row], strict=True):
        assert tokenizer.convert_tokens_to_ids(tokenizer.tokenize(text)) == ids, text
        assert tokenizer.encode(text, add_special_tokens=False) == ids, text


def test_basic_tokens_are_those_of_2019(texts: list[str], recorded: dict[str, list[Any]]) -> None:
    tokenizer = BasicTokenizer()

    for text, words in zip(texts, recorded["basic tokens"], strict=True):
        assert tokenizer.tokenize(text) == words, text


def test_gpt2_ids_and_decoded_texts_are_those_of_2019(
    published: Callable[[str], Path], texts: list[str], recorded: dict[str, list[Any]]
) -> None:
    tokenizer = GPT2Tokenizer.from_pretrained(published("gpt2"))

    for text, ids, clean, raw in zip(
        texts, recorded["gpt2"], recorded["gpt2 decode"], recorded["gpt2 decode raw"], strict=True
    ):
        assert tokenizer.convert_tokens_to_ids(tokenizer.tokenize(text)) == ids, text
        assert tokenizer.encode(text) == ids, text
        assert tokenizer.decode(ids) == clean
        assert tokenizer.decode(ids, clean_up_tokenization_spaces=False) == raw


def test_gpt_ids_and_decoded_texts_are_those_of_2019(
    published: Callable[[str], Path],
    texts: list[str],
    recorded: dict[str, list[Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "spacy", None)  # recorded without it
    special = ["_start_", "_classify_"]
    tokenizer = OpenAIGPTTokenizer.from_pretrained(published("openai-gpt"), special_tokens=special)
    rows = recorded["openai-gpt special=_start_,_classify_"]

    for text, ids, decoded in zip(texts, rows, recorded["openai-gpt decode"], strict=True):
        assert tokenizer.convert_tokens_to_ids(tokenizer.tokenize(text)) == ids, text
        assert tokenizer.encode(text) == ids, text
        assert tokenizer.decode(ids) == decoded
