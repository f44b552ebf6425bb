"""What the names and shapes of a TensorFlow checkpoint say about a Transformer-XL."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import accumulate
from typing import Any

from ptbert_models.transfo_xl.config import TransfoXLConfig

Shapes = Mapping[str, tuple[int, ...]]

_EMBEDDINGS, _SOFTMAX = "transformer/adaptive_embed", "transformer/adaptive_softmax"
_LAYER = re.compile(r"^transformer/layer_(\d+)/")


def seen_values(shapes: Shapes, config: TransfoXLConfig | None = None) -> dict[str, Any]:
    """Return the values of a configuration that the variables of a checkpoint show.

    Lengths, rates and ``clamp_len`` do not show.

    Args:
        shapes: the shapes of the variables by name.
        config: decides where several values would give the same variables: ``div_val`` after
            rounding, and ``tie_projs`` where no projection is saved.

    Example:
        >>> seen = seen_values({"transformer/r_w_bias": (3, 2, 8), "transformer/layer_0/x": (),
        ...                     "transformer/layer_1/x": ()})
        >>> seen == {"untie_r": True, "n_head": 2, "d_head": 8, "n_layer": 2}
        True
    """
    seen: dict[str, Any] = {}
    if biases := shapes.get("transformer/r_w_bias"):
        seen |= {"untie_r": len(biases) == 3, "n_head": biases[-2], "d_head": biases[-1]}
    if layers := {int(found[1]) for name in shapes if (found := _LAYER.match(name))}:
        seen["n_layer"] = max(layers) + 1
    for name, key, axis in (
        ("rel_attn/qkv/kernel", "d_model", 0),
        ("ff/layer_1/kernel", "d_inner", 1),
    ):
        if shape := shapes.get(f"transformer/layer_0/{name}"):
            seen[key] = shape[axis]
    return seen | _seen_clusters(shapes, config, seen.get("d_model"))


def clusters_without_projection(shapes: Shapes, width: int) -> list[int]:
    """Return the clusters whose vectors are as wide as the model and are used as they are.

    The authors' code leaves out a projection where ``proj_same_dim`` is off and it would be square.
    """
    tables = _tables(shapes)
    return [
        cluster
        for cluster, (_, columns) in enumerate(tables)
        if columns == width and f"{_EMBEDDINGS}/cutoff_{cluster}/proj_W" not in shapes
    ]


def _seen_clusters(
    shapes: Shapes, config: TransfoXLConfig | None, width: int | None
) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    tables = _tables(shapes)
    single = shapes.get(f"{_EMBEDDINGS}/lookup_table")
    biases = _numbered(shapes, f"{_SOFTMAX}/cutoff_{{}}/b")
    if tables:
        sizes = [rows for rows, _ in tables]
        seen |= {"d_embed": tables[0][1], "div_val": _division(tables, config)}
    elif single:
        sizes = [rows for (rows,) in biases] or [single[0]]
        seen |= {"d_embed": single[1], "div_val": 1}
    else:
        return seen
    *cutoffs, tokens = accumulate(sizes)
    seen |= {"n_token": tokens, "cutoffs": cutoffs}
    if not any(name.startswith(f"{_SOFTMAX}/") for name in shapes):
        return seen  # a bare model
    seen["tie_weight"] = not any(re.search(r"adaptive_softmax/.*W$", n) for n in _words(shapes))
    given = config.tie_projs if config is not None else []
    seen["tie_projs"] = [
        _is_tied(
            shapes, cluster, default=given[cluster] if len(given) == len(sizes) else cluster > 0
        )
        for cluster in range(len(sizes))
    ]
    return seen


def _words(shapes: Shapes) -> list[str]:
    """The variables except for the vectors of clusters, which are never shared."""
    return [name for name in shapes if not name.endswith("/cluster_W")]


def _is_tied(shapes: Shapes, cluster: int, *, default: bool) -> bool:
    """Whether the softmax uses the projection of the embedding, which then it does not save."""
    if f"{_SOFTMAX}/cutoff_{cluster}/proj" in shapes or f"{_SOFTMAX}/proj" in shapes:
        return False
    names = (f"{_EMBEDDINGS}/proj_W", f"{_EMBEDDINGS}/cutoff_{cluster}/proj_W")
    return True if any(name in shapes for name in names) else default


def _tables(shapes: Shapes) -> list[tuple[int, ...]]:
    return _numbered(shapes, f"{_EMBEDDINGS}/cutoff_{{}}/lookup_table")


def _numbered(shapes: Shapes, name: str) -> list[tuple[int, ...]]:
    found: list[tuple[int, ...]] = []
    while (shape := shapes.get(name.format(len(found)))) is not None:
        found.append(shape)
    return found


def _division(tables: list[tuple[int, ...]], config: TransfoXLConfig | None) -> int:
    """Return how many times narrower each further table is."""
    widths = [columns for _, columns in tables]

    def fits(division: int) -> bool:
        return widths == [widths[0] // division**cluster for cluster in range(len(widths))]

    given = 0 if config is None else config.div_val
    if isinstance(given, int) and given > 1 and fits(given):
        return given
    return next((division for division in range(2, widths[0] + 1) if fits(division)), 0)
