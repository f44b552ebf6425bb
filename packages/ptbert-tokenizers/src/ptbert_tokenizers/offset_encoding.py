"""From texts to ids and the places of their tokens, for all four tokenizers."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING

from ptbert_tokenizers.batches.flat import FlatIds, flat_ids
from ptbert_tokenizers.encoding import SHORT, TextEncoder
from ptbert_tokenizers.plain.added_tokens import Cutter, Piece
from ptbert_tokenizers.plain.offsets import Span
from ptbert_tokenizers.quick.encoder import QuickEncoder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class OffsetEncoder(TextEncoder):
    """The methods of a tokenizer that tell where tokens come from.

    By definition, these are the spans of ``tokenize_with_offsets``. Many texts take a quicker way
    if the tokenizer has one.
    """

    def tokenize_with_offsets(self, text: str) -> tuple[list[str], list[Span]]:
        """Return the tokens of a text and, for each, the span of characters it comes from.

        Tokenizing ``text[start:end]`` alone gives the token. In GPT-2 a character of several
        bytes can be divided between tokens; it is then in both spans.

        Raises:
            ValueError: if a program replaced a part, so that the spans are unknown.
        """
        found = self._quick_tokens_and_spans(text) if isinstance(text, str) else None
        if found is not None:
            return found
        tokens = self.tokenize(text)
        cutter = self._cutter()
        spans = self._spans(text) if cutter is None else self._spans_around(cutter.pieces(text))
        if spans is None or len(spans) != len(tokens):
            raise self._no_spans()
        return tokens, spans

    def _quick_tokens_and_spans(self, text: str) -> tuple[list[str], list[Span]] | None:
        """The same, sooner; None if only the definition tells them."""
        sole = self._sole_encoder() if self._has_own_spans() else None
        if sole is None or len(text) <= SHORT:
            return None if sole is None else sole.tokens_and_spans(text)
        tokens = sole.tokens(text)
        with suppress(KeyError):  # a token has no id, which is no error here
            spans = sole.flat_with_offsets([text], self._known_spans)[1].tolist()
            if tokens is not None and len(tokens) == len(spans):
                return tokens, [*map(tuple, spans)]
        return None

    def _no_spans(self) -> ValueError:
        return ValueError(
            f"{type(self).__name__} cannot tell where tokens come from, because a part of it "
            "was replaced; use an unchanged tokenizer"
        )

    def _spans_around(self, pieces: Iterable[Piece]) -> list[Span] | None:
        """The span of each token of a text that was cut at added tokens."""
        spans: list[Span] = []
        for piece in pieces:
            if piece.is_added:
                spans.append(piece.span(0, len(piece.positions)))
                continue
            found = self._spans(piece.text)
            if found is None:
                return None
            spans += [piece.span(*span) for span in found]
        return spans

    @abstractmethod
    def _spans(self, text: str) -> list[Span] | None:
        """The span of each token between added ones; None if replaced parts do not give them."""

    def _has_own_spans(self) -> bool:
        """Whether the methods that give spans are those of the family."""
        return False

    def _flat_with_offsets(self, texts: Sequence[str]) -> "tuple[FlatIds, NDArray[np.int64]]":
        """The ids of many texts end to end, and the spans of all tokens, (T, 2)."""
        is_untouched = self._is_untouched() and self._has_own_spans()
        quick = self._quick() if is_untouched else None
        if quick is None:
            spans = [span for text in texts for span in self.tokenize_with_offsets(text)[1]]
            return self._flat(texts), _span_array(spans)
        cutter = self._cutter()
        if cutter is None and sum(map(len, texts)) <= SHORT:
            rows = [
                quick.ids_and_spans(text) or (quick.ids(text), self._known_spans(text))
                for text in texts
            ]
            spans = [span for _, own in rows for span in own]
            return flat_ids([ids for ids, _ in rows]), _span_array(spans)
        if cutter is None:
            return quick.flat_with_offsets(texts, self._known_spans)
        return self._flat_with_offsets_around(texts, cutter, quick)

    def _known_spans(self, text: str) -> list[Span]:
        spans = self._spans(text)
        if spans is None:
            raise self._no_spans()
        return spans

    def _flat_with_offsets_around(
        self, texts: Sequence[str], cutter: Cutter, quick: QuickEncoder
    ) -> "tuple[FlatIds, NDArray[np.int64]]":
        """The same for texts that may hold added tokens: what is between is encoded together."""
        cut = [cutter.pieces(text) for text in texts]
        if not any(piece.is_added for pieces in cut for piece in pieces):
            return quick.flat_with_offsets(texts, self._known_spans)
        between = [piece.text for pieces in cut for piece in pieces if not piece.is_added]
        flat, places = quick.flat_with_offsets(between, self._known_spans)
        ids, found = flat.ids.tolist(), places.tolist()
        edges = pairwise(flat.bounds.tolist())
        rows: list[list[int]] = []
        spans: list[Span] = []
        for pieces in cut:
            row: list[int] = []
            for piece in pieces:
                if piece.is_added:
                    row.append(self._added_id(piece.text))
                    spans.append(piece.span(0, len(piece.positions)))
                else:
                    start, stop = next(edges)
                    row += ids[start:stop]
                    spans += [piece.span(*span) for span in found[start:stop]]
            rows.append(row)
        return flat_ids(rows), _span_array(spans)


def _span_array(spans: Sequence[Span]) -> "NDArray[np.int64]":
    import numpy as np

    return np.array(spans, np.int64).reshape(-1, 2)
