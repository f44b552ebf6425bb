"""A small tokenizer of each family."""

from typing import Any

from ptbert_tokenizers import (
    BertTokenizer,
    GPT2Tokenizer,
    OpenAIGPTTokenizer,
    TransfoXLTokenizer,
)
from ptbert_tokenizers.files.vocabulary import write_json_vocabulary, write_lines, write_merges


def bert(**options: Any) -> BertTokenizer:
    write_lines("v.txt", ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "c", "##a"])
    return BertTokenizer("v.txt", **options)


def gpt2(**options: Any) -> GPT2Tokenizer:
    symbols = [*"thecalovid19[E]", "Ġ", "the", "<|endoftext|>"]
    write_json_vocabulary("v.json", {symbol: number for number, symbol in enumerate(symbols)})
    write_merges("m.txt", [("t", "h"), ("th", "e")])
    return GPT2Tokenizer("v.json", "m.txt", **options)


def gpt(**options: Any) -> OpenAIGPTTokenizer:
    symbols = ["<unk>", *"thecal", *(f"{each}</w>" for each in "thecal"), "the</w>"]
    write_json_vocabulary("v.json", {symbol: number for number, symbol in enumerate(symbols)})
    write_merges("m.txt", [("t", "h"), ("th", "e</w>")])
    return OpenAIGPTTokenizer("v.json", "m.txt", **options)


def transfo_xl(**options: Any) -> TransfoXLTokenizer:
    tokenizer = TransfoXLTokenizer(special=["<eos>", "<unk>"], **options)
    tokenizer.count_sents([["the", "the", "cat"]])
    tokenizer.build_vocab()
    return tokenizer
