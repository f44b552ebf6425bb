"""Errors in the words of the command line: options in the place of names in Python"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from typing import Any, TypeVar

_Action = TypeVar("_Action", bound=argparse.Action)

_QUOTED = r"(?<!\w)(?:'[^']*'|\"[^\"]*\")"  # what the user gave, such as the name of a file
_NAME = r"(?<![\w./\\?&(-])[a-z]\w*(?![\w./\\-]*[/\\(])"
_SIGN = r"=(?:(?P<truth>True|False)\b|(?=[^\s=]))"
_WORDS = re.compile(rf"{_QUOTED}|(?P<name>{_NAME})(?P<sign>{_SIGN})?")


class CommandParser(argparse.ArgumentParser):
    """A parser whose results have ``options_by_name``: the long option of each name in Python.

    Example:
        >>> parser = CommandParser()
        >>> _ = parser.add_argument("--top-k", type=int)
        >>> parser.parse_args(["--top-k", "3"]).options_by_name["top_k"]
        '--top-k'
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._options_by_name: dict[str, str] = {}
        super().__init__(*arguments, **options)
        self.set_defaults(options_by_name=self._options_by_name)

    def _add_action(self, action: _Action) -> _Action:
        for option in action.option_strings[:1]:
            if option.startswith("--"):
                self._options_by_name[action.dest] = option
        return super()._add_action(action)


def in_options(message: str, given: argparse.Namespace, renamed: Mapping[str, str]) -> str:
    """Return an error of the library with options in the place of the names that they have there.

    A single word may be an ordinary one, so it is replaced only where a value follows. What is
    quoted is of the user, and stays. So do names of a file of settings, unless the option was
    given too.

    Args:
        message: of the library.
        given: what a ``CommandParser`` made of the command line.
        renamed: options whose names in Python are others, as ``Command.renamed``.

    Example:
        >>> parser = CommandParser()
        >>> _ = parser.add_argument("--beams", type=int, default=1)
        >>> _ = parser.add_argument("--top-k", type=int, default=0)
        >>> given = parser.parse_args(["--beams", "2"])
        >>> in_options("num_beams=2 is a search; leave top_k out", given, {"num_beams": "--beams"})
        '--beams 2 is a search; leave --top-k out'
    """
    has_file = getattr(given, "settings", None) is not None
    known = {
        name: option
        for name, option in given.options_by_name.items()
        if not has_file or getattr(given, name, None) is not None
    }
    known |= renamed

    def word(found: re.Match[str]) -> str:
        name, sign = found["name"], found["sign"]
        is_clear = sign or (name and "_" in name) or name in renamed
        if name not in known or not is_clear:
            return found[0]
        if found["truth"]:
            return known[name] if found["truth"] == "True" else f"--no-{known[name][2:]}"
        return known[name] + (" " if sign else "")

    return _WORDS.sub(word, message)
