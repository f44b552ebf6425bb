"""Where in their texts the tokens of a block come from, found for all of them at once.

The pieces of a word fill it from its first byte to its last one, so the lengths of pieces give the
bytes of each token; or the characters, where a symbol of the vocabulary is a character. The number
of bytes that each character has in the block gives the characters that these bytes come from.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ptbert_tokenizers.quick.ids import BlockIds
from ptbert_tokenizers.quick.spans import PADDING, WordSpans

_UNSEEN = 255  # more bytes than any character has in a block
_LARGEST_ID = 2**24  # the lengths of pieces are an array by id


class CharacterLengths:
    """How many bytes each character has in a block.

    Args:
        length_of: the number of bytes of a character, by its code point.

    Example:
        >>> lengths = CharacterLengths(lambda code: len(chr(code).encode()))
        >>> lengths("aé京").tolist()
        [1, 2, 3]
    """

    def __init__(self, length_of: Callable[[int], int]) -> None:
        self._length_of = length_of
        self._lengths = np.full(0x110000, _UNSEEN, np.uint8)  # filled in when first needed
        self._lengths[:128] = [length_of(code) for code in range(128)]

    def __call__(self, text: str) -> NDArray[np.uint8]:
        """Return the number of bytes of each character of a text."""
        if text.isascii():
            return self._lengths.take(np.frombuffer(text.encode(), np.uint8))
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
        lengths = self._lengths.take(codes)
        if lengths.max() == _UNSEEN:
            for code in np.unique(codes[lengths == _UNSEEN]).tolist():
                self._lengths[code] = self._length_of(code)
            lengths = self._lengths.take(codes)
        return lengths


def byte_positions(texts: Sequence[str], lengths: CharacterLengths) -> NDArray[np.intp]:
    """Return for each byte of a block the place of its character in its text.

    Example:
        >>> lengths = CharacterLengths(lambda code: len(chr(code).encode()))
        >>> byte_positions(["né", "to"], lengths).tolist()  # after each text, a byte for its end
        [0, 1, 1, 2, 0, 1, 2]
    """
    sizes = np.fromiter(map(len, texts), np.intp, len(texts)) + 1
    stops = sizes.cumsum()
    counts = lengths("\0".join([*texts, ""]))
    counts[stops - 1] = 1
    places = np.arange(len(counts)) - (stops - sizes).repeat(sizes)
    return places if (counts == 1).all() else places.repeat(counts)


class PieceLengths(NamedTuple):
    """How much of a word each token stands for, by id: at its beginning, and later in it.

    Args:
        first: (V + 1,) bytes or characters; the last is 0, for ids that no token has.
        later: (V + 1,) the same.
        in_bytes: which of the two.
    """

    first: NDArray[np.int32]
    later: NDArray[np.int32]
    in_bytes: bool = True

    @classmethod
    def of(
        cls,
        tokens: Mapping[int, str],
        lengths_of: Callable[[str], tuple[int, int]],
        unknown: int | None = None,
        in_bytes: bool = True,
    ) -> "PieceLengths | None":
        """Return the lengths of all tokens; None if there are ids that an array cannot have.

        Args:
            tokens: by id.
            lengths_of: the two lengths of a token.
            unknown: the id of pieces that the vocabulary lacks, if there is one. They count as
                one byte or character. No piece is shorter, so if the lengths of all pieces of a
                word add up to its own, then none of them was longer.
            in_bytes: whether lengths are bytes, else they are characters.
        """
        size = max(tokens, default=0) + 1
        if size > _LARGEST_ID:
            return None
        lengths = np.zeros((2, size + 1), np.int32)  # the last are those of all larger ids
        for index, token in tokens.items():
            lengths[:, index] = 1 if index == unknown else lengths_of(token)
        return cls(lengths[0], lengths[1], in_bytes)


def token_spans(
    words: WordSpans, found: BlockIds, lengths: PieceLengths
) -> tuple[NDArray[np.intp], NDArray[np.intp]] | None:
    """Return where each token begins and ends in the bytes or characters of a window.

    Returns:
        (T,) beginnings and (T,) lengths; None if the pieces of a word do not fill it exactly.

    Example:
        >>> from ptbert_tokenizers.quick.spans import listed_spans
        >>> found = BlockIds(np.array([7, 8, 7], np.int32), np.array([]), np.array([2, 3]))
        >>> lengths = PieceLengths.of({7: "un", 8: "##do"}, lambda piece: (2, len(piece) - 2))
        >>> [each.tolist() for each in token_spans(listed_spans([b"undo", b"an"]), found, lengths)]
        [[0, 2, 4], [2, 2, 2]]
    """
    counts = np.diff(found.stops, prepend=0)
    starts, sizes = words.starts.repeat(counts), words.lengths.repeat(counts)
    # The only token of a word is all of it, also if it is one for unknown words.
    are_cut = (counts > 1).nonzero()[0]
    counts = counts.take(are_cut)
    ends = counts.cumsum()
    firsts = ends - counts  # of each word that is cut, among the tokens of such words
    parts = np.arange(int(ends[-1]) if len(ends) else 0)
    parts += (found.stops.take(are_cut) - ends).repeat(counts)
    ids = found.ids.take(parts)
    own = lengths.later.take(ids, mode="clip")  # an added token may have a larger id
    own[firsts] = lengths.first.take(ids.take(firsts), mode="clip")
    sums = own.cumsum(dtype=np.intp)
    before = sums - own
    word_starts = before.take(firsts)
    if (own <= 0).any() or (sums.take(ends - 1) - word_starts != words.lengths.take(are_cut)).any():
        return None
    starts[parts] += before - word_starts.repeat(counts)
    sizes[parts] = own
    return starts, sizes


def _in_characters(
    words: WordSpans, positions: NDArray[np.intp]
) -> tuple[WordSpans, NDArray[np.intp]]:
    """The same words and positions, counted in the characters of a window instead of its bytes."""
    # Bytes of the form 10xxxxxx continue a character; every other byte begins one.
    begins = (np.frombuffer(words.block, np.uint8) & 0xC0) != 0x80
    numbers = begins.cumsum()
    starts = numbers.take(words.starts)
    lengths = numbers.take(words.starts + words.lengths) - starts
    return words._replace(starts=starts - 1, lengths=lengths), positions[begins[: len(positions)]]


def located(
    windows: Iterator[WordSpans],
    ids_of: Callable[[WordSpans], BlockIds],
    positions: NDArray[np.intp],
    lengths: PieceLengths,
) -> list[BlockIds] | None:
    """Return the ids of windows and the characters that they come from.

    Args:
        windows: the words of a block.
        ids_of: the ids of a window.
        positions: for each byte of the block, the place of its character in its text.
        lengths: of the pieces.

    Returns:
        None if the lengths do not agree with each other, so that places would be wrong.
    """
    parts: list[BlockIds] = []
    done = 0
    for window in windows:
        words, found = window, ids_of(window)
        size = len(words.block) - len(PADDING)
        own = positions[done : done + size]
        if len(own) != size:
            return None
        if not (lengths.in_bytes or words.block.isascii()):
            words, own = _in_characters(words, own)
        tokens = token_spans(words, found, lengths)
        if tokens is None:
            return None
        starts, sizes = tokens
        spans = np.empty((len(starts), 2), np.int64)
        own.take(starts, out=spans[:, 0], mode="clip")
        spans[:, 1] = own.take(starts + sizes - 1)
        spans[:, 1] += 1
        parts.append(found._replace(spans=spans))
        done += size
    return parts if done == len(positions) else None
