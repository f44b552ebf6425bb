"""The ids of many texts, end to end in one array."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


BLOCK = 2**20  # characters


class FlatIds(NamedTuple):
    """The ids of several texts, end to end.

    Args:
        ids: (T,) int32, all ids.
        bounds: (N + 1,) int64; text ``i`` has ``ids[bounds[i]:bounds[i + 1]]``.
    """

    ids: "NDArray[np.int32]"
    bounds: "NDArray[np.int64]"


def flat_ids(found: Sequence[Sequence[int]]) -> FlatIds:
    """Return the ids of several texts end to end, given those of each."""
    import numpy as np

    bounds = np.cumsum([0, *map(len, found)], dtype=np.int64)
    return FlatIds(np.fromiter(chain.from_iterable(found), np.int32, int(bounds[-1])), bounds)


def blocks(texts: Sequence[str], size: int = BLOCK) -> Iterator[Sequence[str]]:
    """Cut a list of texts into lists of about ``size`` characters.

    Example:
        >>> list(blocks(["ab", "c", "def"], 3))
        [['ab', 'c'], ['def']]
    """
    start = total = 0
    for position, text in enumerate(texts):
        if total and total + len(text) > size:
            yield texts[start:position]
            start, total = position, 0
        total += len(text)
    if start < len(texts):
        yield texts[start:]


def gathered(texts: Iterable[str], size: int = BLOCK) -> Iterator[list[str]]:
    """Gather texts that come one by one into lists of about ``size`` characters.

    Example:
        >>> list(gathered(iter(["ab", "c", "def", ""]), 4))
        [['ab', 'c'], ['def'], ['']]
    """
    block: list[str] = []
    total = 0
    for text in texts:
        block.append(text)
        total += len(text) + 1  # lists of empty texts end too
        if total >= size:
            yield block
            block, total = [], 0
    if block:
        yield block


def joined(parts: Sequence[FlatIds]) -> FlatIds:
    """Put the ids of several blocks of texts end to end.

    Example:
        >>> import numpy as np
        >>> one = FlatIds(np.array([5, 6], np.int32), np.array([0, 2]))
        >>> two = FlatIds(np.array([7], np.int32), np.array([0, 1]))
        >>> [array.tolist() for array in joined([one, two])]
        [[5, 6, 7], [0, 2, 3]]
    """
    import numpy as np

    if not parts:
        return FlatIds(np.empty(0, np.int32), np.zeros(1, np.int64))
    starts = np.cumsum([0, *(len(part.ids) for part in parts)])
    bounds = [part.bounds[:-1] + start for part, start in zip(parts, starts, strict=False)]
    return FlatIds(
        np.concatenate([part.ids for part in parts]), np.concatenate([*bounds, starts[-1:]])
    )


def positions(starts: "NDArray[np.int64]", counts: "NDArray[np.int64]") -> "NDArray[np.int64]":
    """Return the numbers from each start on, as many as its count says, end to end.

    Example:
        >>> import numpy as np
        >>> positions(np.array([5, 0]), np.array([2, 3])).tolist()
        [5, 6, 0, 1, 2]
    """
    import numpy as np

    ends = counts.cumsum()
    return np.arange(int(ends[-1]) if len(ends) else 0) + (starts - ends + counts).repeat(counts)
