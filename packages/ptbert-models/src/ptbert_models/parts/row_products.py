"""Products of one row with a matrix, for writing one text token by token on one CPU thread.

Such a product reads every weight once and does little else. The kernels of embedding bags, which
sum weighted rows of a table, read float32 matrices faster than BLAS does: see the line "matrix
products alone" of ``benchmarks/gpt2.py``. With more threads BLAS shares the work and one bag does
not, so there the plain products stay.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from ptbert_models.parts.inputs import values_are_known

# The gradient of a bag with respect to the weights of its rows is a product with each row.
_DOT_WITH_ROWS = getattr(torch.ops.aten, "_embedding_bag_per_sample_weights_backward", None)


def is_faster(x: Tensor, weight: Tensor) -> bool:
    """Whether the functions of this module apply to a product, and are faster.

    Args:
        x: (..., in).
        weight: a matrix.
    """
    return (
        x.numel() == x.size(-1)
        and x.device.type == "cpu"
        and x.dtype == weight.dtype == torch.float32
        and not torch.is_grad_enabled()
        and torch.get_num_threads() == 1
        and values_are_known()
        and not torch.is_autocast_enabled("cpu")
        and x.is_contiguous()
        and weight.is_contiguous()
        and type(x) is Tensor  # no stand-in without values, no shard of a tensor
    )


def row_times_matrix(x: Tensor, weight: Tensor) -> Tensor:
    """Multiply one row (in,) with weights (in, out): (out,).

    Example:
        >>> row_times_matrix(torch.tensor([1.0, 2.0]), torch.tensor([[1.0, 0.0], [0.0, 3.0]]))
        tensor([1., 6.])
    """
    rows, start, _ = _one_bag(weight.size(0))
    return torch.embedding_bag(weight, rows, start, per_sample_weights=x)[0][0]


def matrix_times_row(weight: Tensor, x: Tensor) -> Tensor:
    """Multiply weights (out, in) with one row (in,): (out,).

    Example:
        >>> matrix_times_row(torch.tensor([[1.0, 0.0], [1.0, 3.0]]), torch.tensor([1.0, 2.0]))
        tensor([1., 7.])
    """
    if _DOT_WITH_ROWS is None:  # not a public function, so it may go
        return torch.mv(weight, x)
    return _DOT_WITH_ROWS(x[None], weight, *_one_bag(weight.size(0)), 0)


@lru_cache(maxsize=16)  # a model has few sizes
def _one_bag(size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the rows of a bag that holds a whole table, where it starts, and each row's bag."""
    rows = torch.arange(size, dtype=torch.int32, device="cpu")
    return rows, rows.new_zeros(1), torch.zeros_like(rows)
