"""Attention within each text of a packed batch: by a kernel on a GPU, by lengths on a CPU

Letters: T tokens of all texts one after the other, B texts, H heads, D features per head.

Source:
    Dao 2023, "FlashAttention-2: Faster Attention with Better Parallelism and Work Partitioning",
    arXiv:2307.08691; the kernel is PyTorch's.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import groupby

import torch
import torch.nn.functional as F
from torch import Tensor

from ptbert_models.parts.attention import Dropout, attend, has_other_derivatives
from ptbert_models.parts.second_derivatives import with_second_derivatives

# A call for some texts must save so many of the scores that padding would have, or it takes longer.
_WORTH_A_CALL = 10_000


def text_borders(real: Tensor) -> Tensor:
    """Return where texts begin and end when their real tokens are packed: (B, L) → (B + 1,).

    Example:
        >>> text_borders(torch.tensor([[True, True, False], [True, False, False]])).tolist()
        [0, 2, 3]
    """
    return F.pad(real.sum(1).cumsum(0), (1, 0)).int()


def attend_packed(
    query: Tensor, key: Tensor, value: Tensor, borders: Tensor, longest: int, dropout: Dropout
) -> Tensor | None:
    """Return the mean of the values of each token's own text, or None where no kernel does that.

    The definition is ``attend`` on a batch with padding. The kernel is for half precision. It has
    no derivatives but first ones: with dropout no others are to be had, without they are those of
    the definition.

    Args:
        query: (T, H, D).
        key: (T, H, D).
        value: (T, H, D).
        borders: (B + 1,), see ``text_borders``.
        longest: number of tokens that no text exceeds.
        dropout: as in ``attend``.

    Returns:
        (T, H, D).
    """
    if callable(dropout) or has_other_derivatives() or not _is_allowed():
        return None
    if not query.dtype == key.dtype == value.dtype:  # adapters may widen some; ``attend`` says so
        return None
    if not kernel_works(query.device, query.dtype, query.size(-1)):
        return None
    context = run_kernel(query, key, value, borders, longest, dropout)
    if dropout or not context.requires_grad:
        return context

    def formula(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        return attend_each_text(query, key, value, borders)

    return with_second_derivatives(context, formula, query, key, value)


def attend_each_text(query: Tensor, key: Tensor, value: Tensor, borders: Tensor) -> Tensor:
    """Compute the same as ``attend_packed`` step by step, one text after the other.

    Example:
        >>> rows = torch.eye(3).view(3, 1, 3)
        >>> attend_each_text(rows, rows, rows, torch.tensor([0, 1, 3])).gt(0).int()[:, 0]
        tensor([[1, 0, 0],
                [0, 1, 1],
                [0, 1, 1]], dtype=torch.int32)
    """
    lengths = borders.diff().tolist()
    contexts = []
    texts = (torch.split(rows, lengths) for rows in (query, key, value))
    for each in zip(*texts, strict=True):
        queries, keys, values = (rows.transpose(0, 1) for rows in each)  # (H, tokens, D)
        scores = queries * queries.size(-1) ** -0.5 @ keys.transpose(-2, -1)
        contexts.append((scores.softmax(-1) @ values).transpose(0, 1))
    return torch.cat(contexts)


def texts_by_length(real: Tensor) -> list[tuple[int, int]]:
    """Return how many texts in a row have the same number of real tokens, and which number.

    Texts without real tokens are left out.

    Args:
        real: (B, L), True for real tokens.

    Example:
        >>> texts_by_length(torch.tensor([[True, True], [True, True], [True, False]]))
        [(2, 2), (1, 1)]
    """
    lengths = real.sum(1).tolist()
    return [(sum(1 for _ in texts), length) for length, texts in groupby(lengths) if length]


def attend_by_lengths(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    texts: Sequence[tuple[int, int]],
    padded: int,
    dropout: Dropout,
) -> Tensor | None:
    """Return the mean of the values of each token's own text, or None where padding costs less.

    ``attend`` is called for all texts in a row that have the same length. It costs less to call it
    once, with padding, where that would save few scores. A dropout that is a function is called
    once, too, and gets the weights of the whole batch.

    Args:
        query: (T, H, D).
        key: (T, H, D).
        value: (T, H, D).
        texts: see ``texts_by_length``.
        padded: number of scores that a head has with padding, B * L * L.
        dropout: as in ``attend``.

    Returns:
        (T, H, D).

    Example:
        >>> rows = torch.eye(200).view(200, 1, 200)
        >>> attend_by_lengths(rows, rows, rows, [(1, 120), (2, 40)], 3 * 120 * 120, 0.0).shape
        torch.Size([200, 1, 200])
    """
    saved = query.size(1) * (padded - sum(number * length**2 for number, length in texts))
    if not texts or callable(dropout) or saved < _WORTH_A_CALL * len(texts):
        return None
    sizes = [number * length for number, length in texts]
    contexts = []
    parts = (torch.split(each, sizes) for each in (query, key, value))
    for shape, *rows in zip(texts, *parts, strict=True):
        batch = (each.unflatten(0, shape).transpose(1, 2) for each in rows)
        context, _ = attend(*batch, dropout=dropout)  # (texts, H, length, D)
        contexts.append(context.transpose(1, 2).flatten(0, 1))
    return torch.cat(contexts)


def _is_allowed() -> bool:
    """Whether a program left PyTorch the choice of this kernel, see ``torch.nn.attention``."""
    return bool(torch.backends.cuda.flash_sdp_enabled())  # type: ignore[no-untyped-call]


@cache
def kernel_works(device: torch.device, dtype: torch.dtype, features: int) -> bool:
    """Say whether the installed PyTorch has the kernel for a device, with the expected results.

    It is run once on two texts of three tokens and one, and compared with the formula.
    """
    if device.type != "cuda" or dtype not in (torch.float16, torch.bfloat16):
        return False
    with torch.inference_mode(False), torch.no_grad():
        rows = torch.linspace(-1, 1, 4 * features, device=device).sin().view(4, 1, features)
        query, key, value = rows.to(dtype), rows.flip(0).to(dtype), rows.flip(2).to(dtype)
        borders = torch.tensor([0, 3, 4], dtype=torch.int32, device=device)
        want = attend_each_text(query.float(), key.float(), value.float(), borders)
        try:
            got = run_kernel(query, key, value, borders, 3, 0.0)
        except (RuntimeError, TypeError, AttributeError, NotImplementedError):
            return False
        return got.shape == want.shape and bool((got.float() - want).abs().max() < 0.02)


def run_kernel(
    query: Tensor, key: Tensor, value: Tensor, borders: Tensor, longest: int, dropout: float
) -> Tensor:
    """Call the kernel of PyTorch; arguments as in ``attend_packed``."""
    results = torch.ops.aten._flash_attention_forward(  # noqa: SLF001  # has no public name
        query, key, value, borders, borders, longest, longest, dropout, False, False
    )
    context: Tensor = results[0]
    return context
