"""The two states in which the library of 2019 was left, where tokenizers differ between them.

A tokenizer copies the release in force into itself when it is made, and keeps it.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Release:
    """What a release of 2019 did.

    Args:
        name: "april" for 0.6.2, the last release; "june" for the last documented state.
        decode_keeps_spaces: :meth:`GPT2Tokenizer.decode` leaves the spaces before punctuation
            marks, and ``<unk>``, in the text.
    """

    name: str
    decode_keeps_spaces: bool


RELEASES = {
    release.name: release
    for release in (
        Release("april", decode_keeps_spaces=True),
        Release("june", decode_keeps_spaces=False),
    )
}

_current = RELEASES["june"]


def current_release() -> Release:
    """Return the release that new tokenizers are made for: June's, unless it was set.

    Example:
        >>> current_release().name
        'june'
    """
    return _current


def set_release(name: str) -> None:
    """Choose the release that tokenizers made from now on belong to.

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
    global _current  # noqa: PLW0603 - the one switch, which constructors read
    if name not in RELEASES:
        raise ValueError(f"release={name!r} is unknown; choose one of {', '.join(RELEASES)}")
    _current = RELEASES[name]
