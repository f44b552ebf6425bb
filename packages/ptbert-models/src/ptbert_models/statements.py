"""What configurations say about the computation, compared with what the models compute."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from ptbert_hub.messages import shown


class Statement(NamedTuple):
    """A key of configurations that says how a model computes.

    A file without the key says nothing, so it is read as in 2019.

    Args:
        key: its name.
        computed: the values under which the models of this library compute the same; the first is
            the usual one.
        remedy: what to do about a file with another value.
        concerns: the names of the classes that it matters to; all of the family if empty.
    """

    key: str
    computed: tuple[Any, ...]
    remedy: str
    concerns: tuple[str, ...] = ()


def architecture(*names: str) -> Statement:
    """Return the statement about the architecture, whose name all later libraries write."""
    return Statement("model_type", names, "load it with the class of that architecture")


QUANTIZED = Statement(
    "quantization_config",
    (None,),
    "load it with the library that quantized it, and save its weights as floating-point numbers",
)


def check_statements(config: Any, statements: Iterable[Statement], model_class: type) -> None:
    """Compare what a configuration says with what a class computes.

    Args:
        config: the configuration.
        statements: those that its family knows.
        model_class: the class that a model is built of.

    Raises:
        ValueError: if it says something else; the message names the key and its value.
    """
    names = {each.__name__ for each in model_class.__mro__}
    for key, computed, remedy, concerns in statements:
        given = getattr(config, key, computed[0])
        if given in computed or (concerns and names.isdisjoint(concerns)):
            continue
        raise ValueError(
            f"{type(config).__name__}: {key}={shown(given)} is a variant that this model does not "
            f"compute; only {key}={computed[0]!r} is. For such a file: {remedy}"
        )
