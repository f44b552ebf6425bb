"""Reading JSON files: configurations, and the lists that belong to weights files."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def read_json(path: str | os.PathLike[str]) -> Any:
    """Read a JSON file, with an error that names the file if it is something else."""
    try:
        text = Path(path).read_text(encoding="utf-8")
        return json.loads(text, object_pairs_hook=_without_contradictions)
    # JSONDecodeError and UnicodeDecodeError are ValueErrors; too many brackets end otherwise.
    except (ValueError, RecursionError) as error:
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


def _without_contradictions(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object; a key that is there twice must have the same value."""
    values: dict[str, Any] = {}
    for key, value in pairs:
        if key in values and values[key] != value:
            raise ValueError(f"the key {key!r} has two values: {values[key]!r} and {value!r}")
        values[key] = value
    return values
