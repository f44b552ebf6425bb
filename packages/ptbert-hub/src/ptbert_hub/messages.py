"""Messages of all packages: what they repeat of files is cut where it is long, and is printable"""

import json
from typing import Any

_LONGEST_VALUE = 200
_LONGEST_MESSAGE = 2400
_END = 800  # characters of the end of a long message, which says what to do


def shown(value: Any) -> str:
    """Return a value as it is shown in messages.

    Example:
        >>> shown("a" * 1000)[-6:]
        'aaaaa…'
    """
    text = repr(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


def printable(text: str) -> str:
    r"""Return a text with question marks for what cannot be printed, and could change a terminal.

    Example:
        >>> printable("a\x1b[2J\nb")
        'a?[2J\nb'
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char == "\n" else "?" for char in text)


def json_text(value: Any) -> str:
    r"""Return JSON to print, in which everything that could change a terminal is escaped.

    Example:
        >>> json_text(["\x1b[2J", "\x7f"])
        '[\n  "\\u001b[2J",\n  "\\u007f"\n]'
    """
    return json.dumps(value, indent=2).replace("\x7f", "\\u007f")  # json leaves this one as it is


def shortened(message: str) -> str:
    """Return a message that may hold values of a file, without the middle where it is long.

    Example:
        >>> shortened("the key " + "a" * 10_000_000 + " is unknown; remove it")[-40:]
        'aaaaaaaaaaaaaaaaaa is unknown; remove it'
    """
    if len(message) <= _LONGEST_MESSAGE:
        return message
    start = message[: _LONGEST_MESSAGE - _END - 100]
    left_out = len(message) - len(start) - _END
    return f"{start} … ({left_out} characters are left out) … {message[-_END:]}"


def readable(message: str) -> str:
    """Return a message, or a line of the log, that may hold anything of a file, fit to be read."""
    return printable(shortened(message))


class ShortMessage(Exception):
    """An error whose message can be printed: the base of all that readers of files raise.

    Example:
        >>> len(str(ShortMessage("a" * 10_000_000))) < 3000
        True
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*[readable(a) if isinstance(a, str) else a for a in args])
