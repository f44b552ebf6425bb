"""Long texts in overlapping windows: which rows belong to a text, and their tokens put together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ptbert_tokenizers import Batch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Window(NamedTuple):
    """The part of a text that one row of a batch holds.

    Args:
        row: of the batch.
        places: (T,), positions in the row of the text's tokens.
        start: number of the first of them among all tokens of the text.
    """

    row: int
    places: NDArray[np.int64]
    start: int


def windows_of_texts(
    batch: Batch, number: int, stride: int, *, second: bool = False
) -> list[list[Window]]:
    """Return the windows of each text.

    Args:
        batch: with its ``special_tokens_mask``.
        number: of texts.
        stride: tokens that a window repeats of the one before.
        second: whether the second text of each pair has windows, rather than the first.
    """
    import numpy as np

    if batch.special_tokens_mask is None:
        raise ValueError("the batch has no special_tokens_mask; ask encode_batch for it")
    held = (batch.special_tokens_mask == 0) & (batch.token_type_ids == int(second))
    found: list[list[Window]] = [[] for _ in range(number)]
    for row, text in enumerate(batch.text_index.tolist()):
        before = found[text][-1] if found[text] else None
        start = 0 if before is None else before.start + len(before.places) - stride
        found[text].append(Window(row, np.flatnonzero(held[row]), start))
    return found


def joined(parts: Sequence[NDArray[Any]], stride: int) -> NDArray[Any]:
    """Put what was found for the tokens of each window together.

    Of tokens that two windows share, the first half is taken from the first window and the second
    half from the second, so that each token is seen with much of the text on both sides.

    Args:
        parts: (T, ...) for each window.
        stride: tokens that a window repeats of the one before.

    Example:
        >>> import numpy as np
        >>> joined([np.array([0, 1, 2, 3]), np.array([12, 13, 14])], stride=2).tolist()
        [0, 1, 2, 13, 14]
    """
    import numpy as np

    first, last = stride // 2, stride - stride // 2
    return np.concatenate(
        [
            part[first if number else 0 : len(part) - (last if number < len(parts) - 1 else 0)]
            for number, part in enumerate(parts)
        ]
    )
