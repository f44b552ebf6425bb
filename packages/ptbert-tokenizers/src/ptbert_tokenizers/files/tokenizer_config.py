"""`tokenizer_config.json`: the settings saved beside a vocabulary."""

import json
import os
from pathlib import Path
from typing import Any

from ptbert_hub import atomic_write
from ptbert_hub.errors import BadContent
from ptbert_hub.readers.json_text import parse_json
from ptbert_tokenizers.errors import BadVocabulary
from ptbert_tokenizers.files.vocabulary import PathLike, read_text

TOKENIZER_CONFIG_NAME = "tokenizer_config.json"


def read_tokenizer_config(folder: Path) -> dict[str, Any]:
    """Return the settings in a folder; none if it has no such file.

    Raises:
        BadVocabulary: if the file is not one JSON object.

    Example:
        >>> write_tokenizer_config(Path(), {"do_lower_case": False})
        PosixPath('tokenizer_config.json')
        >>> read_tokenizer_config(Path())
        {'do_lower_case': False}
    """
    return read_json_object(folder / TOKENIZER_CONFIG_NAME)


def read_json(path: PathLike, advice: str) -> Any:
    """Return the value in a JSON file.

    Raises:
        MissingVocabulary: if there is no such file.
        BadVocabulary: if it is not JSON, with the advice what to do.
    """
    try:
        return parse_json(read_text(path))
    except BadContent as error:
        raise BadVocabulary(f"{os.fspath(path)!r} is not JSON ({error}); {advice}") from error


def read_json_object(path: Path) -> dict[str, Any]:
    """Return the content of a JSON file with settings; empty if there is no such file.

    Raises:
        BadVocabulary: if the file is not one JSON object.
    """
    if not path.is_file():
        return {}
    settings = read_json(path, "correct it, or remove it and pass the settings to from_pretrained")
    if not isinstance(settings, dict):
        raise BadVocabulary(
            f"{str(path)!r} holds a {type(settings).__name__} where one JSON object is expected; "
            "correct it, or remove it and pass the settings to from_pretrained"
        )
    return settings


def write_tokenizer_config(folder: Path, settings: dict[str, Any]) -> Path:
    """Write settings into a folder, and return the path of the file."""
    return write_json_object(folder / TOKENIZER_CONFIG_NAME, settings)


def write_json_object(path: Path, settings: dict[str, Any]) -> Path:
    """Write settings to a file, and return its path."""
    text = json.dumps(settings, indent=2, ensure_ascii=False) + "\n"
    with atomic_write(path) as file:
        file.write(text.encode("utf-8", "backslashreplace"))  # surrogates, as JSON escapes them
    return path
