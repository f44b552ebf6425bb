"""Files of Transformer-XL's symbols, as this package writes them"""

import json
import os
from collections.abc import Sequence
from typing import Any

from ptbert_hub.errors import BadContent
from ptbert_hub.readers.json_text import parse_json
from ptbert_tokenizers.errors import BadVocabulary
from ptbert_tokenizers.files.vocabulary import (
    PathLike,
    lines_of,
    read_text,
    saving_folder,
    write_lines,
)

SYMBOLS_NAME = "vocab.txt"

_WORDS, _JSON = "words", "json"


def form_of_lines(symbols: Sequence[str]) -> str:
    """Return how the lines of a file have these symbols: as they are, or as JSON strings.

    Example:
        >>> form_of_lines(["the", "cat"]), form_of_lines(["the cat"])
        ('words', 'json')
    """
    return _WORDS if all(symbol.split() == [symbol] for symbol in symbols) else _JSON


def write_symbols(vocab_path: PathLike, symbols: Sequence[str]) -> tuple[str, str | None]:
    """Write symbols, one a line; return the file's path, and its folder if a folder was named.

    Raises:
        ValueError: if a symbol is empty or holds a space, and ``vocab_path`` is a file, which other
            programs read.
    """
    folder = saving_folder(vocab_path)
    path = os.fspath(vocab_path) if folder is None else os.path.join(folder, SYMBOLS_NAME)
    lines = list(symbols)
    if form_of_lines(symbols) == _JSON:
        if folder is None:
            odd = next(symbol for symbol in symbols if symbol.split() != [symbol])
            raise ValueError(
                f"symbol {odd!r} is empty or holds a space and cannot be saved one a line; "
                "save into a folder, or build the vocabulary without it"
            )
        lines = list(map(json.dumps, symbols))
    write_lines(path, lines)
    return path, folder


def read_symbols(path: str, form: str) -> list[str]:
    """Read what ``write_symbols`` wrote.

    Args:
        path: the file.
        form: as ``form_of_lines`` returns it.

    Raises:
        BadVocabulary: if a line is no symbol, or a symbol is there twice.

    Example:
        >>> _ = write_symbols("run1/", ["the", "two words"])
        >>> read_symbols("run1/vocab.txt", "json")
        ['the', 'two words']
    """
    symbols: list[Any] = lines_of(read_text(path), path)
    if form == _JSON:
        try:
            symbols = list(map(parse_json, symbols))
        except BadContent as error:
            raise BadVocabulary(
                f"{path!r} has a line that is not a JSON string ({error}); save the tokenizer again"
            ) from error
    lines: dict[str, int] = {}
    for line, symbol in enumerate(symbols, 1):
        first = lines.setdefault(symbol, line) if isinstance(symbol, str) else 0
        if first != line:
            what = f"repeats line {first}" if first else "is not a JSON string"
            raise BadVocabulary(f"{path!r} line {line} {what}; save the tokenizer again")
    return symbols
