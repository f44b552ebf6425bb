"""What all model configurations share: the first argument, JSON, and checks of values."""

from __future__ import annotations

import copy
import inspect
import json
import os
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Self

from ptbert_hub import atomic_write
from ptbert_hub.messages import shown
from ptbert_models.files.json_files import read_json_object
from ptbert_models.rules import Rule
from ptbert_models.statements import Statement


class PreTrainedConfig:
    """Base of the four configurations.

    A subclass is a dataclass whose first field is the ``InitVar``
    ``vocab_size_or_config_json_file``: the size of the vocabulary, or the path of a JSON file
    from which all values are taken. Nothing is checked until a model is built from it, because
    published programs construct partial configurations.
    """

    model_type: ClassVar[str]  # the architecture's name in today's files
    vocabulary_key: ClassVar[str] = "vocab_size"  # where a family keeps the vocabulary size
    rules: ClassVar[Mapping[str, Rule]] = MappingProxyType({})  # what a value may be, by its key
    statements: ClassVar[tuple[Statement, ...]] = ()  # see ptbert_models.statements
    other_names: ClassVar[Mapping[str, str]] = MappingProxyType({})  # of later files → ours
    initializer_range: float  # standard deviation of new weights

    # Files of later libraries may set these; not fields, so that new files are like those of 2019.
    pruned_heads: ClassVar[Mapping[Any, Any] | None] = None

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
        """Make a configuration from a dictionary: keep unknown keys, fill in defaults.

        Raises:
            ValueError: if a key is the name of a method, or two keys contradict each other.
        """
        config = cls(-1)  # type: ignore[call-arg]  # the InitVar is declared by each subclass
        config._take(copy.deepcopy(json_object))
        return config

    def _take(self, values: dict[str, Any]) -> None:
        """Set the values of a JSON object, under this family's names."""
        named = {k: v for k, v in values.items() if k not in self.other_names}
        for other, own in self.other_names.items():
            if other in values and named.setdefault(own, values[other]) != values[other]:
                raise ValueError(
                    f"{type(self).__name__}: {other}={shown(values[other])} contradicts "
                    f"{own}={shown(named[own])}, which is the same size; remove one of them"
                )
        for key in named:
            if _is_behaviour(type(self), key):
                raise ValueError(
                    f"{type(self).__name__}: {key!r} cannot be a key, because it is the name of "
                    "a method or a table of the class; rename or remove it in the file"
                )
        vars(self).update(named)

    @classmethod
    def from_json_file(cls, json_file: str | os.PathLike[str]) -> Self:
        """Make a configuration from a JSON file.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if the file is not a JSON object in UTF-8, or see ``from_dict``.
        """
        return cls.from_dict(read_json_object(json_file))

    def naming(self, model_class: type) -> Self:
        """Return a copy that names the architecture and the class, as later libraries expect."""
        config = copy.copy(self)
        vars(config).update(model_type=self.model_type, architectures=[model_class.__name__])
        return config

    def to_dict(self) -> dict[str, Any]:
        """Return a deep copy of all values, unknown keys included."""
        return copy.deepcopy(vars(self))

    def to_json_string(self) -> str:
        """Return the values as JSON: two spaces of indent, sorted keys, a final newline.

        Raises:
            ValueError: if a value cannot be written, such as a function as activation.
        """
        values = self.to_dict()
        try:
            return json.dumps(values, indent=2, sort_keys=True) + "\n"
        except TypeError as error:
            wrong = [key for key, value in values.items() if not _is_json(value)]
            raise ValueError(
                f"{type(self).__name__}: {', '.join(f'{k}={shown(values[k])}' for k in wrong)} "
                f"cannot be written as JSON ({error}); give a name or a number instead"
            ) from error

    def to_json_file(self, json_file_path: str | os.PathLike[str]) -> None:
        """Write the values as JSON; the file appears only when it is complete."""
        text = self.to_json_string()
        with atomic_write(json_file_path) as file:
            file.write(text.encode("utf-8"))

    def validate(self) -> None:
        """Raise ``ValueError`` naming the first value of which no model can be built."""
        for name, rule in self.rules.items():
            value = getattr(self, name)
            if problem := rule(value):
                raise ValueError(f"{type(self).__name__}: {name}={shown(value)} {problem}")

    @classmethod
    def stated_keys(cls, values: Mapping[str, Any]) -> set[str]:
        """Return which of this family's keys the values of a file decide."""
        return set(values) | {cls.other_names[key] for key in values if key in cls.other_names}

    def refuse_contradictions(
        self, seen: Mapping[str, Any], stated: Iterable[str], source: str
    ) -> None:
        """Compare stated values with those that show in a checkpoint.

        Args:
            seen: what the checkpoint shows, by key.
            stated: the keys that this configuration was given.
            source: the checkpoint, for the message.

        Raises:
            ValueError: if one of them is another.
        """
        for key in seen.keys() & set(stated):
            given = getattr(self, key)
            if given != seen[key]:
                raise ValueError(
                    f"the variables of {source!r} show {key}={seen[key]!r}, and the configuration "
                    f"says {key}={shown(given)}; correct it there, or leave it out"
                )

    def saved_argument(self, name: str) -> Any:
        """Return the value of a model's argument that a file may hold; None if it does not."""
        return getattr(self, name, None)

    def __repr__(self) -> str:
        return json.dumps(self.to_dict(), indent=2, sort_keys=True, default=repr) + "\n"


def _is_behaviour(config_class: type, key: str) -> bool:
    """Whether a value of that name would hide a method, a property or a table of the class."""
    if key in {"other_names", "rules", "statements", "vocabulary_key", "june_dropouts"}:
        return True
    attribute = inspect.getattr_static(config_class, key, None)
    return callable(attribute) or isinstance(attribute, (classmethod, property, staticmethod))


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value)
    except TypeError:
        return False
    return True
