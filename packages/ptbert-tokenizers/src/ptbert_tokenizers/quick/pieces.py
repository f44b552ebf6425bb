"""WordPieces of many new words at once: the longest piece is found for all at the same time.

A piece is looked for by its first five bytes, in a sorted array of what pieces begin with. Of all
that comes before these bytes or is equal to them, the last one shares the most bytes with them. So
each shorter piece that they begin with is one that it begins with, too. Longer pieces go on from
there, with the next five bytes.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from ptbert_tokenizers.quick.ids import SomeIds
from ptbert_tokenizers.quick.spans import encoded_spans, listed_spans

_FEW = 200  # words; fewer are done sooner one by one
_MANY = 5_000  # new words; as many one by one take about as long as sorting the pieces
_LONGEST = 64  # bytes of a word

_STEP = 5  # bytes of a key; above them is the number of a state
_STATE_SHIFT = 8 * _STEP
_MOST_STATES = 2 ** (63 - _STATE_SHIFT)
_AT_FIRST, _LATER = 0, 1  # the states in which a word begins, and in which its later pieces do
_ONLY = np.array([2**_STATE_SHIFT - 2 ** (8 * (_STEP - size)) for size in range(_STEP + 1)])
"""By a number of bytes: the bits of these bytes."""


class PieceIds:
    """Ids of the pieces of words, as ``QuickWordpiece`` gives them.

    Args:
        vocab: id of every piece; those that continue a word begin with ``##``. Must not change.
        max_input_chars_per_word: longer words are left out.
        unknown: the id for a word that cannot be cut.

    Example:
        >>> piece_ids = PieceIds({"un": 1, "##able": 2, "##a": 3, "able": 4}, 100, 9)
        >>> cut, unknown = piece_ids([b"unable", b"unknown", b"unaable"] * 4000)
        >>> cut.which[:3].tolist(), cut.ids[:5].tolist(), cut.counts[:2].tolist()
        ([0, 2, 3], [1, 2, 1, 3, 2], [2, 3])
        >>> unknown.which[:2].tolist(), unknown.ids[:2].tolist()
        ([1, 4], [9, 9])
    """

    def __init__(
        self, vocab: Mapping[str, int], max_input_chars_per_word: int, unknown: int
    ) -> None:
        self._vocab = vocab
        self._unknown = unknown
        self._longest = min(max_input_chars_per_word, _LONGEST)
        self._new_words = 0
        self._pieces: _Pieces | None = None  # made when it is worth it

    def __call__(self, words: Sequence[bytes]) -> Iterator[SomeIds]:
        """Yield the ids of words, once there were many: of those that can be cut, and of others.

        Long words and words with control characters are left out.
        """
        if len(words) <= _FEW:
            return
        if self._pieces is None:
            self._new_words += len(words)
            if self._new_words < _MANY:
                return
            self._pieces = _Pieces.of(self._vocab)
        if not len(self._pieces.keys):
            return
        block, starts, lengths, _ = listed_spans(words)
        chosen = (lengths <= self._longest).nonzero()[0]
        starts = starts.take(chosen)
        stops = starts + lengths.take(chosen)
        owners, ids, is_cut = self._pieces.cut(block, starts, stops)
        ids = ids[is_cut.take(owners)]
        counts = np.bincount(owners, minlength=len(chosen))
        yield SomeIds(chosen[is_cut], ids, counts[is_cut])
        codes = np.frombuffer(block, np.uint8)
        unknown = chosen[~is_cut & _without_controls(codes, starts, stops)]
        ones = np.ones(len(unknown), np.int64)
        yield SomeIds(unknown, np.full(len(unknown), self._unknown, np.int32), ones)


class _Pieces(NamedTuple):
    """What pieces begin with, sorted by their keys: a state, and up to five bytes.

    Args:
        keys: (K,) the state above the bytes, after which zeros follow.
        ids: (K, 6) the id of the longest piece among the first 0 to 5 bytes of a key, or -1.
        sizes: (K, 6) how many bytes of the key belong to that piece.
        states: (K,) the state in which longer pieces go on, or 0.
    """

    keys: NDArray[np.int64]
    ids: NDArray[np.int32]
    sizes: NDArray[np.int64]
    states: NDArray[np.int64]

    @classmethod
    def of(cls, vocab: Mapping[str, int]) -> Self:
        """Return the pieces of a vocabulary; there are no keys if it has too many beginnings.

        Those with control characters are left out, because words for special tokens have such
        characters, too. So no word that has one can be cut.
        """
        block, starts, lengths, _ = encoded_spans(vocab)
        five, codes = _five_from_each(block), np.frombuffer(block, np.uint8)
        is_plain = _without_controls(codes, starts, starts + lengths) & (lengths > 0)
        has_marks = (codes.take(starts) == ord("#")) & (codes.take(starts + 1) == ord("#"))
        first, later = is_plain.nonzero()[0], (is_plain & has_marks & (lengths > 2)).nonzero()[0]
        ids = np.fromiter(vocab.values(), np.int32, len(vocab)).take(np.append(first, later))
        starts = np.append(starts.take(first), starts.take(later) + len("##"))
        lengths = np.append(lengths.take(first), lengths.take(later) - len("##"))
        states = np.repeat([_AT_FIRST, _LATER], [len(first), len(later)])
        ends = [_Ends(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int32))]
        steps = [np.zeros(1, np.int64)]  # keys after which pieces go on
        count = 2
        while len(starts):
            sizes = np.minimum(lengths, _STEP)
            keys = (five.take(starts) & _ONLY.take(sizes)) | states << _STATE_SHIFT
            is_end = lengths <= _STEP
            ends.append(_Ends(keys[is_end], sizes[is_end], ids[is_end]))
            steps.append(_different(keys[~is_end]))
            starts, lengths = starts[~is_end] + _STEP, lengths[~is_end] - _STEP
            ids = ids[~is_end]
            states = np.searchsorted(steps[-1], keys[~is_end]) + count
            count += len(steps[-1])
        if count > _MOST_STATES:
            none = np.empty(0, np.int64)
            return cls(none, np.empty(0, np.int32), none, none)
        return cls._of_keys(ends, np.concatenate(steps))

    @classmethod
    def _of_keys(cls, ends: "Sequence[_Ends]", before: NDArray[np.int64]) -> Self:
        last = np.concatenate([each.keys for each in ends])
        keys = _different(np.concatenate([before, last]))
        own = np.full((len(keys), _STEP + 1), -1, np.int32)
        last_sizes = np.concatenate([each.sizes for each in ends])
        own[np.searchsorted(keys, last), last_sizes] = np.concatenate([each.ids for each in ends])
        ids, sizes = np.full_like(own, -1), np.zeros(own.shape, np.int64)
        for size in range(1, _STEP + 1):
            beginnings = keys & (_ONLY[size] - (1 << _STATE_SHIFT))
            rows = np.searchsorted(keys, beginnings)
            found = np.where(keys.take(rows) == beginnings, own[rows, size], -1)
            ids[:, size] = np.where(found < 0, ids[:, size - 1], found)
            sizes[:, size] = np.where(found < 0, sizes[:, size - 1], size)
        states = np.zeros(len(keys), np.int64)
        states[np.searchsorted(keys, before[1:])] = np.arange(len(before) - 1) + 2
        return cls(keys, ids.ravel(), sizes.ravel(), states)

    def cut(
        self, block: bytes, starts: NDArray[np.intp], stops: NDArray[np.intp]
    ) -> tuple[NDArray[np.intp], NDArray[np.int32], NDArray[np.bool_]]:
        """Cut words, which are bytes of a block, into pieces.

        Returns:
            The number of the word of each piece, the ids of the pieces, and for each word whether
            pieces were found for all of it.
        """
        five = _five_from_each(block)
        is_cut = np.zeros(len(starts), bool)
        owners: list[NDArray[np.intp]] = [np.empty(0, np.intp)]
        ids: list[NDArray[np.int32]] = [np.empty(0, np.int32)]
        words, places, state = np.arange(len(starts)), starts, np.zeros(len(starts), np.int64)
        found, ends = np.full(len(starts), -1, np.int32), starts  # the longest piece so far
        while len(words):
            rest = stops.take(words) - places
            sizes = np.minimum(rest, _STEP)
            keys = (five.take(places) & _ONLY.take(sizes)) | state << _STATE_SHIFT
            rows = np.searchsorted(self.keys, keys, "right") - 1
            cells = rows * (_STEP + 1) + np.minimum(_shared(self.keys.take(rows) ^ keys), sizes)
            longer = self.ids.take(cells)
            is_longer = longer >= 0
            found = np.where(is_longer, longer, found)
            ends = np.where(is_longer, places + self.sizes.take(cells), ends)
            state = self.states.take(rows)
            goes_on = (state > 0) & (self.keys.take(rows) == keys) & (rest > _STEP)
            is_piece = ~goes_on & (found >= 0)
            owners.append(words[is_piece])
            ids.append(found[is_piece])
            is_last = is_piece & (ends == stops.take(words))
            is_cut[words[is_last]] = True
            places = np.where(goes_on, places + _STEP, ends)
            state[~goes_on] = _LATER
            found = np.where(goes_on, found, -1)
            left = goes_on | (is_piece & ~is_last)
            words, places, state = words[left], places[left], state[left]
            found, ends = found[left], ends[left]
        whose = np.concatenate(owners)
        order = whose.argsort(kind="stable")
        return whose.take(order), np.concatenate(ids).take(order), is_cut


class _Ends(NamedTuple):
    """Keys in which pieces end, how many bytes of the key belong to the piece, and its id."""

    keys: NDArray[np.int64]
    sizes: NDArray[np.int64]
    ids: NDArray[np.int32]


def _without_controls(
    codes: NDArray[np.uint8], starts: NDArray[np.intp], stops: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """For each word of a block, whether it has no control characters."""
    controls = np.append(0, ((codes < 0x20) | (codes == 0x7F)).cumsum())
    return controls.take(starts) == controls.take(stops)


def _different(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """The keys in order, each once; ``np.unique`` imports much when it is first called."""
    ordered = np.sort(keys)
    return ordered[np.diff(ordered, prepend=-1) != 0]


def _five_from_each(block: bytes) -> NDArray[np.int64]:
    """The five bytes from each place on, as a number; not for the last seven places."""
    eight = np.ndarray((len(block) - 7,), ">i8", block, strides=(1,))
    return (eight >> (64 - _STATE_SHIFT)) & (2**_STATE_SHIFT - 1)


def _shared(difference: NDArray[np.int64]) -> NDArray[np.intp]:
    """How many bytes two keys share, given the bits in which they differ; 0 if states differ."""
    shared = np.zeros(len(difference), np.intp)
    for size in range(1, _STEP + 1):
        shared += difference < 2 ** (8 * (_STEP - size))
    return np.where(difference < 2**_STATE_SHIFT, shared, 0)
