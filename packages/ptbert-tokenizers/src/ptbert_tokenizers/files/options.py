"""The settings of a tokenizer that its folder keeps: one row for each argument of the constructor

Reading, writing and ``settings()`` follow these rows, and a test compares them with the
constructors, so a setting without a row does not exist.
"""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Literal

from ptbert_tokenizers.errors import BadVocabulary
from ptbert_tokenizers.max_length import NO_LIMIT

Kind = Literal[
    "true or false",
    "true, false or null",
    "number",
    "number or null",
    "string",
    "string or null",
    "list of strings",
    "length or null",  # null, or a number beyond those of 2019, is no limit
]
_TYPES: dict[str, tuple[type, ...]] = {
    "true": (bool,),
    "number": (int, float),
    "string": (str,),
    "list": (list,),
    "length": (int, float),
}


@dataclass(frozen=True)
class Option:
    """A setting of a tokenizer.

    Args:
        name: the argument of the constructor.
        kind: what its value is in JSON.
        where: the attribute of the tokenizer that has the current value, with dots.
        key: its name in ``tokenizer_config.json``; the name of the argument when empty.
        is_common: whether the library ``transformers`` gives this key the same meaning. The others
            are written below ``ptbert``.
        besides: what other libraries have in this list without naming it.

    Example:
        >>> length = Option("max_len", "length or null", "max_len", key="model_max_length")
        >>> length.checked(512, "tokenizer_config.json"), length.checked(1e30, "")
        (512, None)
    """

    name: str
    kind: Kind
    where: str
    key: str = ""
    is_common: bool = True
    besides: tuple[str, ...] = ()

    @property
    def key_in_file(self) -> str:
        """The key in ``tokenizer_config.json``."""
        return self.key or self.name

    def value(self, tokenizer: object) -> Any:
        """Return the current value in a tokenizer, as ``json`` can write it.

        Raises:
            AttributeError: if a program replaced the part that has it.
        """
        value = attrgetter(self.where)(tokenizer)
        if value is None:
            return None
        if self.kind.startswith("true"):
            return bool(value)
        if self.kind == "list of strings":
            return list(value)
        return os.fspath(value) if isinstance(value, os.PathLike) else value

    def checked(self, value: Any, path: str) -> Any:
        """Return a value from a file, if it is of the right kind.

        Raises:
            BadVocabulary: if it is not.
        """
        if value is None and self.kind.endswith("or null"):
            return None
        types = _TYPES[self.kind.replace(",", "").partition(" ")[0]]
        is_right = isinstance(value, types) and (bool in types or not isinstance(value, bool))
        if is_right and isinstance(value, float):
            is_right = value > -math.inf  # nor is NaN a number here
        if is_right and self.kind.startswith("length") and value < 1:
            raise BadVocabulary(
                f"{path!r} has {value!r} as {self.key_in_file}, where a whole number from 1 on is "
                "expected, or null for no limit; correct it, or remove it"
            )
        if is_right and isinstance(value, list):
            is_right = all(isinstance(each, str) for each in value)
        if not is_right:
            raise BadVocabulary(
                f"{path!r} has {value!r} as {self.key_in_file}, where a value of the kind "
                f"{self.kind!r} is expected; correct it, or remove it and pass the setting to "
                "from_pretrained"
            )
        if self.kind.startswith("length"):
            return int(value) if value < NO_LIMIT else None
        return value


def settings_of(options: tuple[Option, ...], tokenizer: object) -> dict[str, Any]:
    """Return the current value of each option, by the constructor's names.

    A setting whose part was replaced by a program is left out.
    """
    found: dict[str, Any] = {}
    for option in options:
        try:
            found[option.name] = option.value(tokenizer)
        except AttributeError:
            continue
    return found


def with_names(values: Mapping[str, Any], options: tuple[Option, ...], path: str) -> dict[str, Any]:
    """Return the values of options by the constructor's names, checked.

    Args:
        values: by their keys in the file.
        options: those of the family.
        path: of the file, for messages.
    """
    return {
        option.name: option.checked(values[option.key_in_file], path)
        for option in options
        if option.key_in_file in values
    }
