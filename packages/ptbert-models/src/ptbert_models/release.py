"""Which of the two releases of 2019 new models follow.

The library of 2019 has two states that disagree in a few places: the last release, 0.6.2 of April,
and the documented state of June. A model follows the release that is in force when it is made, and
keeps to it. Configurations have no release, because they are written to files as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Release:
    """Where the two states of 2019 differ.

    Args:
        name: "april" or "june".
        last_layer_only: whether `GPT2Model` and `OpenAIGPTModel` return the hidden states of the
            last layer, a tensor, instead of a list of those of all layers.
        silent_dropouts: whether the dropouts that June added to GPT and GPT-2 have rate 0.
    """

    name: str
    last_layer_only: bool
    silent_dropouts: bool


RELEASES: Mapping[str, Release] = MappingProxyType(
    {
        "april": Release("april", last_layer_only=True, silent_dropouts=True),
        "june": Release("june", last_layer_only=False, silent_dropouts=False),
    }
)
_current = RELEASES["june"]


def current_release() -> Release:
    """Return the release that new models follow, June unless `set_release` said otherwise.

    Example:
        >>> current_release().name
        'june'
    """
    return _current


def set_release(name: str) -> None:
    """Choose the release that models made from now on follow; those made before keep theirs.

    Args:
        name: "april" or "june".

    Raises:
        ValueError: if there is no such release.

    Example:
        >>> set_release("april")
        >>> current_release().last_layer_only
        True
        >>> set_release("june")
    """
    global _current  # noqa: PLW0603  # the one place that changes it
    if name not in RELEASES:
        raise ValueError(f"release={name!r} is unknown; choose one of {', '.join(RELEASES)}")
    _current = RELEASES[name]
