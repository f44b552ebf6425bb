"""Where in one text its tokens come from: its words, and the places of the tokens in each word."""

from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

from ptbert_tokenizers.plain.offsets import Span
from ptbert_tokenizers.quick.memo import Memo

_LIMIT = 4 * 2**20  # bytes

Edges = tuple[int, ...]
"""Where each token of a word begins and ends, one after the other; empty if that is unknown."""


class Places(NamedTuple):
    """The words of a text and where they begin.

    Args:
        words: of the text.
        starts: where each word begins among the characters that words are made of.
        origins: the place in the text of each such character; None if they are those of the text.
    """

    words: Sequence[str]
    starts: Sequence[int]
    origins: Sequence[int] | None = None


def edges_of(lengths: Iterable[int], origins: Sequence[int]) -> Edges:
    """Return the edges of tokens that fill a word.

    Args:
        lengths: of the tokens, in what they are made of, such as bytes.
        origins: the place in the word of each of those.

    Example:
        >>> edges_of([1, 1, 1], [0, 1, 1])  # the second character is cut in two
        (0, 1, 1, 2, 1, 2)
    """
    stops = list(accumulate(lengths, initial=0))
    if stops[-1] != len(origins):
        return ()
    return tuple(
        edge for start, stop in pairwise(stops) for edge in (origins[start], origins[stop - 1] + 1)
    )


class QuickSpans:
    """Spans of tokens, by remembered words.

    Args:
        edges_of_word: gives the edges of the tokens of a word.

    Example:
        >>> spans = QuickSpans(lambda word: (0, 1, 1, len(word)))
        >>> spans(Places(["to", "be"], [0, 3]))
        [(0, 1), (1, 2), (3, 4), (4, 5)]
    """

    def __init__(self, edges_of_word: Callable[[str], Edges]) -> None:
        self._edges: Memo[str, Edges] = Memo(_LIMIT, edges_of_word)

    def __call__(self, places: Places) -> list[Span] | None:
        """Return the spans of the tokens of a text; None if only the definition tells them."""
        spans: list[Span] = []
        for start, edges in zip(
            places.starts, map(self._edges.__getitem__, places.words), strict=True
        ):
            if len(edges) == 2:  # most words are one token
                spans.append((start, start + edges[1]))
            elif edges:
                own = iter(edges)
                spans += [
                    (start + first, start + stop) for first, stop in zip(own, own, strict=True)
                ]
            else:
                return None
        origins = places.origins
        if origins is None:
            return spans
        return [(origins[start], origins[stop - 1] + 1) for start, stop in spans]
