"""What configurations say about the computation, compared with what the models compute."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from ptbert_hub.messages import shown

ARCHITECTURE = "model_type"  # the key in which all later libraries name it


# How the names of variables in the authors' TensorFlow checkpoints begin, and who reads them.
VARIABLES = {
    "bert": ("bert/", "BertModel"),
    "gpt2": ("model/h0/", "GPT2Model"),
    "transfo_xl": ("transformer/layer_0/rel_attn/", "TransfoXLModel"),
}


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
    return Statement(ARCHITECTURE, names, "")  # what to do depends on the other one


def readers_of(model_type: Any) -> str:
    """Say what opens a model of another architecture.

    Example:
        >>> readers_of("gpt2")
        'use GPT2Model, or another class whose name begins with GPT2'
    """
    start = _CLASSES.get(model_type) if isinstance(model_type, str) else None
    if start is not None:
        return f"use {start}Model, or another class whose name begins with {start}"
    return (
        "open it with the library transformers (AutoModel.from_pretrained), which has other "
        "architectures than BERT, GPT, GPT-2 and Transformer-XL"
    )


_CLASSES = {"bert": "Bert", "openai-gpt": "OpenAIGPT", "gpt2": "GPT2", "transfo-xl": "TransfoXL"}
"""What the names of classes begin with, by the architecture."""


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
        advice = remedy if key != ARCHITECTURE else readers_of(given)
        raise ValueError(
            f"{type(config).__name__}: {key}={shown(given)} is a variant that this model does not "
            f"compute; only {key}={computed[0]!r} is. For such a file: {advice}"
        )


def check_variables(names: Iterable[str], family: str, source: str) -> None:
    """Compare the names in a TensorFlow checkpoint with those of a family.

    Args:
        names: those of its variables.
        family: the catalog's word for the family that is to read it.
        source: the checkpoint, for messages.

    Raises:
        ValueError: if it is a checkpoint of another family.

    Example:
        >>> check_variables(["bert/pooler/dense/kernel"], "bert", "bert_model.ckpt")
    """
    names = list(names)
    for other, (start, reader) in VARIABLES.items():
        found = next((name for name in names if name.startswith(start)), None)
        if other != family and found:
            raise ValueError(
                f"{source!r} is a TensorFlow checkpoint of another architecture (it has "
                f"{found!r}); load it with {reader}, or another class of that family"
            )
