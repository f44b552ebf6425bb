"""The ids of many new words at once, each put together from the parts that it is made of.

Words are cut where ``ptbert_tokenizers.quick.matching`` cuts them, and all parts are looked up
together. Where two parts do not fit, they are joined, and looked up again.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from ptbert_tokenizers.quick.ids import NO_WORDS, SomeIds, WordIds
from ptbert_tokenizers.quick.matching import Pairs
from ptbert_tokenizers.quick.memo import Ids
from ptbert_tokenizers.quick.spans import WordSpans, listed_spans

_FEW = 300  # parts; words with fewer in all are done sooner one by one
_ROUNDS = 4

# Classes of bytes: capital letters, and first bytes of characters of three or four bytes.
_OTHER, _SPACE, _CAPITAL, _LEAD = range(4)
_CLASSES = bytearray(256)
_CLASSES[0x20] = _SPACE
_CLASSES[0x41:0x5B] = bytes([_CAPITAL]) * 26
_CLASSES[0xE3:0xF5] = bytes([_LEAD]) * 18
_NO_BEGINNINGS = bytes(byte for byte in range(256) if _CLASSES[byte] < _CAPITAL)

_NO_ENDS = np.empty(0, np.intp)


class PartIds:
    """Ids of words that have several parts.

    Args:
        numbers_of_part: computes the numbers of the symbols of a part.
        pairs: whether two symbols fit.
        ids: the id of each symbol by its number; -1 where it has none.

    Example:
        >>> def numbers(part):
        ...     return tuple(map(ord, part))
        >>> part_ids = PartIds(numbers, Pairs(128, lambda left, right: True), range(128))
        >>> [some] = part_ids([b"to", b"toBe"] * 400)
        >>> some.which[:3].tolist(), some.ids[:4].tolist(), some.counts[:3].tolist()
        ([1, 3, 5], [116, 111, 66, 101], [4, 4, 4])
    """

    def __init__(
        self, numbers_of_part: Callable[[str], Ids], pairs: Pairs, ids: Sequence[int]
    ) -> None:
        self._numbers = WordIds(numbers_of_part, numbers_of_part, NO_WORDS)
        self._pairs = pairs
        self._ids = np.array(ids, np.int32)

    def __call__(self, words: Sequence[bytes]) -> Iterator[SomeIds]:
        """Yield the ids of words that have several parts, if there are many.

        Words that still do not fit after a few rounds are left out, and so are those with a symbol
        that has no id.
        """
        if len(b"".join(words).translate(None, _NO_BEGINNINGS)) <= _FEW:
            return
        block, parts = _parts(words)
        for _ in range(_ROUNDS):
            if len(parts.starts) <= _FEW:
                return
            spans = WordSpans(block, parts.starts, parts.lengths, _NO_ENDS)
            numbers, _, stops, _ = self._numbers(spans)
            ids, counts = self._ids.take(numbers), np.diff(stops, prepend=0)
            misfits = self._misfits(parts.owners, numbers, stops)
            is_open = np.zeros(len(words), bool)
            is_open[parts.owners.take(misfits)] = True
            is_open[parts.owners.repeat(counts)[ids < 0]] = True
            goes_on = is_open.take(parts.owners)
            firsts = np.flatnonzero(np.diff(parts.owners, prepend=-1))
            is_done = ~goes_on.take(firsts)
            yield SomeIds(
                parts.owners.take(firsts)[is_done],
                ids[~goes_on.repeat(counts)],
                np.add.reduceat(counts, firsts)[is_done],
            )
            parts = parts.where(goes_on, misfits)

    def _misfits(
        self, owners: NDArray[np.intp], numbers: NDArray[np.int32], stops: NDArray[np.intp]
    ) -> NDArray[np.intp]:
        """The parts that do not fit the part before them."""
        later = np.flatnonzero(owners[1:] == owners[:-1]) + 1
        starts = stops.take(later - 1)
        pairs = numbers.take(starts - 1).astype(np.int64)
        pairs *= self._pairs.size
        pairs += numbers.take(starts)
        fit = np.fromiter(map(self._pairs.__getitem__, pairs.tolist()), bool, len(pairs))
        return later[~fit]


class _Parts(NamedTuple):
    """Parts of words, one word after the other.

    Args:
        starts: (P,) where in a block each part begins.
        lengths: (P,) its bytes.
        owners: (P,) the number of its word.
    """

    starts: NDArray[np.intp]
    lengths: NDArray[np.intp]
    owners: NDArray[np.intp]

    def where(self, chosen: NDArray[np.bool_], joined: NDArray[np.intp]) -> Self:
        """Return the chosen parts, those numbered ``joined`` as one with the part before."""
        begins = chosen.copy()
        begins[joined] = False
        kept = begins.nonzero()[0]
        lengths = np.where(chosen, self.lengths, 0)
        if len(kept):
            lengths = np.add.reduceat(lengths, kept)
        return type(self)(self.starts.take(kept), lengths, self.owners.take(kept))


def _parts(words: Sequence[bytes]) -> tuple[bytes, _Parts]:
    """A block of all words, and the parts of those that have several."""
    block, starts, lengths, _ = listed_spans(words)
    classes = np.frombuffer(block.translate(_CLASSES), np.uint8, int(lengths.sum()))
    begins = classes == _LEAD
    begins[1:] |= (classes[1:] == _CAPITAL) & (classes[:-1] == _OTHER)
    begins[starts] = True
    places = begins.nonzero()[0]
    sizes = np.diff(places, append=len(classes))
    owners = np.searchsorted(starts, places, "right") - 1
    several = (np.bincount(owners, minlength=len(words)) > 1).take(owners)
    return block, _Parts(places[several], sizes[several], owners[several])
