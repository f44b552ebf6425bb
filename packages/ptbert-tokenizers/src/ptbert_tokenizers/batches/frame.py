"""The ids that a model expects around texts."""

from contextlib import suppress
from operator import index
from typing import TYPE_CHECKING, Any, NamedTuple

from ptbert_tokenizers.batches.flat import FlatIds, positions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Frame(NamedTuple):
    """Ids that a model expects before, between and after the texts."""

    before: tuple[int, ...] = ()
    between: tuple[int, ...] = ()
    after: tuple[int, ...] = ()

    @property
    def length(self) -> int:
        """Number of tokens in a row that do not come from the texts."""
        return len(self.before) + len(self.between) + len(self.after)


def framed(
    flat: FlatIds, frame: Frame, max_len: int | None = None, stride: int | None = None
) -> FlatIds:
    """Put a frame around each of many texts, and cut what is too long.

    Args:
        flat: the ids of the texts.
        frame: the ids before and after each text; there are no pairs.
        max_len: largest number of ids of a text with its frame; no limit when None.
        stride: cut a long text into windows, each with a frame, where each window repeats this many
            ids of the one before; None to drop what is too long.

    Raises:
        ValueError: if the frame alone is longer, or the stride does not fit.

    Example:
        >>> import numpy as np
        >>> flat = FlatIds(np.array([5, 6, 7, 8], np.int32), np.array([0, 3, 4]))
        >>> [array.tolist() for array in framed(flat, Frame((1,), after=(2,)), max_len=4)]
        [[1, 5, 6, 2, 1, 8, 2], [0, 4, 7]]
        >>> [array.tolist() for array in framed(flat, Frame(), max_len=2, stride=1)]
        [[5, 6, 6, 7, 8], [0, 2, 4, 5]]
    """
    import numpy as np

    around = len(frame.before) + len(frame.after)
    starts, lengths = flat.bounds[:-1], np.diff(flat.bounds)
    if stride is not None and max_len is None:
        raise ValueError(f"stride={stride} is for windows, which need a length; give max_len too")
    if max_len is not None:
        if max_len < around:
            raise ValueError(
                f"max_len={max_len} leaves no room for text: there are {around} special tokens; "
                "raise max_len"
            )
        if stride is None:
            lengths = np.minimum(lengths, max_len - around)
        else:
            starts, lengths = _windows(starts, lengths, max_len - around, stride)
    bounds = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths + around, out=bounds[1:])
    ids = np.empty(int(bounds[-1]), np.int32)
    ids[positions(bounds[:-1] + len(frame.before), lengths)] = flat.ids[positions(starts, lengths)]
    for place, each in enumerate(frame.before):
        ids[bounds[:-1] + place] = each
    for place, each in enumerate(reversed(frame.after), 1):
        ids[bounds[1:] - place] = each
    return FlatIds(ids, bounds)


def _windows(
    starts: "NDArray[np.int64]", lengths: "NDArray[np.int64]", room: int, stride: int
) -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
    """Where the windows over texts begin, and how long they are."""
    import numpy as np

    check_stride(stride, room)
    step = room - stride
    counts = np.maximum(-(-(lengths - room) // step), 0) + 1
    after = positions(np.zeros_like(counts), counts) * step
    return starts.repeat(counts) + after, np.minimum(lengths.repeat(counts) - after, room)


def checked_stride(stride: Any) -> int | None:
    """Return the number of tokens that windows share; None for no windows.

    Raises:
        ValueError: if it is no whole number.

    Example:
        >>> checked_stride("2")
        Traceback (most recent call last):
        ValueError: stride='2' is not a number of tokens; choose a whole number from 0 on
    """
    if stride is None:
        return None
    with suppress(TypeError):  # of what is no whole number
        if not isinstance(stride, bool):
            return index(stride)
    raise ValueError(
        f"stride={stride!r} is not a number of tokens; choose a whole number from 0 on"
    )


def check_stride(stride: int, room: int) -> None:
    """Refuse a number of ids that windows share, if windows have no more.

    Args:
        stride: that number.
        room: the length of a window.

    Raises:
        ValueError: if it does not fit.
    """
    if not 0 <= stride < room:
        raise ValueError(
            f"stride={stride} does not fit windows of {room} tokens; choose 0 to {room - 1}"
        )
