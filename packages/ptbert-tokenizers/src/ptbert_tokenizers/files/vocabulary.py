"""Vocabularies in memory and on disk: ``vocab.txt``, ``vocab.json``, merges, special tokens.

All files are UTF-8. Errors in a file are reported with its name and the line. Files are written
by ``ptbert_hub.atomic_write``, so that no file is ever half-written.
"""

import json
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ptbert_hub import atomic_write
from ptbert_hub.digests import other_content
from ptbert_hub.errors import BadContent
from ptbert_hub.messages import shown
from ptbert_hub.readers.json_text import MAX_BYTES, parse_json
from ptbert_tokenizers.edits import Vocabulary
from ptbert_tokenizers.errors import BadVocabulary, MissingVocabulary, UnknownToken

logger = logging.getLogger(__name__)

PathLike = str | os.PathLike[str]

SPECIAL_TOKENS_NAME = "special_tokens.txt"

MERGES_HEADER = "#version: 0.2"
_HEADER_START = "#version"

MOST_LINES = 2**20  # each costs some 500 bytes of memory
_SHOWN = 5  # numbers of lines in a message
_FEW = 5  # special tokens alone are as many

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
        BadVocabulary: if it is not UTF-8, with the line where reading failed, is too large, or is a
            page or a pointer in the place of the file.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise MissingVocabulary(
            f"no vocabulary file at {os.fspath(path)!r}; give the path of an existing file, "
            "or load a folder or a published name with from_pretrained"
        ) from error
    if what := other_content(data[: 1 << 16]):
        raise BadVocabulary(
            f"{os.fspath(path)!r} is {what}, not a vocabulary; "
            "download the file itself and give that"
        )
    if len(data) > MAX_BYTES:
        raise _too_large(path, f"{MAX_BYTES} bytes")
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


def _too_large(path: PathLike, most: str) -> BadVocabulary:
    return BadVocabulary(
        f"{os.fspath(path)!r} has more than {most}, which no vocabulary has; give the file of the "
        "model"
    )


def lines_of(text: str, path: PathLike) -> list[str]:
    """Return the lines of the text in a file.

    Raises:
        BadVocabulary: if they are too many.
    """
    if text.count("\n") > MOST_LINES:
        raise _too_large(path, f"{MOST_LINES} lines")
    lines = text.split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def load_vocab(vocab_file: PathLike) -> Vocabulary:
    """Read a vocabulary with one token a line; the first line has id 0.

    Spaces around a token are dropped. A blank line has an id too, because some published
    files have blank lines. If a token is on several lines, its id is the last one, as in 2019.

    Raises:
        MissingVocabulary: if there is no such file.
        BadVocabulary: if it is empty, not UTF-8, or a file of another kind.

    Example:
        >>> write_lines("vocab.txt", ["[PAD]", "the", "##s"])
        >>> dict(load_vocab("vocab.txt"))
        {'[PAD]': 0, 'the': 1, '##s': 2}
    """
    text = read_text(vocab_file)
    name = os.fspath(vocab_file)
    if "\0" in text:
        raise BadVocabulary(
            f"{name!r} holds NUL characters, so it is not a vocabulary; "
            "give the text file with one token a line"
        )
    if _is_json(text):
        raise BadVocabulary(
            f"{name!r} is a JSON file, not a vocabulary with one token a line; give vocab.txt, or "
            "load the folder of a tokenizer.json with from_pretrained"
        )
    tokens = [line.strip() for line in lines_of(text, vocab_file)]
    if not any(tokens):
        raise BadVocabulary(f"{name!r} holds no token; was it cut short?")
    vocabulary = Vocabulary.of(zip(tokens, range(len(tokens)), strict=True))
    if len(vocabulary) < len(tokens):
        _warn_of_duplicates(name, tokens)
    return vocabulary


def _is_json(text: str) -> bool:
    """Whether a text is one JSON object or list. A vocabulary may begin with ``[PAD]``."""
    if not text.lstrip().startswith(("{", "[")):
        return False
    try:
        return isinstance(parse_json(text), (dict, list))
    except BadContent:
        return False


def _warn_of_duplicates(name: str, tokens: Iterable[str]) -> None:
    lines: dict[str, list[int]] = {}
    for line, token in enumerate(tokens, 1):
        if token:
            lines.setdefault(token, []).append(line)
    # Neighbouring lines are how a file is written in which some ids have no token.
    repeated = [token for token, found in lines.items() if found[-1] - found[0] >= len(found)]
    if repeated:
        numbers = lines[repeated[0]]
        more = [f"{len(numbers) - _SHOWN} more"] if len(numbers) > _SHOWN else []
        logger.warning(
            "%s has %d tokens on several lines, such as %s on lines %s; each has the id of its "
            "last line, as in 2019. Leave the file as it is, because removing lines changes ids",
            name,
            len(repeated),
            shown(repeated[0]),
            " and ".join([*map(str, numbers[:_SHOWN]), *more]),
        )


def check_size(vocabulary: Mapping[str, int], unk_token: str, path: PathLike) -> None:
    """Refuse a file that lacks the unknown token and is some other text.

    Such a file has a few lines, or most of them have several words, as merges and corpora have.

    Raises:
        BadVocabulary: if it is one.
    """
    if unk_token in vocabulary:
        return
    spaced = sum(" " in token for token in vocabulary)
    if len(vocabulary) < _FEW or spaced > len(vocabulary) / 2:
        first = next(iter(vocabulary), "")
        raise BadVocabulary(
            f"{os.fspath(path)!r} is not a vocabulary: it has {len(vocabulary)} different lines, "
            f"such as {shown(first)}, and no {unk_token}; give the vocabulary of the model"
        )


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
        pairs = parse_json(read_text(path), _Pairs)
    except BadContent as error:
        raise BadVocabulary(
            f"{name!r} is not JSON ({error}); give a vocab.json that maps tokens to ids"
        ) from error
    if not isinstance(pairs, _Pairs):
        raise BadVocabulary(f"{name!r} is not one JSON object that maps tokens to ids")
    return checked_vocabulary(pairs, name)


class _Pairs(list[tuple[str, Any]]):
    """The entries of a JSON object, including those of the same name."""


def checked_vocabulary(pairs: Sequence[tuple[str, Any]], name: str) -> Vocabulary:
    """Return tokens and their ids as a vocabulary.

    Args:
        pairs: the tokens with their ids.
        name: of the file, for messages.

    Raises:
        BadVocabulary: if a token or an id is there twice, or an id is none.
    """
    numbers = [number for _, number in pairs]
    if {*map(type, numbers)} - {int} or min(numbers, default=0) < 0:
        _refuse_number(name, pairs)
    vocabulary = Vocabulary.of(pairs)
    if len(vocabulary) < len(pairs):
        _refuse_duplicates(name, pairs)
    if len(set(numbers)) < len(numbers):
        owner: dict[int, str] = {}
        for token, number in pairs:
            if number in owner:
                raise BadVocabulary(
                    f"{name!r} gives the id {number} to both {owner[number]!r} and {token!r}; "
                    "each token needs its own"
                )
            owner[number] = token
    return vocabulary


def _refuse_number(name: str, pairs: Iterable[tuple[str, Any]]) -> None:
    for token, number in pairs:
        if type(number) is not int or number < 0:
            if isinstance(number, _Pairs):
                raise BadVocabulary(
                    f"{name!r} has an object as {token!r}, so it is not a vocabulary; "
                    "a tokenizer.json is loaded with its folder by from_pretrained"
                )
            raise BadVocabulary(f"{name!r} gives {token!r} the id {number!r}; ids count from 0")


def _refuse_duplicates(name: str, pairs: Iterable[tuple[str, int]]) -> None:
    numbers: dict[str, int] = {}
    for token, number in pairs:
        if token in numbers:
            raise BadVocabulary(
                f"{name!r} has {token!r} twice, with the ids {numbers[token]} and {number}; keep "
                "the entry with the id that the model was trained with"
            )
        numbers[token] = number


def read_merges(path: PathLike) -> list[tuple[str, str]]:
    """Read byte-pair merges, one pair a line, best first; a first line ``#version`` is left out.

    Raises:
        MissingVocabulary: if there is no such file.
        BadVocabulary: if it is not UTF-8, or a line is not two symbols.

    Example:
        >>> write_merges("merges.txt", [("l", "o"), ("lo", "w")])
        >>> read_merges("merges.txt")
        [('l', 'o'), ('lo', 'w')]
    """
    lines = lines_of(read_text(path), path)
    first = int(bool(lines) and lines[0].startswith(_HEADER_START))
    pairs: list[Any] = list(map(tuple, map(str.split, lines[first:])))
    if not {*map(len, pairs)} <= {0, 2}:
        number = next(i for i, p in enumerate(pairs, 1 + first) if len(p) not in {0, 2})
        raise BadVocabulary(
            f"{os.fspath(path)!r} line {number} is {lines[number - 1]!r}; a merge is two symbols "
            "with a space between"
        )
    return list(filter(None, pairs))


def read_special_tokens(path: PathLike) -> list[str]:
    """Read special tokens, one a line.

    Example:
        >>> write_lines("special_tokens.txt", ["_start_", "_end_"])
        >>> read_special_tokens("special_tokens.txt")
        ['_start_', '_end_']
    """
    return lines_of(read_text(path), path)


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
        # Readers drop one byte order mark, so a token that begins with one needs another.
        file.write(text.encode("utf-8-sig" if text.startswith("\ufeff") else "utf-8"))


def write_json_vocabulary(path: PathLike, vocabulary: Mapping[str, int]) -> None:
    """Write a vocabulary as one JSON object, token to id."""
    text = json.dumps(dict(vocabulary), ensure_ascii=False)
    with _file(path) as file:
        file.write(text.encode())


def write_merges(path: PathLike, merges: Iterable[tuple[str, str]]) -> None:
    """Write byte-pair merges, best first, below a header line."""
    write_lines(path, [MERGES_HEADER, *(" ".join(pair) for pair in merges)])


def saving_folder(path: PathLike) -> str | None:
    """Return the folder that a path to save to means, created if needed; None if it is a file.

    A path is a folder if there is one, if it ends in a slash, or if it has no suffix and is new.

    Example:
        >>> saving_folder("run1/"), saving_folder("run2"), saving_folder("vocab.txt")
        ('run1/', 'run2', None)
    """
    name = os.fspath(path)
    is_new = not (os.path.splitext(name)[1] or os.path.lexists(name))
    if not (os.path.isdir(name) or name.endswith(("/", os.sep)) or is_new):
        return None
    os.makedirs(name, exist_ok=True)
    return name


def next_id(*vocabularies: Mapping[str, int]) -> int:
    """Return the first id after all those in some vocabularies, which may have gaps.

    Example:
        >>> next_id({"a": 0, "b": 7}, {})
        8
    """
    return max((max(each.values(), default=-1) for each in vocabularies), default=-1) + 1


def _file(path: PathLike) -> Any:
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        raise FileNotFoundError(
            f"cannot save to {os.fspath(path)!r}: there is no folder {folder!r}; create it first"
        )
    return atomic_write(path)


def unknown_token(token: str, position: int | None, size: int, remedy: str) -> UnknownToken:
    """Return the error for a token without an id."""
    where = "" if position is None else f" at position {position}"
    return UnknownToken(f"token {token!r}{where} is not in the vocabulary of {size}; {remedy}")
