"""Embeddings of ids: how many rows they have, and whether ids are among them."""

from __future__ import annotations

from torch import Tensor, nn

from ptbert_models.parts.inputs import check_fits, check_ids, is_recorded
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


def check_rows(
    ids: Tensor,
    table: nn.Module,
    *,
    name: str,
    remedy: str,
    shape: tuple[int, ...] | None = None,
) -> None:
    """Raise an error for ids that an embedding cannot look up, see ``check_ids``.

    With the shape of a batch, also for ids that cannot stand beside it, see ``check_fits``.

    Example:
        >>> import torch
        >>> check_rows(torch.tensor([5]), nn.Embedding(5, 2), name="ids", remedy="use another")
        Traceback (most recent call last):
        ...
        ValueError: ids holds 5, and this model takes 0 to 4; use another
    """
    rows = rows_of(table)
    if rows is not None:
        check_ids(ids, rows, name=name, remedy=remedy)
        if shape is not None:
            check_fits(name, ids, shape)
