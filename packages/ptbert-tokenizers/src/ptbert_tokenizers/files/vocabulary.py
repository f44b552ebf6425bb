"""Vocabularies in memory and on disk: ``vocab.txt``, ``vocab.json``, merges, special tokens.

All files are UTF-8. Errors in a file are reported with its name and the line. Files are written
by ``ptbert_hub.atomic_write``, so that no file is ever half-written.
"""

import json
import os
from collections.abc import Iterable, Sequence
from typing import Any

from ptbert_hub import atomic_write
from ptbert_tokenizers.edits import Vocabulary
from ptbert_tokenizers.errors import BadVocabulary, MissingVocabulary, UnknownToken

PathLike = str | os.PathLike[str]

SPECIAL_TOKENS_NAME = "special_tokens.txt"

MERGES_HEADER = "#version: 0.2"

# The first bytes of weights files, which users sometimes give instead of a vocabulary.
_FOREIGN_STARTS = {
    b"PK\x03\x04": "a zip archive, as torch.save writes weights",
    b"\x80\x02": "a Python pickle, as torch.save wrote weights in 2019",
    b"\x1f\x8b": "a gzip archive",
}


def read_text(path: PathLike) -> str:
    """Return the text of a UTF-8 file, with every line end as ``\\n``.

    Raises:
        MissingVocabulary: if there is no such file.
        BadVocabulary: if it is not UTF-8, with the line where reading failed.
    """
    try:
        with open(path, "rb") as file:
            data = file.read()
    except (FileNotFoundError, IsADirectoryError) as error:
        raise MissingVocabulary(
            f"no vocabulary file at {os.fspath(path)!r}; give the path of an existing file, "
            "or load a folder or a published name with from_pretrained"
        ) from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadVocabulary(_why_not_text(path, data, error)) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _why_not_text(path: PathLike, data: bytes, error: UnicodeDecodeError) -> str:
    for start, what in _FOREIGN_STARTS.items():
        if data.startswith(start):
            return (
                f"{os.fspath(path)!r} is {what}, not a vocabulary; "
                "give the vocabulary file that belongs to it"
            )
    line = data.count(b"\n", 0, error.start) + 1
    return (
        f"{os.fspath(path)!r} is not UTF-8: line {line} has the byte {data[error.start]:#04x}; "
        "save the vocabulary as UTF-8"
    )


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def load_vocab(vocab_file: PathLike) -> Vocabulary:
    """Read a vocabulary with one token a line; the first line has id 0.

    Spaces around a token are dropped. A blank line has an id too, because some published
    files have blank lines.

    Raises:
        MissingVocabulary: if there is no such file.
        BadVocabulary: if it is empty, not UTF-8, or has a token twice.

    Example:
        >>> write_lines("vocab.txt", ["[PAD]", "the", "##s"])
        >>> dict(load_vocab("vocab.txt"))
        {'[PAD]': 0, 'the': 1, '##s': 2}
    """
    text = read_text(vocab_file)
    if "\0" in text:
        raise BadVocabulary(
            f"{os.fspath(vocab_file)!r} holds NUL characters, so it is not a vocabulary; "
            "give the text file with one token a line"
        )
    tokens = [line.strip() for line in _lines(text)]
    if not any(tokens):
        raise BadVocabulary(f"{os.fspath(vocab_file)!r} holds no token; was it cut short?")
    vocabulary = Vocabulary(zip(tokens, range(len(tokens)), strict=True))
    if len(vocabulary) < len(tokens):
        _refuse_duplicates(vocab_file, tokens)
    return vocabulary


def _refuse_duplicates(path: PathLike, tokens: Iterable[str]) -> None:
    lines: dict[str, int] = {}
    for line, token in enumerate(tokens, 1):
        if token and token in lines:
            raise BadVocabulary(
                f"{os.fspath(path)!r} has {token!r} twice, on lines {lines[token]} and {line}; "
                "keep one of them, or ids and embeddings no longer agree"
            )
        lines[token] = line


def read_json_vocabulary(path: PathLike) -> Vocabulary:
    """Read a vocabulary written as one JSON object, token to id.

    Raises:
        MissingVocabulary: if there is no such file.
        BadVocabulary: if it is not such an object, or has a token or an id twice.

    Example:
        >>> write_json_vocabulary("vocab.json", {"a": 0, "b</w>": 1})
        >>> dict(read_json_vocabulary("vocab.json"))
        {'a': 0, 'b</w>': 1}
    """
    name = os.fspath(path)
    try:
        pairs = json.loads(read_text(path), object_pairs_hook=list)
    except json.JSONDecodeError as error:
        raise BadVocabulary(
            f"{name!r} is not JSON ({error}); give a vocab.json that maps tokens to ids"
        ) from error
    if not isinstance(pairs, list) or not all(isinstance(pair, tuple) for pair in pairs):
        raise BadVocabulary(f"{name!r} is not one JSON object that maps tokens to ids")
    for token, number in pairs:
        if type(number) is not int or number < 0:
            raise BadVocabulary(f"{name!r} gives {token!r} the id {number!r}; ids count from 0")
    vocabulary = Vocabulary(pairs)
    if len(vocabulary) < len(pairs):
        _refuse_duplicates(path, (token for token, _ in pairs))
    if len(set(vocabulary.values())) < len(vocabulary):
        owner: dict[int, str] = {}
        for token, number in pairs:
            if number in owner:
                raise BadVocabulary(
                    f"{name!r} gives the id {number} to both {owner[number]!r} and {token!r}; "
                    "each token needs its own"
                )
            owner[number] = token
    return vocabulary


def read_merges(path: PathLike) -> list[tuple[str, str]]:
    """Read byte-pair merges, one pair a line below a header line, best first.

    Raises:
        MissingVocabulary: if there is no such file.
        BadVocabulary: if it is not UTF-8, or a line is not two symbols.

    Example:
        >>> write_merges("merges.txt", [("l", "o"), ("lo", "w")])
        >>> read_merges("merges.txt")
        [('l', 'o'), ('lo', 'w')]
    """
    merges: list[tuple[str, str]] = []
    for number, line in enumerate(_lines(read_text(path))[1:], 2):
        pair = line.split()
        if len(pair) == 2:
            merges.append((pair[0], pair[1]))
        elif pair:
            raise BadVocabulary(
                f"{os.fspath(path)!r} line {number} is {line!r}; a merge is two symbols "
                "with a space between"
            )
    return merges


def read_special_tokens(path: PathLike) -> list[str]:
    """Read special tokens, one a line.

    Example:
        >>> write_lines("special_tokens.txt", ["_start_", "_end_"])
        >>> read_special_tokens("special_tokens.txt")
        ['_start_', '_end_']
    """
    return _lines(read_text(path))


def write_lines(path: PathLike, lines: Sequence[str]) -> None:
    """Write one token a line.

    Raises:
        ValueError: if a token holds a line end, which could not be read back.
    """
    for line in lines:
        if "\n" in line or "\r" in line:
            raise ValueError(
                f"token {line!r} holds a line end and cannot be saved one token a line; remove it"
            )
    text = "".join(f"{line}\n" for line in lines)
    with _file(path) as file:
        file.write(text.encode())


def write_json_vocabulary(path: PathLike, vocabulary: dict[str, int]) -> None:
    """Write a vocabulary as one JSON object, token to id."""
    text = json.dumps(vocabulary, ensure_ascii=False)
    with _file(path) as file:
        file.write(text.encode())


def write_merges(path: PathLike, merges: Iterable[tuple[str, str]]) -> None:
    """Write byte-pair merges, best first, below a header line."""
    write_lines(path, [MERGES_HEADER, *(" ".join(pair) for pair in merges)])


def _file(path: PathLike) -> Any:
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        raise FileNotFoundError(
            f"cannot save to {os.fspath(path)!r}: there is no folder {folder!r}; create it first"
        )
    return atomic_write(path)


def by_id(vocabulary: dict[str, int]) -> list[str]:
    """Return the tokens in the order of their ids.

    Example:
        >>> by_id({"b": 1, "a": 0})
        ['a', 'b']
    """
    return sorted(vocabulary, key=vocabulary.__getitem__)


def unknown_token(token: str, position: int | None, size: int, remedy: str) -> UnknownToken:
    """Return the error for a token without an id."""
    where = "" if position is None else f" at position {position}"
    return UnknownToken(f"token {token!r}{where} is not in the vocabulary of {size}; {remedy}")
