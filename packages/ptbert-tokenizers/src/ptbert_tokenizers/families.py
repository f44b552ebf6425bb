"""Which tokenizer class reads a model."""

import os
from pathlib import Path
from typing import Any

from ptbert_hub import Checkpoint, DownloadOptions
from ptbert_hub.options import divided
from ptbert_tokenizers.bert import BertTokenizer
from ptbert_tokenizers.errors import MissingVocabulary
from ptbert_tokenizers.files.tokenizer_config import read_tokenizer_config
from ptbert_tokenizers.files.tokenizer_json import (
    TOKENIZER_JSON_NAME,
    is_tokenizer_json,
    read_tokenizer_json,
)
from ptbert_tokenizers.files.vocabulary import PathLike, read_json_vocabulary, read_text
from ptbert_tokenizers.gpt2 import GPT2Tokenizer
from ptbert_tokenizers.loading import checkpoint_or_path
from ptbert_tokenizers.openai import OpenAIGPTTokenizer
from ptbert_tokenizers.pretrained import PreTrainedTokenizer
from ptbert_tokenizers.transfo_xl import TransfoXLTokenizer

CLASSES: dict[str, type[PreTrainedTokenizer]] = {
    cls.family: cls
    for cls in (BertTokenizer, OpenAIGPTTokenizer, GPT2Tokenizer, TransfoXLTokenizer)
}
"""Tokenizer class by family."""


def load_tokenizer(
    name_or_path: PathLike,
    family: str | None = None,
    *,
    cache_dir: PathLike | None = None,
    **options: Any,
) -> PreTrainedTokenizer:
    """Load a tokenizer of the class that the name, or the files of a folder, call for.

    Args:
        name_or_path: as for ``from_pretrained``.
        family: ``bert``, ``gpt``, ``gpt2`` or ``transfo_xl``, if the files do not show it.
        cache_dir: where downloads are kept; the hub's own cache folder when None.
        **options: for ``from_pretrained``, such as ``revision``.

    Raises:
        MissingVocabulary: if there is nothing of that name, or the family cannot be told.

    Example:
        >>> from ptbert_tokenizers.files.vocabulary import write_lines
        >>> write_lines("vocab.txt", ["[UNK]", "[CLS]", "[SEP]", "hello"])
        >>> type(load_tokenizer(".")).__name__
        'BertTokenizer'
    """
    download, options = divided(options, DownloadOptions, load_tokenizer)
    place = checkpoint_or_path(name_or_path, cache_dir, family, download)
    found = family or family_of_place(place)
    if found not in CLASSES:
        raise MissingVocabulary(
            f"cannot tell which tokenizer reads {os.fspath(name_or_path)!r}: no vocab.json, "
            "vocab.txt, vocab.bin or tokenizer.json there shows its family; say which, one of "
            f"{', '.join(CLASSES)}"
        )
    if isinstance(place, Path) and place.is_dir():  # of one commit, also if somebody pushes now
        return CLASSES[found].from_pretrained(place, cache_dir, **options)
    options |= download.arguments()
    return CLASSES[found].from_pretrained(name_or_path, cache_dir, **options)


def family_of(name_or_path: PathLike, cache_dir: PathLike | None = None) -> str | None:
    """Return the family of a published name or of a vocabulary, or None if it is unclear.

    Args:
        name_or_path: as for ``from_pretrained``; addresses are downloaded.
        cache_dir: where downloads are kept; the hub's own cache folder when None.

    Raises:
        MissingVocabulary: if there is nothing of that name.
    """
    return family_of_place(checkpoint_or_path(name_or_path, cache_dir))


def family_of_place(place: Checkpoint | Path) -> str | None:
    """Return the family of a published checkpoint, a folder or a file; None if it is unclear."""
    if isinstance(place, Checkpoint):
        return place.family
    if not place.is_dir():
        return _family_of_file(place) if place.is_file() else None
    recorded = read_tokenizer_config(place).get("tokenizer_class")
    for family, cls in CLASSES.items():
        if recorded in cls.rules.classes:
            return family
    files = (place / name for name in ("vocab.json", "vocab.txt", TOKENIZER_JSON_NAME))
    file = next((file for file in files if file.is_file()), None)
    if file is not None:
        return _family_of_file(file)
    return "transfo_xl" if (place / "vocab.bin").is_file() else None


def _family_of_file(file: Path) -> str | None:
    if is_tokenizer_json(file):
        return read_tokenizer_json(file).family
    if file.suffix == ".json":
        tokens = read_json_vocabulary(file)
        return "gpt" if any(token.endswith("</w>") for token in tokens) else "gpt2"
    if file.suffix == ".txt":
        lines = set(read_text(file).split("\n"))
        return "bert" if "[UNK]" in lines else "transfo_xl" if lines & _SYMBOLS else None
    return None


_SYMBOLS = {"<eos>", "<unk>", "<UNK>", "<S>"}  # of Transformer-XL
