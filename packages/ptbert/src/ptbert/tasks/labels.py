"""The labels of a model, by name."""

from __future__ import annotations

from typing import Any, NamedTuple

from ptbert_hub.messages import shown


class Label(NamedTuple):
    """A label and its score."""

    label: str
    score: float


def label_names(config: Any, number: int) -> list[str]:
    """Return the names of a model's labels: those of ``config.id2label``, else ``LABEL_0`` and on.

    Args:
        config: of the model; it may lack the names.
        number: how many labels the model scores.

    Raises:
        ValueError: if the configuration names other labels than the model scores.

    Example:
        >>> from types import SimpleNamespace
        >>> label_names(SimpleNamespace(id2label={"0": "no", "1": "yes"}), 2)
        ['no', 'yes']
        >>> label_names(SimpleNamespace(), 2)
        ['LABEL_0', 'LABEL_1']
    """
    named = getattr(config, "id2label", None)
    if not named:
        return [f"LABEL_{index}" for index in range(number)]
    try:
        names = {int(index): str(name) for index, name in dict(named).items()}
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"config.id2label is {shown(named)}; give a dictionary such as {{0: 'no', 1: 'yes'}}, "
            "or set it to None"
        ) from error
    if sorted(names) != list(range(number)):
        raise ValueError(
            f"config.id2label names {len(names)} labels and the model scores {number}; correct "
            f"config.id2label, whose numbers must be 0 to {number - 1}, or set it to None"
        )
    return [names[index] for index in range(number)]
