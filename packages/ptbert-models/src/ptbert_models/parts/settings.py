"""Reading values of configurations that programs made themselves."""

from __future__ import annotations

from typing import Any


def setting(config: Any, name: str, default: Any) -> Any:
    """Return an attribute, or a default where there is none.

    Dictionaries whose keys are attributes often raise ``KeyError`` rather than ``AttributeError``.

    Example:
        >>> from types import SimpleNamespace
        >>> setting(SimpleNamespace(width=3), "depth", 12)
        12
    """
    try:
        return getattr(config, name)
    except (AttributeError, KeyError):
        return default
