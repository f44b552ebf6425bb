"""Which symbols their own characters merge into, found for all merges at once."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

_BITS = 18  # of a hash; five times as many hashes as GPT-2 has merges
_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd, with irregular bits


def are_whole(
    lefts: Sequence[int],
    rights: Sequence[int],
    first_merge: int,
    merge_of: Mapping[int, int],
) -> NDArray[np.bool_]:
    """Tell for each symbol whether its characters merge into it.

    They do if both symbols that its merge joins are whole, and if none of the earlier merges joins
    symbols across the boundary of the two. ``_Seams.hold`` in ``quick/merges.py`` tells this for
    two symbols and explains why. Here all merges take each step together.

    Args:
        lefts: (S,) by the number of a merge, which is also that of its result: the left symbol.
        rights: (S,) the same for the right symbol. Both are made by earlier merges.
        first_merge: lower numbers are those of characters.
        merge_of: left symbol times S plus right symbol → merge.

    Returns:
        (S,) true for each character, too.

    Example:
        >>> merge_of = {0 * 6 + 1: 3, 0 * 6 + 4: 5, 1 * 6 + 2: 4}  # a+b, a+bc, b+c
        >>> are_whole([0, 0, 0, 0, 1, 0], [0, 0, 0, 1, 2, 4], 3, merge_of).tolist()
        [True, True, True, True, True, False]
    """
    left_parts, right_parts = np.array(lefts, np.int64), np.array(rights, np.int64)
    size = len(left_parts)
    is_whole = np.ones(size, bool)
    merges = np.arange(first_merge, size)
    left, right = left_parts[first_merge:], right_parts[first_merge:]
    earliest = np.full(2**_BITS, size)  # by the hash of a pair: not later than the pair's merge
    earliest[_hashes(left * size + right)[::-1]] = merges[::-1]  # what is written last stays
    left_taken = right_taken = merges  # the merge that used up the symbol on this side
    while True:
        left_is_later = left > right
        goes_on = np.maximum(left, right) >= first_merge
        if not goes_on.any():
            break
        left_taken = np.where(left_is_later, left, left_taken)[goes_on]
        right_taken = np.where(left_is_later, right_taken, right)[goes_on]
        left, right = (
            np.where(left_is_later, right_parts.take(left), left)[goes_on],
            np.where(left_is_later, right, left_parts.take(right))[goes_on],
        )
        merges = merges[goes_on]
        not_later = earliest.take(_hashes(left * size + right))
        for place in ((not_later < left_taken) & (not_later <= right_taken)).nonzero()[0].tolist():
            merge = merge_of.get(int(left[place]) * size + int(right[place]))
            if merge is not None and merge < left_taken[place] and merge <= right_taken[place]:
                is_whole[merges[place]] = False
    while True:
        with_parts = is_whole & is_whole.take(left_parts) & is_whole.take(right_parts)
        if (with_parts == is_whole).all():
            return is_whole
        is_whole = with_parts


def _hashes(pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    mixed = pairs.astype(np.uint64)
    mixed *= _FACTOR
    mixed >>= np.uint64(64 - _BITS)
    return mixed.view(np.int64)
