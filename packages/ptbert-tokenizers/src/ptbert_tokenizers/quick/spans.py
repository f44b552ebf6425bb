"""Where the words of many texts begin and end, found for all of them at once.

A *block* is the texts as UTF-8, one after the other with a NUL after each. Each byte has a class,
and comparing the classes of neighbours shows, in a few passes over the block, every place where a
word begins or ends.

Modules that handle many words at once import numpy; they are imported when first needed, so that
``import ptbert_tokenizers`` stays quick.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_WINDOW = 2**18  # bytes handled together; the arrays made from them fit into the processor's cache
SPACE, WORD, MARK = 0, 1, 2
"""Classes of bytes: between words, in a word, a word by itself."""

PADDING = bytes(16)
"""Bytes after the last word of a block, so that a whole key can be read there."""


class WordSpans(NamedTuple):
    """Words as positions in a block.

    Args:
        block: UTF-8, with at least 16 bytes after the last word.
        starts: (W,) integers, where each word begins.
        lengths: (W,) integers, in bytes; 0 for the end of a text.
        ends: (N,) integers, which of the W are ends of texts.
    """

    block: bytes
    starts: NDArray[np.intp]
    lengths: NDArray[np.intp]
    ends: NDArray[np.intp]

    def words(self, which: NDArray[np.intp]) -> list[bytes]:
        """Return the bytes of some of the words."""
        block = self.block
        starts = self.starts.take(which)
        stops = starts + self.lengths.take(which)
        pairs = zip(starts.tolist(), stops.tolist(), strict=True)
        return [block[start:stop] for start, stop in pairs]


def listed_spans(words: Iterable[bytes]) -> WordSpans:
    """Return the spans of a list of words, without ends of texts.

    Example:
        >>> listed_spans([b"to", b"be"]).lengths.tolist()
        [2, 2]
    """
    words = list(words)
    lengths = np.fromiter(map(len, words), np.intp, len(words))
    return WordSpans(
        b"".join(words) + PADDING, lengths.cumsum() - lengths, lengths, np.empty(0, np.intp)
    )


def encoded_spans(words: Iterable[str]) -> WordSpans:
    """Return the spans of a list of words, which are encoded together.

    A word with surrogates becomes invalid UTF-8, which no text contains.

    Example:
        >>> encoded_spans(["to", "∞"]).lengths.tolist()
        [2, 3]
    """
    words = list(words)
    block = "".join(words).encode("utf-8", "surrogatepass")
    # Bytes of the form 10xxxxxx continue a character; every other byte begins one.
    characters = np.flatnonzero((np.frombuffer(block + b".", np.uint8) & 0xC0) != 0x80)
    ends = characters.take(np.fromiter(map(len, words), np.intp, len(words)).cumsum())
    starts = np.append(0, ends)[:-1]
    return WordSpans(block + PADDING, starts, ends - starts, np.empty(0, np.intp))


def spans_with_ends(
    block: bytes,
    starts: NDArray[np.intp],
    lengths: NDArray[np.intp],
    ends: NDArray[np.intp],
) -> WordSpans:
    """Return spans in which the words numbered ``ends`` have no bytes, because texts end there."""
    lengths[ends] = 0
    return WordSpans(block, starts, lengths, ends)


def classified_spans(block: bytes, classes: bytes) -> Iterator[WordSpans]:
    """Yield the words of a block window by window.

    Args:
        block: texts as UTF-8, NUL after each.
        classes: ``SPACE``, ``WORD`` or ``MARK`` for each byte; a NUL is a mark.

    Example:
        >>> block, classes = b"to be!\\0", bytes([1, 1, 0, 1, 1, 2, 2])
        >>> [spans] = classified_spans(block, classes)
        >>> spans.starts.tolist(), spans.lengths.tolist(), spans.ends.tolist()
        ([0, 3, 5, 6], [2, 2, 1, 0], [3])
    """
    first, size = 0, _WINDOW
    while first < len(block):
        stop = min(first + size, len(block))
        starts, stops = _edges(np.frombuffer(classes, np.uint8, stop - first, first))
        if stop < len(block):
            if len(starts) < 2:  # one word is longer than the window
                size *= 2
                continue
            stop = first + int(starts[-1])  # the last word may continue in the next window
            starts, stops = starts[:-1], stops[: len(starts) - 1]
        window = block[first:stop] + PADDING
        ends = np.flatnonzero(np.frombuffer(window, np.uint8, stop - first) == 0)
        yield spans_with_ends(window, starts, stops - starts, np.searchsorted(starts, ends))
        first, size = stop, _WINDOW


def _edges(classes: NDArray[np.uint8]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where words begin, and where they end."""
    # 1 for bytes that can be joined to a neighbour. A word byte begins a word unless the byte
    # before it is a word byte too; a mark always begins one, and a space never. For ends it is the
    # same in the other direction.
    joins = classes & WORD
    is_edge = np.empty(len(classes), bool)
    is_edge[0] = classes[0] != SPACE
    np.greater(classes[1:], joins[:-1], out=is_edge[1:])
    starts = is_edge.nonzero()[0]
    is_edge[-1] = classes[-1] != SPACE
    np.greater(classes[:-1], joins[1:], out=is_edge[:-1])
    return starts, is_edge.nonzero()[0] + 1
