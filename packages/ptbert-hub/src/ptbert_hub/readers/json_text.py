"""JSON of strangers, parsed within a budget of memory"""

import json
from collections.abc import Callable
from typing import Any

from ptbert_hub.errors import BadContent

MAX_BYTES = 40 << 20
"""Bytes of a text that is read whole. One wide character makes four bytes of memory of each."""
_MAX_PARTS = 3 << 20


def parse_json(text: str, pairs: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """Return the value of a JSON text.

    Args:
        text: the whole text.
        pairs: makes objects from their names and values, as for ``json.loads``.

    Raises:
        BadContent: if it is not JSON, is nested too deep, or has more values than memory should
            be spent on.

    Example:
        >>> parse_json('{"a": 1}')
        {'a': 1}
    """
    # Each part costs up to 160 bytes. A short text cannot have too many.
    if len(text) > _MAX_PARTS and sum(map(text.count, ",:[{")) > _MAX_PARTS:
        raise BadContent(f"it has more than {_MAX_PARTS} values, names and lists")
    try:
        return json.loads(text, object_pairs_hook=pairs)
    except RecursionError as error:
        raise BadContent(f"it is nested too deep: {error}") from None
    except ValueError as error:  # also for numbers that are too long
        raise BadContent(str(error)) from None
