"""Text to ids by remembering words: the ids of a word are computed once and looked up afterwards.

An encoder is made for the current state of a tokenizer's parts. When they change, a new one is
made. Its results must equal those of the tokenizer's plain path. A tokenizer with replaced parts
has no quick encoder.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol

from ptbert_tokenizers.batches.flat import FlatIds, blocks, flat_ids
from ptbert_tokenizers.plain.offsets import Span
from ptbert_tokenizers.quick.memo import WORDS_LIMIT, Ids, Memo
from ptbert_tokenizers.quick.places import Edges, Places, QuickSpans
from ptbert_tokenizers.quick.tokens import QuickTokens, Tokens

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ptbert_tokenizers.quick.ids import BlockIds, KnownWords, Together, WordIds
    from ptbert_tokenizers.quick.positions import PieceLengths
    from ptbert_tokenizers.quick.spans import WordSpans

_BLOCK = 2**16  # characters handled together; they fit into the processor's cache
_LITTLE = 2**13  # characters in batches; until then preparing a table of words takes longer
_LONG = 2**20  # characters; the words of a longer text are not made into a list


class WordMaker(Protocol):
    """Cuts texts into the words whose ids are remembered."""

    @property
    def signs(self) -> Mapping[str, str]:
        """Words of ``spans`` that stand for others, and those others."""

    def __call__(self, text: str) -> Sequence[str]:
        """Return the words of one text."""

    def of_each(self, texts: Sequence[str]) -> list[list[str]]:
        """Return the words of each of several short texts."""

    def places(self, text: str) -> Places | None:
        """Return the words of one text and where they begin; None if that is not told quickly."""

    def spans(self, texts: Sequence[str]) -> "Iterator[WordSpans] | None":
        """Return the words of all texts, part by part; None if one text must be handled alone."""

    def positions(self, texts: Sequence[str]) -> "NDArray[np.intp]":
        """Return for each byte that the words of ``spans`` are cut from, its place in its text."""


class SpacedWords:
    """Words that spaces separate.

    Example:
        >>> SpacedWords()("one two")
        ['one', 'two']
    """

    signs: Mapping[str, str] = {}

    def __call__(self, text: str) -> list[str]:
        """Return the words of one text."""
        return text.split()

    def of_each(self, texts: Sequence[str]) -> list[list[str]]:
        """Return the words of each of several texts."""
        return list(map(str.split, texts))

    def places(self, text: str) -> None:
        """Return None, so that the definition is asked; this setting is rare."""

    def spans(self, texts: Sequence[str]) -> None:
        """Return None, so that texts are split one by one; this setting is rare."""

    def positions(self, texts: Sequence[str]) -> "NDArray[np.intp]":
        """Raise, because ``spans`` never returns words."""
        raise NotImplementedError


class QuickEncoder:
    """Text to ids by remembered words.

    Args:
        words: cuts texts into words.
        ids_of_word: computes the ids of a word.
        known: ids of words, known from the start.
        whole_words: called when batches first need it; returns words with one id each, and none
            that is a sign.
        names: called with the remembered ids; returns what gives tokens.
        edges_in_word: gives the edges of the tokens of a word.
        lengths: called with the token of each id; returns how much of a word each token stands for,
            or None if that cannot be told.
        together: called when batches first need it; returns what computes the ids of many words
            together, if anything does.
    """

    def __init__(
        self,
        words: WordMaker,
        ids_of_word: Callable[[str], Ids],
        known: Mapping[str, Ids],
        whole_words: "Callable[[], KnownWords]",
        names: Callable[[Memo[str, Ids]], QuickTokens],
        edges_in_word: Callable[[str, Tokens], Edges],
        lengths: "Callable[[Mapping[int, str]], PieceLengths | None]",
        together: "Callable[[], Together | None] | None" = None,
    ) -> None:
        self.memo = Memo(WORDS_LIMIT, ids_of_word, known)
        self._words = words
        self._ids_of_word = ids_of_word
        self._whole_words = whole_words
        self._names = names(self.memo)
        self._spans = QuickSpans(_edges_of_words(self._names, edges_in_word))
        self._make_lengths = lengths
        self._make_together = together
        self._piece_lengths: PieceLengths | None = None
        self._words_of_batches: WordIds | None = None
        self._characters_before = 0  # of batches, before the table of words was made

    def ids(self, text: str) -> list[int]:
        """Return the ids of a text."""
        if len(text) > _LONG:
            return self.flat([text]).ids.tolist()
        return self._ids_alone(text)

    def _ids_alone(self, text: str) -> list[int]:
        return list(chain.from_iterable(map(self.memo.__getitem__, self._words(text))))

    def tokens(self, text: str) -> list[str] | None:
        """Return the tokens of a text, or None if only the definition tells them."""
        return self._names.of_text(self._words(text)) if len(text) <= _LONG else None

    def tokens_of_words(self, words: Sequence[str]) -> Sequence[Sequence[str]] | None:
        """Return the tokens of each of some texts, or None if only the definition tells them.

        The texts are remembered whole, so they should be words that are separated already.
        """
        return self._names.of_each(words, self._words.of_each)

    def tokens_and_spans(self, text: str) -> tuple[list[str], list[Span]] | None:
        """Return the tokens of a text and their spans, or None if only the definition tells."""
        places = self._words.places(text) if len(text) <= _LONG else None
        tokens = None if places is None else self._names.of_text(places.words)
        spans = None if places is None else self._spans(places)
        return None if tokens is None or spans is None else (tokens, spans)

    def ids_and_spans(self, text: str) -> tuple[list[int], list[Span]] | None:
        """Return the ids of a text and their spans, or None if only the definition tells."""
        places = self._words.places(text) if len(text) <= _LONG else None
        spans = None if places is None else self._spans(places)
        if places is None or spans is None:
            return None
        return list(chain.from_iterable(map(self.memo.__getitem__, places.words))), spans

    def flat(self, texts: Sequence[str]) -> FlatIds:
        """Return the ids of many texts, end to end."""
        if self._words_of_batches is None:
            self._characters_before += sum(map(len, texts))
            if self._characters_before <= _LITTLE:
                return flat_ids(list(map(self._ids_alone, texts)))
        return _joined(self._parts(texts), len(texts))[0]

    def flat_with_offsets(
        self, texts: Sequence[str], spans_of: Callable[[str], Sequence[tuple[int, int]]]
    ) -> "tuple[FlatIds, NDArray[np.int64]]":
        """Return the ids of many texts, end to end, and the spans of their characters, (T, 2).

        Args:
            texts: what to encode.
            spans_of: gives the spans of the tokens of a text, for texts that are exceptions.
        """
        return _joined(self._parts(texts, spans_of), len(texts))

    def _parts(
        self,
        texts: Sequence[str],
        spans_of: Callable[[str], Sequence[tuple[int, int]]] | None = None,
    ) -> "Iterator[BlockIds]":
        for block in blocks(texts, _BLOCK):
            yield from self._parts_of_block(block, spans_of)

    def _parts_of_block(
        self,
        texts: Sequence[str],
        spans_of: Callable[[str], Sequence[tuple[int, int]]] | None,
    ) -> "Iterator[BlockIds]":
        """The ids of a block of texts, part by part; an exception is a part by itself."""
        import numpy as np

        from ptbert_tokenizers.quick.ids import BlockIds

        parts = self._together(texts) if spans_of is None else self._located(texts)
        if parts is not None:
            yield from parts
        elif len(texts) > 1:  # halve the list until the exception is alone
            middle = len(texts) // 2
            yield from self._parts_of_block(texts[:middle], spans_of)
            yield from self._parts_of_block(texts[middle:], spans_of)
        else:
            ids = np.array(self._ids_alone(texts[0]), np.int32)
            spans = None
            if spans_of is not None:
                spans = np.array(spans_of(texts[0]), np.int64).reshape(-1, 2)
            yield BlockIds(ids, np.array([len(ids)]), np.empty(0, np.intp), spans)

    def _together(self, texts: Sequence[str]) -> "Iterable[BlockIds] | None":
        """The ids of texts, if no text is an exception."""
        windows = self._words.spans(texts)
        return None if windows is None else map(self._word_ids(), windows)

    def _located(self, texts: Sequence[str]) -> "Iterable[BlockIds] | None":
        """The ids of texts, with the spans of their characters, if no text is an exception."""
        from ptbert_tokenizers.quick.positions import located

        if self._piece_lengths is None and self._names.by_id is not None:
            self._piece_lengths = self._make_lengths(self._names.by_id)
        lengths = self._piece_lengths
        windows = None if lengths is None else self._words.spans(texts)
        if lengths is None or windows is None:
            return None
        return located(windows, self._word_ids(), self._words.positions(texts), lengths)

    def _word_ids(self) -> "WordIds":
        """The ids of words in batches; made when first needed, because that is slow."""
        if self._words_of_batches is None:
            from ptbert_tokenizers.quick.ids import WordIds

            signs, short, long = self._words.signs, self._ids_of_word, self.memo.__getitem__
            self._words_of_batches = WordIds(
                (lambda word: short(signs.get(word, word))) if signs else short,
                (lambda word: long(signs.get(word, word))) if signs else long,
                self._whole_words(),
                None if self._make_together is None else self._make_together(),
            )
        return self._words_of_batches


def _edges_of_words(
    names: QuickTokens, edges_in_word: Callable[[str, Tokens], Edges]
) -> Callable[[str], Edges]:
    """What gives the edges of the tokens of a word."""

    def edges_of_word(word: str) -> Edges:
        tokens = names.of_word(word)
        return () if tokens is None else edges_in_word(word, tokens)

    return edges_of_word


def _end_to_end(arrays: "Sequence[NDArray[Any]]", none: "NDArray[Any]") -> "NDArray[Any]":
    import numpy as np

    return arrays[0] if len(arrays) == 1 else np.concatenate([none, *arrays])


def _joined(parts: "Iterable[BlockIds]", number: int) -> "tuple[FlatIds, NDArray[np.int64]]":
    """The ids and spans of the parts of ``number`` texts, end to end."""
    import numpy as np

    parts = list(parts)
    bounds = np.zeros(number + 1, np.int64)
    before = done = 0
    for part in parts:
        bounds[done + 1 : done + 1 + len(part.ends)] = part.ends + before
        before, done = before + len(part.ids), done + len(part.ends)
    spans = [part.spans for part in parts if part.spans is not None]
    return (
        FlatIds(_end_to_end([part.ids for part in parts], np.empty(0, np.int32)), bounds),
        _end_to_end(spans, np.empty((0, 2), np.int64)),
    )


def are_ids(numbers: Collection[int]) -> bool:
    """Tell whether all numbers are valid ids: non-negative integers that fit into int32."""
    found = list(numbers)  # the dictionary is slow to go through, and large ones have a million
    if {*map(type, found)} - {int}:
        return False
    return not found or (min(found) >= 0 and max(found) < 2**31)
