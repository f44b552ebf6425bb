"""The ids that a model expects around texts."""

from typing import NamedTuple

from ptbert_tokenizers.batches.flat import FlatIds, positions


class Frame(NamedTuple):
    """Ids that a model expects before, between and after the texts."""

    before: tuple[int, ...] = ()
    between: tuple[int, ...] = ()
    after: tuple[int, ...] = ()

    @property
    def length(self) -> int:
        """Number of tokens in a row that do not come from the texts."""
        return len(self.before) + len(self.between) + len(self.after)


def framed(flat: FlatIds, frame: Frame, max_len: int | None = None) -> FlatIds:
    """Put a frame around each of many texts, and cut what is too long.

    Args:
        flat: the ids of the texts.
        frame: the ids before and after each text; there are no pairs.
        max_len: largest number of ids of a text with its frame; no limit when None.

    Raises:
        ValueError: if the frame alone is longer.

    Example:
        >>> import numpy as np
        >>> flat = FlatIds(np.array([5, 6, 7, 8], np.int32), np.array([0, 3, 4]))
        >>> [array.tolist() for array in framed(flat, Frame((1,), after=(2,)), max_len=4)]
        [[1, 5, 6, 2, 1, 8, 2], [0, 4, 7]]
    """
    import numpy as np

    around = len(frame.before) + len(frame.after)
    lengths = np.diff(flat.bounds)
    if max_len is not None:
        if max_len < around:
            raise ValueError(
                f"max_len={max_len} leaves no room for text: there are {around} special tokens; "
                "raise max_len"
            )
        lengths = np.minimum(lengths, max_len - around)
    bounds = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths + around, out=bounds[1:])
    ids = np.empty(int(bounds[-1]), np.int32)
    ids[positions(bounds[:-1] + len(frame.before), lengths)] = flat.ids[
        positions(flat.bounds[:-1], lengths)
    ]
    for place, each in enumerate(frame.before):
        ids[bounds[:-1] + place] = each
    for place, each in enumerate(reversed(frame.after), 1):
        ids[bounds[1:] - place] = each
    return FlatIds(ids, bounds)
