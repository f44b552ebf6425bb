"""Pictures of texts, models and schedules: files of their own that need no network

Example:
    >>> from ptbert.see import schedule_picture
    >>> schedule_picture("warmup_linear", t_total=100).startswith("<svg")
    True
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # some import torch, which tokens do without
    from ptbert.see.attention import Attention as Attention
    from ptbert.see.attention import attention_of as attention_of
    from ptbert.see.next_words import Prediction as Prediction
    from ptbert.see.next_words import next_words as next_words
    from ptbert.see.next_words import next_words_page as next_words_page
    from ptbert.see.schedules import schedule_picture as schedule_picture
    from ptbert.see.tokens import SeenToken as SeenToken
    from ptbert.see.tokens import coloured_lines as coloured_lines
    from ptbert.see.tokens import tokens_of as tokens_of
    from ptbert.see.tokens import tokens_page as tokens_page

_HOMES = {
    "Attention": "attention",
    "Prediction": "next_words",
    "SeenToken": "tokens",
    "attention_of": "attention",
    "coloured_lines": "tokens",
    "next_words": "next_words",
    "next_words_page": "next_words",
    "schedule_picture": "schedules",
    "tokens_of": "tokens",
    "tokens_page": "tokens",
}

__all__ = [*_HOMES]  # noqa: PLE0604  # the keys are strings


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = _HOMES[name]
    module = import_module(f"{__name__}.{home}")
    # All its names at once: next_words is a function, and import_module set it to its module.
    globals().update({each: getattr(module, each) for each in _HOMES if _HOMES[each] == home})
    return globals()[name]
