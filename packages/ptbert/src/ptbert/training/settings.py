"""The settings of a training: one frozen dataclass, read from and written to TOML."""

from __future__ import annotations

import difflib
import json
import math
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self

from ptbert_hub.messages import shown

TASKS = ("classify", "tag", "answer", "choose", "masked-lm", "language-model")
SCHEDULES = ("warmup_linear", "warmup_cosine", "warmup_constant", "none")
OPTIMIZERS = ("bert", "openai")
_OF_TABLES = ("classify", "choose")
_OF_COLUMNS = (*_OF_TABLES, "tag")
PRECISIONS = ("float32", "bfloat16", "float16")


def _setting(
    default: Any,
    text: str,
    *,
    choices: tuple[str, ...] = (),
    tasks: tuple[str, ...] = TASKS,
    of_run: bool = False,
) -> Any:
    """A field with its line of help.

    Args:
        default: its value.
        text: what it means.
        choices: the allowed values, if they are few.
        tasks: those for which it means something; others refuse it.
        of_run: whether it says how a run works, and leaves its result as it is.
    """
    facts = {"help": text, "choices": choices, "tasks": tasks, "of_run": of_run}
    return field(default=default, metadata=facts)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is trained, on what, and how.

    Two trainings with equal settings and equal files give equal weights. The fields explain
    themselves in ``ptbert train TASK --help``.

    Raises:
        ValueError: if a value is not allowed.

    Example:
        >>> settings = Settings(task="classify", model="bert/", data="train.csv", output="out/")
        >>> settings.epochs, settings.batch_size
        (3, 32)
        >>> Settings(task="classify", model="bert/", data="train.csv", output="out/", epochs=0)
        Traceback (most recent call last):
        ...
        ValueError: epochs=0 is not allowed; give a whole number of at least 1
    """

    task: str = _setting("", "what is learned", choices=TASKS)
    model: str = _setting("", "folder or name of the model to begin with")
    data: str = _setting("", "file of training examples")
    validation: str = _setting("", "file of examples to choose the best epoch by")
    output: str = _setting("", "folder for the result", of_run=True)

    text: str = _setting(
        "text", "column of the text; for tag the number of the words' column", tasks=_OF_COLUMNS
    )
    pair: str = _setting("", "column of a second text, for pairs", tasks=_OF_TABLES)
    label: str = _setting("label", "column of the label", tasks=_OF_COLUMNS)
    choices: str = _setting(
        "", "columns of the choices, with commas between; else those of SWAG", tasks=("choose",)
    )
    header: bool = _setting(
        True, "whether the first row names the columns; else they are 1, 2, ...", tasks=_OF_TABLES
    )
    regression: bool = _setting(False, "learn numbers instead of labels", tasks=("classify",))

    next_sentence: bool = _setting(
        False, "learn also whether one part of a text follows another", tasks=("masked-lm",)
    )
    whole_words: bool = _setting(False, "mask all pieces of a word or none", tasks=("masked-lm",))
    mask_share: float = _setting(0.15, "share of the tokens that are learned", tasks=("masked-lm",))

    from_nothing: bool = _setting(
        False, "begin with new weights: of MODEL only configuration and vocabulary are read"
    )
    epochs: int = _setting(3, "how many times all examples are seen")
    batch_size: int = _setting(32, "examples in a step")
    learning_rate: float = _setting(
        0.0, "largest learning rate; 0 for 5e-5 at a width of 768, and more for narrower models"
    )
    schedule: str = _setting("warmup_linear", "course of the learning rate", choices=SCHEDULES)
    warmup: float = _setting(0.1, "share of the steps in which the learning rate rises")
    optimizer: str = _setting("bert", "BertAdam or OpenAIAdam", choices=OPTIMIZERS)
    bias_correction: bool = _setting(True, "correct BertAdam's averages for their start at 0")
    weight_decay: float = _setting(0.01, "decay of all weights but biases and normalizations")
    max_grad_norm: float = _setting(1.0, "largest norm of the gradient of all weights together")
    max_length: int = _setting(
        0, "longest input in tokens; 0 for what the model takes, at most 512"
    )
    seed: int = _setting(0, "decides first weights of new layers, order of examples, and dropout")

    max_tokens: int = _setting(4096, "tokens computed at once, padding included")
    micro_batches: int = _setting(0, "parts of a step; 0 for one for each process of the first run")
    precision: str = _setting("float32", "numbers of the computation", choices=PRECISIONS)
    gradient_checkpointing: bool = _setting(False, "less memory for more time")
    shard: bool = _setting(
        False, "divide the weights among the processes, not the examples alone", of_run=True
    )
    device: str = _setting("", "where to compute; a GPU if there is one", of_run=True)
    checkpoint_minutes: float = _setting(
        10.0, "time between checkpoints; 0: each step", of_run=True
    )

    def __post_init__(self) -> None:
        for name in _PATHS:
            if isinstance(path := getattr(self, name), os.PathLike):
                object.__setattr__(self, name, os.fspath(path))
        for each in fields(self):
            if type(each.default) is float and type(value := getattr(self, each.name)) is int:
                with suppress(OverflowError):
                    object.__setattr__(self, each.name, float(value))
            problem = _problem(each, getattr(self, each.name))
            tasks = each.metadata["tasks"]
            if not problem and getattr(self, each.name) != each.default and self.task not in tasks:
                problem = f"it is for {', '.join(tasks)}, and not for {self.task}; leave it out"
            if problem:
                value = shown(getattr(self, each.name))
                raise ValueError(f"{each.name}={value} is not allowed; {problem}")

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any], source: str) -> Self:
        """Make settings from the values of a file.

        Args:
            values: by name; what is missing has its default.
            source: the file, for messages.

        Raises:
            ValueError: if a name is unknown, or a value is not allowed.
        """
        names = [each.name for each in fields(cls)]
        for name in values:
            if name not in names:
                close = difflib.get_close_matches(name, names, 1)
                advice = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(names)}"
                raise ValueError(f"{source!r} has the unknown setting {name!r}; {advice}")
        try:
            return cls(**values)
        except ValueError as error:
            raise ValueError(f"{source!r}: {error}") from error

    def replaced(self, **values: Any) -> Self:
        """Return settings with some other values."""
        return replace(self, **values)

    def to_toml(self) -> str:
        """Return the settings as TOML, one line for each.

        Example:
            >>> settings = Settings(task="classify", model="m", data="d", output="o")
            >>> settings.to_toml().splitlines()[:2]
            ['task = "classify"', 'model = "m"']
        """
        # JSON's texts, numbers and booleans are TOML's too. TOML needs a point in 1e-05.
        return "".join(f"{name} = {_toml(value)}\n" for name, value in asdict(self).items())


def read_settings(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the values that a TOML file sets, by name.

    Raises:
        ValueError: if the file is no TOML.
        OSError: if it cannot be read.
    """
    import tomllib  # late, because every command line declares the settings, and few read a file

    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{os.fspath(path)!r} is no TOML file ({error}); correct it") from error


def write_settings(path: Path, settings: Settings) -> None:
    """Write settings as TOML; the file appears only when it is complete."""
    from ptbert_hub import atomic_write  # late, likewise

    with atomic_write(path) as file:
        file.write(settings.to_toml().encode())


def differences(old: Settings, new: Settings) -> list[str]:
    """Name the settings that make another training, with both values.

    Example:
        >>> old = Settings(task="classify", model="m", data="d", output="o")
        >>> differences(old, old.replaced(epochs=5, output="elsewhere"))
        ['epochs was 3 and is 5']
    """
    return [
        f"{each.name} was {getattr(old, each.name)!r} and is {getattr(new, each.name)!r}"
        for each in fields(old)
        if not each.metadata["of_run"] and getattr(old, each.name) != getattr(new, each.name)
    ]


def _toml(value: Any) -> str:
    if isinstance(value, float):
        text = repr(value)
        mantissa, _, exponent = text.partition("e")
        return text if "." in mantissa or not exponent else f"{mantissa}.0e{exponent}"
    # JSON writes DEL as it is, and TOML does not allow that.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


_PATHS = ("model", "data", "validation", "output")
_NEEDED = ("task", "model", "data", "output")
_LARGEST = 2**63 - 1
_SHARES = ("warmup", "mask_share")
_FROM_ZERO = (
    "learning_rate",
    "weight_decay",
    "max_length",
    "seed",
    "micro_batches",
    "checkpoint_minutes",
)


def _problem(each: Any, value: Any) -> str | None:
    """Say what is allowed if a value is not; None if it is."""
    kind = type(each.default)
    if type(value) is not kind:
        if each.name == "model":
            return "give a name or a folder; save_pretrained writes a model into one"
        return f"give a value of type {kind.__name__}"
    if choices := each.metadata["choices"]:
        return None if value in choices else f"choose one of {', '.join(choices)}"
    if kind is str and value.encode(errors="replace").decode() != value:
        return "give one of Unicode characters"
    if each.name in _PATHS and "\0" in value:
        return "give one without the character NUL"
    if kind is str:
        return f"give {each.metadata['help']}" if each.name in _NEEDED and not value else None
    if kind is bool:
        return None
    if each.name in _SHARES:
        return None if 0 <= value < 1 else "give a number from 0 up to, but not, 1"
    if kind is int and value > _LARGEST:
        return f"give a number of at most {_LARGEST}"
    if each.name in _FROM_ZERO:
        return None if 0 <= value < math.inf else "give a number of at least 0"
    if kind is int:
        return None if value >= 1 else "give a whole number of at least 1"
    return None if 0 < value < math.inf else "give a number above 0"
