"""From words to ids by byte-pair merges, without building the pieces as strings."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from ptbert_tokenizers.edits import plain_copy
from ptbert_tokenizers.plain.bpe import LONG_WORD
from ptbert_tokenizers.quick.encoder import QuickEncoder, WordMaker, are_ids
from ptbert_tokenizers.quick.memo import Ids
from ptbert_tokenizers.quick.merges import MergeTable

if TYPE_CHECKING:
    from ptbert_tokenizers.quick.ids import KnownWords, Together
    from ptbert_tokenizers.quick.spans import WordSpans

_MANY = 3000  # new words; as many by the definition take about as long as preparing the table


class Spelling(NamedTuple):
    """How words are written in the symbols of a vocabulary.

    Args:
        spell: writes a word.
        word: the reverse: from symbols to the word, as UTF-8.
        spans: the same for many words; those that are not written in symbols are empty.
        word_end: the ending of a word's last piece, such as ``</w>``.
    """

    spell: Callable[[str], str]
    word: Callable[[str], bytes]
    spans: "Callable[[Sequence[str]], WordSpans]"
    word_end: str


def bpe_encoder(
    words: WordMaker,
    spelling: Spelling,
    define: Callable[[str], list[str]],
    new_table: Callable[[], MergeTable],
    vocabulary: Mapping[str, int],
    special_tokens: Mapping[str, int],
    ids_of_pieces: Callable[[list[str]], list[int]],
    unknown: int | None,
) -> QuickEncoder | None:
    """Return an encoder of text by byte-pair merges, or None if the ids do not allow one.

    Args:
        words: cuts texts into words.
        spelling: of words in symbols.
        define: cuts the symbols of a word into pieces, by the definition.
        new_table: prepares the merges; called when the definition would take longer.
        vocabulary: piece → id.
        special_tokens: token → id; these take precedence over pieces.
        ids_of_pieces: looks up pieces when the vocabulary may lack one; may raise an error.
        unknown: the id of pieces that the vocabulary lacks, if there is one.
    """
    id_of = plain_copy(vocabulary)
    numbers = [*id_of.values(), *special_tokens.values()]
    if not are_ids(numbers):
        return None
    id_of.update(special_tokens)
    ids_of_word = _IdsOfWords(spelling.spell, define, new_table, id_of, ids_of_pieces)

    def numbers_of_part(part: str) -> Ids:
        return tuple(ids_of_word.table.merge(spelling.spell(part)))

    def together() -> "Together | None":
        from ptbert_tokenizers.quick.parts import PartIds

        pairs = ids_of_word.table.pairs
        if pairs is None:
            return None
        return PartIds(numbers_of_part, pairs, ids_of_word.ids_by_number())

    def whole_words() -> "KnownWords":
        import numpy as np

        from ptbert_tokenizers.quick.ids import KnownWords

        by_number = np.array(ids_of_word.ids_by_number(), np.int32)
        whole = ids_of_word.table.whole_words()
        ids = by_number.take(np.fromiter(whole.values(), np.intp, len(whole)))
        found = ["" if word in words.signs else word for word in whole]
        spans = spelling.spans(found)
        return KnownWords(spans._replace(lengths=np.where(ids < 0, 0, spans.lengths)), ids)

    def tokens() -> dict[int, str] | None:
        found = dict(zip(id_of.values(), id_of, strict=True))
        return found if len(found) == len(id_of) else None

    def lengths_of(token: str) -> tuple[int, int]:
        try:
            size = len(spelling.word(token.removesuffix(spelling.word_end)))
        except UnicodeError:  # it is not written in the symbols of the vocabulary
            size = 0
        return size, size

    return QuickEncoder(words, ids_of_word, {}, whole_words, tokens, lengths_of, unknown, together)


class _IdsOfWords:
    """Computes the ids of words, the first ones by the definition.

    Args:
        spell: writes a word in symbols; the others are as for ``bpe_encoder``.
    """

    def __init__(
        self,
        spell: Callable[[str], str],
        define: Callable[[str], list[str]],
        new_table: Callable[[], MergeTable],
        id_of: Mapping[str, int],
        ids_of_pieces: Callable[[list[str]], list[int]],
    ) -> None:
        self._spell = spell
        self._define = define
        self._new_table = new_table
        self._id_of = id_of
        self._ids_of_pieces = ids_of_pieces
        self._new_words = 0
        self._by_number: list[int] | None = None  # the id of each symbol; made when it is worth it

    def __call__(self, word: str) -> Ids:
        """Return the ids of one word."""
        symbols = self._spell(word)
        by_number = self._by_number
        if by_number is None:
            self._new_words += 1
            if self._new_words <= _MANY and len(symbols) <= LONG_WORD:
                pieces = self._define(symbols)
                ids = tuple([self._id_of.get(piece, -1) for piece in pieces])
                return ids if -1 not in ids else tuple(self._ids_of_pieces(pieces))
            by_number = self.ids_by_number()
        ids = tuple([by_number[number] for number in self.table.merge(symbols)])
        return ids if -1 not in ids else tuple(self._ids_of_pieces(self.table.pieces(symbols)))

    def ids_by_number(self) -> list[int]:
        """Return the id of each symbol by its number; from now on words are cut by the table."""
        if self._by_number is None:
            self._by_number = self.table.ids(self._id_of)
        return self._by_number

    @cached_property
    def table(self) -> MergeTable:
        """The merges, prepared when first needed."""
        return self._new_table()
