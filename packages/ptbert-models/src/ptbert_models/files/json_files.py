"""Reading JSON files: configurations, and the lists that belong to weights files."""

from __future__ import annotations

import os
from typing import Any

from ptbert_hub.messages import shown
from ptbert_hub.readers.json_text import MAX_BYTES, parse_json


def read_json(path: str | os.PathLike[str]) -> Any:
    """Read a JSON file, with an error that names the file if it is something else."""
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise ValueError(f"it has more than {MAX_BYTES} bytes")
        text = data.decode("utf-8-sig")  # as vocabularies are read
        return parse_json(text, without_contradictions)
    except ValueError as error:  # also BadContent and UnicodeDecodeError
        raise ValueError(
            f"{os.fspath(path)!r} is not a JSON configuration ({error}); "
            "give the path of a file such as config.json"
        ) from error


def read_json_object(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a JSON object, with an error that names the file if it is something else."""
    value = read_json(path)
    if not isinstance(value, dict):
        raise ValueError(
            f"{os.fspath(path)!r} holds a JSON {type(value).__name__}; "
            "a configuration is an object of names and values"
        )
    return value


def without_contradictions(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object; a key that is there twice must have the same value."""
    values: dict[str, Any] = {}
    for key, value in pairs:
        if key in values and values[key] != value:
            both = f"{shown(values[key])} and {shown(value)}"
            raise ValueError(f"the key {shown(key)} has two values: {both}")
        values[key] = value
    return values
