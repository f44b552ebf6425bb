"""What all model configurations share: the first argument, JSON, and checks of values."""

from __future__ import annotations

import copy
import inspect
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import wraps
from inspect import signature
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from ptbert_hub import CONFIG_NAME, DownloadOptions, atomic_write
from ptbert_hub.messages import shown
from ptbert_models.files.checkpoint import find_checkpoint
from ptbert_models.files.json_files import read_json_object
from ptbert_models.rules import Rule
from ptbert_models.statements import ARCHITECTURE, Statement, check_statements, checked_keys

Config = TypeVar("Config", bound="PreTrainedConfig")


COMMON_NAMES = frozenset(
    {
        *("architectures", "bos_token_id", "decoder_start_token_id", "dtype", "eos_token_id"),
        *("finetuning_task", "id2label", "label2id", "model_type", "name_or_path", "num_labels"),
        *("pad_token_id", "problem_type", "sep_token_id", "task_specific_params", "torch_dtype"),
        *("transformers_version", "use_cache"),
    }
)
"""Names that configurations of all later families have, and that change no numbers here."""


class PreTrainedConfig:
    """Base of the four configurations.

    A subclass is made by ``configuration``: a dataclass whose first field is the ``InitVar``
    ``vocab_size_or_config_json_file``: the size of the vocabulary, or the path of a JSON file
    from which all values are taken. Nothing is checked until a model is built from it, because
    published programs construct partial configurations.
    """

    model_type: ClassVar[str]  # the architecture's name in today's files
    vocabulary_key: ClassVar[str] = "vocab_size"  # where a family keeps the vocabulary size
    rules: ClassVar[Mapping[str, Rule]] = MappingProxyType({})  # what a value may be, by its key
    statements: ClassVar[tuple[Statement, ...]] = ()  # see ptbert_models.statements
    other_names: ClassVar[Mapping[str, str]] = MappingProxyType({})  # of later libraries → ours
    family: ClassVar[str]  # its name in the catalog of ptbert-hub
    usual_vocabulary: ClassVar[int | None] = None  # where 2019 had no default
    initializer_range: float  # standard deviation of new weights

    # Files of later libraries may set these; not fields, so that new files are like those of 2019.
    pruned_heads: ClassVar[Mapping[Any, Any] | None] = None

    if TYPE_CHECKING:  # any name of a later library may be given, so type checkers allow all

        def __init__(
            self,
            vocab_size_or_config_json_file: int | str | os.PathLike[str] = ...,
            *values: Any,
            **named: Any,
        ) -> None: ...

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
        config = cls(-1)
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
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str],
        *,
        cache_dir: str | os.PathLike[str] | None = None,
        revision: str | None = None,
        token: str | bool | None = None,
        local_files_only: bool = False,
        force_download: bool = False,
        proxies: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> Self:
        """Read the configuration of a checkpoint; its weights are not downloaded.

        Args:
            pretrained_model_name_or_path: as for ``from_pretrained`` of the models, or the path of
                a JSON file.
            cache_dir: where downloads are kept instead of the usual cache.
            revision: a branch, tag or commit of the repository; see
                :class:`ptbert_hub.DownloadOptions` for this and the next four.
            token: for the Hugging Face Hub.
            local_files_only: whether the network is not used.
            force_download: whether to download even what is cached.
            proxies: the proxy for a scheme or a server.
            **kwargs: values to have instead of those of the file.

        Raises:
            OSError: if it cannot be found, reached or read.
            TypeError: if a name of ``kwargs`` is unknown.
            ValueError: if it is the configuration of another architecture.
        """
        options = DownloadOptions(revision, token, local_files_only, force_download, proxies)
        path = os.fspath(pretrained_model_name_or_path)
        if not (path.endswith(".json") and os.path.isfile(path)):
            path = os.fspath(
                find_checkpoint(
                    path, "none", family=cls.family, cache_dir=cache_dir, options=options
                ).weights
            )
        values = checked_keys(read_json_object(path), cls, path)
        config = cls.from_dict(values)
        check_statements(config, (each for each in cls.statements if each.key == ARCHITECTURE), cls)
        return cls.from_dict(_changed(cls, values, kwargs)) if kwargs else config

    def save_pretrained(self, save_directory: str | os.PathLike[str]) -> None:
        """Write ``config.json`` into a folder, with the name of the architecture.

        Args:
            save_directory: the folder; it is created if it does not exist.

        Raises:
            OSError: if it cannot be written.
            ValueError: if a value cannot be written as JSON.
        """
        config = copy.copy(self)
        vars(config)["model_type"] = self.model_type
        text = config.to_json_string()  # fails before anything is written
        os.makedirs(save_directory, exist_ok=True)
        with atomic_write(os.path.join(save_directory, CONFIG_NAME)) as file:
            file.write(text.encode("utf-8"))

    @classmethod
    def known_names(cls) -> set[str]:
        """Return the names of all values that mean something here or in later libraries."""
        own = {name for name in signature(cls.__init__).parameters if name != "self"}
        told = {*cls.rules, *cls.other_names, *(each.key for each in cls.statements)}
        return own | told | COMMON_NAMES | {"vocab_size"}

    def __getattr__(self, name: str) -> Any:
        if name in type(self).other_names:  # only asked for what is not there
            return getattr(self, type(self).other_names[name])
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(type(self).other_names.get(name, name), value)

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

    def forget_other_labels(self, number: int) -> None:
        """Take out the names of labels if there are not so many, and note the number."""
        labels = vars(self).get("id2label")
        if labels is not None and len(labels) != number:
            for name in ("id2label", "label2id"):
                vars(self).pop(name, None)
        if vars(self).get("num_labels", number) != number:
            vars(self)["num_labels"] = number

    def saved_argument(self, name: str) -> Any:
        """Return the value of a model's argument that a file may hold; None if it does not."""
        return getattr(self, name, None)

    def __repr__(self) -> str:
        return json.dumps(self.to_dict(), indent=2, sort_keys=True, default=repr) + "\n"


def configuration(config_class: type[Config]) -> type[Config]:
    """Make a class a dataclass whose constructor takes the names of later libraries too.

    ``vocab_size`` is the first argument, ``other_names`` are those of the family, and what files of
    later libraries may hold is kept. The signature stays that of 2019.

    Example:
        >>> from ptbert_models import GPT2Config
        >>> config = GPT2Config(vocab_size=100, hidden_size=32, n_head=4)
        >>> config.n_embd, config.hidden_size
        (32, 32)
        >>> GPT2Config(100, n_embd=32, hidden_size=64)
        Traceback (most recent call last):
        ValueError: GPT2Config: hidden_size=64 contradicts n_embd=32, which is the same; give one
    """
    config_class = dataclass(repr=False, eq=False)(config_class)
    plain = config_class.__init__
    names = [name for name in signature(plain).parameters if name != "self"]

    @wraps(plain)
    def __init__(self: Config, *args: Any, **kwargs: Any) -> None:
        own = {name: kwargs.pop(name) for name in names if name in kwargs}
        given = dict(zip(names, args, strict=False)) | own
        told: dict[str, Any] = {}  # values that later libraries call otherwise
        for name in list(kwargs):
            if name not in type(self).known_names():
                raise TypeError(_unknown_name(type(self), name))
            key = _own_name(type(self), name, names[0])
            if key in names:
                told[name] = value = kwargs.pop(name)
                if given.setdefault(key, value) != value and not _is_path(given[key]):
                    raise ValueError(
                        f"{type(self).__name__}: {name}={shown(value)} contradicts "
                        f"{key}={shown(given[key])}, which is the same; give one"
                    )
                own = own if len(args) > names.index(key) else own | {key: given[key]}
        if (usual := type(self).usual_vocabulary) is not None and names[0] not in given:
            own |= {names[0]: usual}
        plain(self, *args, **own)
        for name, value in (told | kwargs).items():
            key = _own_name(type(self), name, type(self).vocabulary_key)
            if _is_path(given.get(names[0])) and vars(self).get(key, value) != value:
                raise ValueError(
                    f"{type(self).__name__}: {name}={shown(value)} contradicts the file "
                    f"{given[names[0]]!r}, which has {shown(vars(self)[key])}; change the value "
                    "after the configuration was made"
                )
        self._take(kwargs)  # a method of this module's class

    config_class.__init__ = __init__  # type: ignore[assignment, method-assign]
    return config_class


def _changed(
    config_class: type[PreTrainedConfig], values: Mapping[str, Any], changes: Mapping[str, Any]
) -> dict[str, Any]:
    """The values of a file with others in their place, whatever a file calls them."""
    changed = dict(values)
    if "num_labels" in changes and len(changed.get("id2label") or ()) != changes["num_labels"]:
        for name in ("id2label", "label2id"):  # the names of other labels
            changed.pop(name, None)
    elif "id2label" in changes:
        changed.pop("num_labels", None)
    for name, value in changes.items():
        if name not in config_class.known_names():
            raise TypeError(_unknown_name(config_class, name))
        key = _own_name(config_class, name, config_class.vocabulary_key)
        for other in list(changed):
            if _own_name(config_class, other, config_class.vocabulary_key) == key:
                del changed[other]
        changed[key] = value
    return changed


def _own_name(config_class: type[PreTrainedConfig], name: str, vocabulary: str) -> str:
    if name in {"vocab_size", config_class.vocabulary_key}:
        return vocabulary
    return config_class.other_names.get(name, name)


def _is_path(value: Any) -> bool:
    return isinstance(value, (str, os.PathLike))


def _unknown_name(config_class: type[PreTrainedConfig], name: str) -> str:
    near = get_close_matches(name, config_class.known_names(), n=1)
    advice = f"did you mean {near[0]!r}?" if near else "see its documentation, or set it afterwards"
    return f"{config_class.__name__} has no value {name!r}; {advice}"


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
