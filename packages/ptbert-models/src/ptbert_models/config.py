"""What all model configurations share: the first argument, JSON, and checks of values."""

from __future__ import annotations

import copy
import json
import os
from typing import Any, ClassVar, Self

from ptbert_hub import atomic_write
from ptbert_models.files.json_files import read_json_object


class PreTrainedConfig:
    """Base of the four configurations.

    A subclass is a dataclass whose first field is the ``InitVar``
    ``vocab_size_or_config_json_file``: the size of the vocabulary, or the path of a JSON file
    from which all values are taken. Nothing is checked until a model is built from it, because
    published programs construct partial configurations.
    """

    vocabulary_key: ClassVar[str] = "vocab_size"  # where a family keeps the vocabulary size
    initializer_range: float  # standard deviation of new weights

    def __post_init__(self, vocab_size_or_config_json_file: int | str | os.PathLike[str]) -> None:
        source = vocab_size_or_config_json_file
        if isinstance(source, (str, os.PathLike)):
            self._take(read_json_object(source))
        elif isinstance(source, int) and not isinstance(source, bool):
            setattr(self, self.vocabulary_key, source)
        else:
            raise ValueError(
                f"the first argument of {type(self).__name__} is a vocabulary size (int) or the "
                f"path of a JSON file (str or os.PathLike), not {source!r}"
            )

    @classmethod
    def from_dict(cls, json_object: dict[str, Any]) -> Self:
        """Make a configuration from a dictionary: keep unknown keys, fill in defaults."""
        config = cls(-1)  # type: ignore[call-arg]  # the InitVar is declared by each subclass
        config._take(copy.deepcopy(json_object))
        return config

    def _take(self, values: dict[str, Any]) -> None:
        """Set the values of a JSON object; subclasses translate other names here."""
        vars(self).update(values)

    @classmethod
    def from_json_file(cls, json_file: str | os.PathLike[str]) -> Self:
        """Make a configuration from a JSON file.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if the file is not a JSON object in UTF-8.
        """
        return cls.from_dict(read_json_object(json_file))

    def to_dict(self) -> dict[str, Any]:
        """Return a deep copy of all values, unknown keys included."""
        return copy.deepcopy(vars(self))

    def to_json_string(self) -> str:
        """Return the values as JSON: two spaces of indent, sorted keys, a final newline."""
        return json.dumps(self.to_dict(), indent=2, sort_keys=True) + "\n"

    def to_json_file(self, json_file_path: str | os.PathLike[str]) -> None:
        """Write the values as JSON; the file appears only when it is complete."""
        with atomic_write(json_file_path) as file:
            file.write(self.to_json_string().encode("utf-8"))

    def validate(self) -> None:
        """Raise ``ValueError`` if no model can be built from the values; models call this."""
        raise NotImplementedError(f"{type(self).__name__} must define validate()")

    def __repr__(self) -> str:
        return self.to_json_string()


def check_positive(config: PreTrainedConfig, *names: str) -> None:
    """Raise ``ValueError`` for the first of the named sizes that is not a positive integer."""
    for name in names:
        size = getattr(config, name)
        if not isinstance(size, int) or size < 1:
            raise ValueError(f"{type(config).__name__}: {name}={size!r} must be an integer above 0")


def check_probability(config: PreTrainedConfig, *names: str) -> None:
    """Raise ``ValueError`` for the first of the named rates that is outside [0, 1)."""
    for name in names:
        rate = getattr(config, name)
        if not isinstance(rate, (int, float)) or not 0 <= rate < 1:
            raise ValueError(f"{type(config).__name__}: {name}={rate!r} must lie in [0, 1)")
