"""The two states in which the library of 2019 was left, and which of them new objects follow.

The last release, 0.6.2 of April, and the documented state of June disagree in a few places. Models
and tokenizers copy what they need into themselves when they are made, and keep it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Release:
    """What a state of the library did.

    Args:
        name: "april" or "june".
        last_layer_only: ``GPT2Model`` and ``OpenAIGPTModel`` return the hidden states of the last
            layer, a tensor, instead of a list of those of all layers.
        silent_dropouts: the dropouts that June added to GPT and GPT-2 have rate 0.
        decode_keeps_spaces: ``GPT2Tokenizer.decode`` leaves ``<unk>`` and the spaces before
            punctuation marks in the text.
    """

    name: str
    last_layer_only: bool
    silent_dropouts: bool
    decode_keeps_spaces: bool


RELEASES: Mapping[str, Release] = MappingProxyType(
    {
        "april": Release(
            "april", last_layer_only=True, silent_dropouts=True, decode_keeps_spaces=True
        ),
        "june": Release(
            "june", last_layer_only=False, silent_dropouts=False, decode_keeps_spaces=False
        ),
    }
)
_current = RELEASES["june"]


def current_release() -> Release:
    """Return the release that new models and tokenizers follow; June's, unless it was set.

    Example:
        >>> current_release().name
        'june'
    """
    return _current


def find_release(name: str) -> Release:
    """Return the release of that name.

    Raises:
        ValueError: if there is none.

    Example:
        >>> find_release("april").last_layer_only
        True
    """
    if name not in RELEASES:
        raise ValueError(f"release={name!r} is unknown; choose one of {', '.join(RELEASES)}")
    return RELEASES[name]


def set_release(name: str) -> None:
    """Choose the release of models and tokenizers made from now on; those made before keep theirs.

    Args:
        name: "april" or "june".

    Raises:
        ValueError: if there is no such release.

    Example:
        >>> set_release("april")
        >>> current_release().decode_keeps_spaces
        True
        >>> set_release("june")
    """
    global _current  # noqa: PLW0603 - the only global setting
    _current = find_release(name)
