"""Files of architectures that this library does not have, told where they do not name theirs"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from torch import Tensor

from ptbert_models.parts.inputs import values_are_known

TABLE = "embeddings.word_embeddings.weight"  # BERT's embeddings of tokens, and those of its kin
_POSITIONS = "embeddings.position_embeddings.weight"


class _Signs(NamedTuple):
    """What shows an architecture, as its files were until 2020, when they began to name it.

    Args:
        classes: the beginning of the names of its classes.
        prefix: the name before the bare model's weights, where these are called as BERT's.
        keys: keys of configurations that no other architecture has together; those of a family of
            this library that are not among them show that a program added the others.
        weight: the end of the name of a weight that no other architecture has; none if empty.
    """

    classes: str
    prefix: str = ""
    keys: tuple[str, ...] = ()
    weight: str = ""


_SIGNS: Mapping[str, _Signs] = {
    "roberta": _Signs("Roberta", "roberta"),
    "camembert": _Signs("Camembert"),
    "xlm-roberta": _Signs("XLMRoberta"),
    "albert": _Signs(
        "Albert",
        "albert",
        ("hidden_size", "embedding_size", "inner_group_num"),
        "encoder.embedding_hidden_mapping_in.weight",
    ),
    "electra": _Signs("Electra", "electra", weight="embeddings_project.weight"),
    "distilbert": _Signs(
        "DistilBert", "distilbert", ("dim", "n_heads"), "transformer.layer.0.attention.q_lin.weight"
    ),
    "xlnet": _Signs("XLNet", "", ("attn_type", "ff_activation"), "layer.0.rel_attn.q"),
    "xlm": _Signs("XLM", "", ("emb_dim", "n_heads"), "attentions.0.q_lin.weight"),
    "ctrl": _Signs("CTRL", "", ("dff", "n_embd"), "h.0.multi_head_attention.Wq.weight"),
    "t5": _Signs("T5", "", ("d_ff", "d_kv"), "block.0.layer.0.SelfAttention.q.weight"),
}
_WEIGHTS = tuple(signs.weight for signs in _SIGNS.values() if signs.weight)


def foreign_configuration(values: Mapping[str, Any], own_keys: Collection[str] = ()) -> str | None:
    """Return the other architecture of a configuration that does not name it, if one shows.

    Args:
        values: what the file says.
        own_keys: keys that show the families of this library.

    Example:
        >>> foreign_configuration({"hidden_size": 8, "architectures": ["RobertaForMaskedLM"]})
        'roberta'
        >>> foreign_configuration({"d_model": 8, "d_kv": 4, "d_ff": 16})
        't5'
        >>> foreign_configuration({"hidden_size": 8, "architectures": ["BertForMaskedLM"]})
        >>> foreign_configuration({"hidden_size": 8, "d_kv": 4, "d_ff": 16}, ["hidden_size"])
    """
    classes = values.get("architectures")
    names = [each for each in classes if isinstance(each, str)] if type(classes) is list else []
    for name, signs in _SIGNS.items():
        if any(re.match(rf"{signs.classes}(Model|For|LMHead|WithLMHead)", each) for each in names):
            return name
    own = {key for key in own_keys if key in values}
    return next(
        (
            name
            for name, signs in _SIGNS.items()
            if signs.keys and own.issubset(signs.keys) and all(key in values for key in signs.keys)
        ),
        None,
    )


def foreign_weights(
    weights: Mapping[str, Any], table: str, wanted: Collection[str], *, named: bool
) -> tuple[str, str] | None:
    """Return the other architecture that weights show, and by what; None if none shows.

    Weights of two models in one file are a program's own, and one of them may be wanted.

    Args:
        weights: tensors by name.
        table: the end of the name of the embeddings of the architecture that is wanted.
        wanted: names of the weights of the model. What is called so is a program's own.
        named: whether the configuration names the architecture, so that only names of weights count
            and no values.
    """
    keys = [key for key in weights if isinstance(key, str)]
    tables = [key for key in keys if ends_in(key, table)]
    telling = [key for key in keys if key.endswith(_WEIGHTS)]
    for name, signs in _SIGNS.items():
        if tables and signs.prefix:
            its_table = f"{signs.prefix}.{table}"
            are_its = all(ends_in(key, its_table) for key in tables)
            if are_its and not any(ends_in(key, its_table) for key in wanted):
                return name, f"their embeddings are called {tables[0]!r}"
        sign = next((key for key in telling if signs.weight and ends_in(key, signs.weight)), None)
        if sign is None or any(ends_in(key, signs.weight) for key in wanted):
            continue
        if all(key == sign.removesuffix(signs.weight) + table for key in tables):
            return name, f"they have {sign!r}"
    if table == TABLE and len(tables) == 1 and not named:
        positions = tables[0].removesuffix(TABLE) + _POSITIONS
        if _begins_at_two(weights.get(positions)):
            return "roberta", (
                f"the second row of {positions!r} is 0 and others are not, as with RoBERTa, "
                "CamemBERT and XLM-RoBERTa, whose positions begin at 2"
            )
    return None


def ends_in(key: str, ending: str) -> bool:
    """Whether the name of a weight ends in whole parts of names: not ``a.bc`` in ``c``.

    Example:
        >>> ends_in("a.b.weight", "b.weight"), ends_in("a.bb.weight", "b.weight")
        (True, False)
    """
    return key.endswith(ending) and f".{key}".endswith(f".{ending}")


def _begins_at_two(positions: Any) -> bool:
    """Whether position 1 of a table (positions, E) stands for padding, which is never trained."""
    if not (isinstance(positions, Tensor) and values_are_known(positions)):
        return False
    if positions.dim() != 2 or positions.size(0) < 3:
        return False
    return [bool(row.any()) for row in positions[:3]] == [True, False, True]
