"""What configurations say about the computation, compared with what the models compute."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ptbert_hub.messages import shown
from ptbert_models.errors import OtherFamily
from ptbert_models.foreign import TABLE, ends_in, foreign_configuration, foreign_weights

ARCHITECTURE = "model_type"  # the key in which all later libraries name it


# How the names of variables in the authors' TensorFlow checkpoints begin, and who reads them.
VARIABLES = {
    "bert": ("bert/", "BertModel"),
    "gpt2": ("model/h0/", "GPT2Model"),
    "transfo_xl": ("transformer/layer_0/rel_attn/", "TransfoXLModel"),
}


# A key of configurations that shows the architecture where they do not name it, as in 2019, and a
# weight that every model of it has. Files of GPT have the key of GPT-2 too.
_KEYS = {"openai-gpt": "afn", "gpt2": "n_embd", "transfo-xl": "d_embed", "bert": "hidden_size"}
_TABLES = {
    "openai-gpt": "tokens_embed.weight",
    "gpt2": "wte.weight",
    "transfo-xl": "word_emb.emb_layers.0.weight",
    "bert": TABLE,
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
        OtherFamily: if it names another architecture; this is a ``ValueError`` too.
        ValueError: if it says something else; the message names the key and its value.
    """
    names = {each.__name__ for each in model_class.__mro__}
    for key, computed, remedy, concerns in statements:
        given = getattr(config, key, computed[0])
        if given in computed or (concerns and names.isdisjoint(concerns)):
            continue
        advice = remedy if key != ARCHITECTURE else readers_of(given)
        error = OtherFamily if key == ARCHITECTURE else ValueError
        raise error(
            f"{type(config).__name__}: {key}={shown(given)} is a variant that this model does not "
            f"compute; only {key}={computed[0]!r} is. For such a file: {advice}"
        )


def architecture_of(values: Mapping[str, Any]) -> str | None:
    """Return the architecture that a configuration names, or that shows in its keys.

    Example:
        >>> architecture_of({"n_embd": 768}), architecture_of({"n_embd": 768, "afn": "gelu"})
        ('gpt2', 'openai-gpt')
    """
    if values.get(ARCHITECTURE) is not None:
        return values[ARCHITECTURE]
    if (foreign := foreign_configuration(values, _KEYS.values())) is not None:
        return foreign
    return next((name for name, key in _KEYS.items() if key in values), None)


def checked_keys(values: dict[str, Any], config_class: Any, source: object) -> dict[str, Any]:
    """Return what a file says, or refuse the keys of another architecture, which it does not name.

    GPT's and GPT-2's are told apart by their weights.

    Args:
        values: what the file says.
        config_class: the class of the configuration that is wanted.
        source: the file, for the message.

    Raises:
        OtherFamily: if it is of another architecture.
    """
    own = getattr(config_class, ARCHITECTURE, None)  # a program's own class may have none
    key = _KEYS.get("gpt2" if own == "openai-gpt" else own or "")
    name = architecture_of(values)
    if key is None or values.get(ARCHITECTURE) is not None or name is None:
        return values
    if name not in _KEYS:
        raise OtherFamily(
            f"{str(source)!r} is the configuration of another architecture, {name}, as its keys "
            f"show or the names under 'architectures'. For such a file: {readers_of(name)}"
        )
    if key in values or (name == "bert" and "intermediate_size" not in values):
        return values  # BERT's key is a later name of theirs
    raise OtherFamily(
        f"{str(source)!r} is the configuration of another architecture, {name}: it has the key "
        f"{_KEYS[name]!r} and no {key!r}. For such a file: {readers_of(name)}"
    )


def check_tables(weights: Mapping[str, Any], model: Any) -> None:
    """Refuse weights that have the embeddings of another architecture in place of a model's own.

    Args:
        weights: by name.
        model: the model, with the class of its configuration.

    Raises:
        OtherFamily: if they are of another architecture.
    """
    own = getattr(model.config_class, ARCHITECTURE, None)
    if own not in _TABLES:
        return
    table, named = _TABLES[own], ARCHITECTURE in vars(model.config)
    has_own = _ending_in(weights, table) is not None
    if has_own and foreign_weights(weights, table, (), named=named) is None:
        return  # as usual; the names that the model has take longer
    wanted = model.state_dict()
    if _ending_in(wanted, table) is None:  # a program's own embeddings
        return
    if foreign := foreign_weights(weights, table, wanted.keys(), named=named):
        name, sign = foreign
    elif has_own:
        return
    else:
        found = ((name, _ending_in(weights, ending)) for name, ending in _TABLES.items())
        there = {name: key for name, key in found if key is not None}
        if not there:
            return
        name, key = next(iter(there.items()))
        sign = f"they have {key!r} and no {table!r}"
    raise OtherFamily(
        f"these are weights of another architecture, {name}: {sign}. For such a file: "
        f"{readers_of(name)}"
    )


def _ending_in(keys: Iterable[Any], ending: str) -> str | None:
    """The first key that has such an ending."""
    return next((key for key in keys if isinstance(key, str) and ends_in(key, ending)), None)


def check_variables(names: Iterable[str], family: str, source: str) -> None:
    """Compare the names in a TensorFlow checkpoint with those of a family.

    Args:
        names: those of its variables.
        family: the catalog's word for the family that is to read it.
        source: the checkpoint, for messages.

    Raises:
        OtherFamily: if it is a checkpoint of another family.

    Example:
        >>> check_variables(["bert/pooler/dense/kernel"], "bert", "bert_model.ckpt")
    """
    names = list(names)
    for other, (start, reader) in VARIABLES.items():
        found = next((name for name in names if name.startswith(start)), None)
        if other != family and found:
            raise OtherFamily(
                f"{source!r} is a TensorFlow checkpoint of another architecture (it has "
                f"{found!r}); load it with {reader}, or another class of that family"
            )
