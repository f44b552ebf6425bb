"""Which tokenizer class reads a model."""

import json
import os
from pathlib import Path
from typing import Any

from ptbert_hub import CATALOG
from ptbert_tokenizers.bert import BertTokenizer
from ptbert_tokenizers.errors import MissingVocabulary
from ptbert_tokenizers.files.vocabulary import PathLike, read_json_vocabulary, read_text
from ptbert_tokenizers.gpt2 import GPT2Tokenizer
from ptbert_tokenizers.openai import OpenAIGPTTokenizer
from ptbert_tokenizers.pretrained import PretrainedTokenizer
from ptbert_tokenizers.transfo_xl import TransfoXLTokenizer

CLASSES: dict[str, type[PretrainedTokenizer]] = {
    cls.family: cls
    for cls in (BertTokenizer, OpenAIGPTTokenizer, GPT2Tokenizer, TransfoXLTokenizer)
}
"""Tokenizer class by family."""


def load_tokenizer(
    name_or_path: PathLike, family: str | None = None, **options: Any
) -> PretrainedTokenizer:
    """Load a tokenizer whose family the name, or the files of a folder, tell.

    Args:
        name_or_path: as for ``from_pretrained``.
        family: ``bert``, ``gpt``, ``gpt2`` or ``transfo_xl``, where nothing tells it.
        **options: for ``from_pretrained``.

    Raises:
        MissingVocabulary: if the family cannot be told.

    Example:
        >>> from ptbert_tokenizers.files.vocabulary import write_lines
        >>> write_lines("vocab.txt", ["[UNK]", "[CLS]", "[SEP]", "hello"])
        >>> type(load_tokenizer(".")).__name__
        'BertTokenizer'
    """
    name = os.fspath(name_or_path)
    found = family or family_of(name)
    if found not in CLASSES:
        raise MissingVocabulary(
            f"cannot tell which tokenizer reads {name!r}; name one of {', '.join(CLASSES)}"
        )
    return CLASSES[found].from_pretrained(name, **options)


def family_of(name: str) -> str | None:
    """Return the family of a published name, a folder or a vocabulary file, if it shows."""
    if name in CATALOG:
        return CATALOG[name].family
    path = Path(name)
    for file in [path] if path.is_file() else [path / "vocab.json", path / "vocab.txt"]:
        if file.suffix == ".json" and file.is_file():
            tokens = read_json_vocabulary(file)
            return "gpt" if any(token.endswith("</w>") for token in tokens) else "gpt2"
        if file.suffix == ".txt" and file.is_file():
            lines = set(read_text(file).split("\n"))
            return "bert" if "[UNK]" in lines else "transfo_xl" if lines & _MARKS else None
    return "transfo_xl" if (path / "vocab.bin").is_file() else None


_MARKS = {"<eos>", "<unk>", "<UNK>", "<S>"}


def settings_of(tokenizer: PretrainedTokenizer) -> dict[str, Any]:
    """Return what a user may want to know about a tokenizer, ready for :mod:`json`."""
    facts: dict[str, Any] = {"class": type(tokenizer).__name__, "max_len": tokenizer.max_len}
    if isinstance(tokenizer, BertTokenizer):
        facts |= {"tokens": len(tokenizer.vocab), "do_lower_case": _casing(tokenizer)}
    elif isinstance(tokenizer, (GPT2Tokenizer, OpenAIGPTTokenizer)):
        facts |= {"tokens": len(tokenizer), "merges": len(tokenizer.bpe_ranks)}
        facts["special_tokens"] = dict(tokenizer.special_tokens)
    elif isinstance(tokenizer, TransfoXLTokenizer):
        facts |= {"tokens": len(tokenizer), "lower_case": tokenizer.lower_case}
    return dict(json.loads(json.dumps(facts)))


def _casing(tokenizer: BertTokenizer) -> bool:
    return bool(tokenizer.do_basic_tokenize and tokenizer.basic_tokenizer.do_lower_case)
