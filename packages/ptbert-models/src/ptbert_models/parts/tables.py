"""Embeddings of ids: how many rows they have, whether ids are among them, other numbers of rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ptbert_models.parts.inputs import Ids, check_fits, check_ids, is_recorded
from ptbert_models.parts.untouched import is_plain


def rows_of(table: nn.Module) -> int | None:
    """Return the number of rows of an embedding, or None if it is not certain.

    A program's own embedding may take any input, and a hook may change ids before they are used.

    Example:
        >>> rows_of(nn.Embedding(5, 2)), rows_of(nn.Identity())
        (5, None)
    """
    if is_recorded() or not is_plain(table, nn.Embedding):
        return None
    weight: Tensor = table.weight  # type: ignore[assignment]
    return weight.size(0) or None  # some wrappers keep an empty weight between calls


def check_vectors(vectors: Tensor, width: int, dtype: torch.dtype) -> None:
    """Raise ``ValueError`` for vectors of another width than those of a model, or of a wider type.

    Args:
        vectors: (B, L, any).
        width: model width E.
        dtype: type of the model's numbers.

    Example:
        >>> check_vectors(torch.zeros(2, 3, 1), 2, torch.float32)
        Traceback (most recent call last):
        ...
        ValueError: inputs_embeds has shape (2, 3, 1), and this model has vectors of width 2
        >>> check_vectors(torch.zeros(2, 3, 2).double(), 2, torch.float32)
        Traceback (most recent call last):
        ...
        ValueError: inputs_embeds is of type torch.float64, and this model computes in \
torch.float32; give inputs_embeds.to(torch.float32)
    """
    if vectors.size(-1) != width:
        raise ValueError(
            f"inputs_embeds has shape {tuple(vectors.shape)}, and this model has vectors of width "
            f"{width}"
        )
    if torch.promote_types(vectors.dtype, dtype) != dtype:
        raise ValueError(
            f"inputs_embeds is of type {vectors.dtype}, and this model computes in {dtype}; give "
            f"inputs_embeds.to({dtype})"
        )


def check_fit(vectors: Tensor, table: nn.Module) -> None:
    """Check vectors that are added to those of an embedding, see ``check_vectors``."""
    if rows_of(table) is not None:
        weight: Tensor = table.weight  # type: ignore[assignment]
        check_vectors(vectors, weight.size(1), weight.dtype)


class Lookup(NamedTuple):
    """Ids, and the embedding that looks them up; see ``check_rows``.

    Args:
        ids: integers.
        table: the embedding.
        name: name of the argument, for messages.
        remedy: what to do about a wrong id, for messages.
        shape: that of the batch beside which they must be able to stand; any when None.
    """

    ids: Tensor
    table: nn.Module
    name: str
    remedy: str
    shape: tuple[int, ...] | None = None


def check_rows(*lookups: Lookup) -> None:
    """Raise an error for ids that an embedding cannot look up, see ``check_ids``.

    With the shape of a batch, also for ids that cannot stand beside it, see ``check_fits``.

    Example:
        >>> import torch
        >>> check_rows(Lookup(torch.tensor([5]), nn.Embedding(5, 2), "ids", "use another"))
        Traceback (most recent call last):
        ...
        ValueError: ids holds 5, and this model takes 0 to 4; use another
    """
    known = [(each, rows_of(each.table)) for each in lookups]
    check_ids(
        *[Ids(each.ids, rows, each.name, each.remedy) for each, rows in known if rows is not None]
    )
    for each, rows in known:
        if rows is not None and each.shape is not None:
            check_fits(each.name, each.ids, each.shape)


def resized_embedding(
    old: nn.Module, rows: int, initialize: Callable[[nn.Module], None]
) -> nn.Embedding:
    """Return an embedding with another number of rows, and the old values where it has them.

    Args:
        old: an ordinary embedding; it stays as it is.
        rows: how many rows are wanted.
        initialize: gives a new module its first values.

    Raises:
        TypeError: if it is another kind of module.

    Example:
        >>> old = nn.Embedding(2, 3)
        >>> torch.equal(resized_embedding(old, 5, lambda module: None).weight[:2], old.weight)
        True
    """
    if type(old) is not nn.Embedding:
        raise TypeError(
            f"a {type(old).__name__} has no rows that could be added or removed here; make another "
            "one, and pass it to set_input_embeddings"
        )
    padding = old.padding_idx
    new = nn.Embedding(
        rows,
        old.embedding_dim,
        padding_idx=padding if padding is None or padding < rows else None,
        max_norm=old.max_norm,
        norm_type=old.norm_type,
        scale_grad_by_freq=old.scale_grad_by_freq,
        sparse=old.sparse,
        device=old.weight.device,
        dtype=old.weight.dtype,
    )
    initialize(new)
    new.weight = _with_rows_of(old.weight, new.weight)
    new.train(old.training)
    return new


def resize_scores(layer: nn.Module, rows: int, initialize: Callable[[nn.Module], None]) -> None:
    """Give a linear layer another number of outputs, with the old values where it has them.

    Args:
        layer: weights (old number, width), and a bias or none.
        rows: how many outputs are wanted; a weight or bias with so many rows stays as it is.
        initialize: gives a new module its first values.

    Raises:
        TypeError: if it is another kind of module.

    Example:
        >>> layer = nn.Linear(3, 2)
        >>> resize_scores(layer, 4, lambda module: None)
        >>> layer, layer.bias.shape
        (Linear(in_features=3, out_features=4, bias=True), torch.Size([4]))
    """
    weight = getattr(layer, "weight", None)
    if not isinstance(layer, nn.Linear) or type(weight) is not nn.Parameter:
        raise TypeError(
            f"the scores of tokens are computed by a {type(layer).__name__}, whose outputs cannot "
            "be added or removed here; take adapters and the like away first"
        )
    new = nn.Linear(
        layer.in_features,
        rows,
        bias=layer.bias is not None,
        device=weight.device,
        dtype=weight.dtype,
    )
    initialize(new)
    for name, parameter in new.named_parameters():
        old = getattr(layer, name)
        if old.size(0) != rows:
            setattr(layer, name, _with_rows_of(old, parameter))
    layer.out_features = rows


def _with_rows_of(old: Tensor, new: Tensor) -> nn.Parameter:
    """Return a parameter with the values of one, and those of another in its first rows."""
    kept = min(old.size(0), new.size(0))
    values = torch.cat((old.detach()[:kept], new.detach()[kept:]))
    return nn.Parameter(values, requires_grad=old.requires_grad)


def resized_vector(old: nn.Parameter, rows: int) -> nn.Parameter:
    """Return a parameter (number of rows,) with old values where it has them, and 0 after them.

    Example:
        >>> resized_vector(nn.Parameter(torch.ones(1)), 2).tolist()
        [1.0, 0.0]
    """
    return _with_rows_of(old, old.new_zeros(rows))
