"""From words to ids by byte-pair merges, without building the pieces as strings."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from ptbert_tokenizers.edits import plain_copy
from ptbert_tokenizers.plain.bpe import LONG_WORD
from ptbert_tokenizers.plain.offsets import traced_bytes
from ptbert_tokenizers.quick.encoder import QuickEncoder, WordMaker, are_ids
from ptbert_tokenizers.quick.memo import Ids
from ptbert_tokenizers.quick.merges import MergeTable
from ptbert_tokenizers.quick.places import Edges, edges_of
from ptbert_tokenizers.quick.tokens import QuickTokens, Tokens

if TYPE_CHECKING:
    from ptbert_tokenizers.quick.ids import KnownWords, Together
    from ptbert_tokenizers.quick.positions import PieceLengths
    from ptbert_tokenizers.quick.spans import WordSpans

_MANY = 3000  # new words; as many by the definition take about as long as preparing the table


class Spelling(NamedTuple):
    """How words are written in the symbols of a vocabulary.

    Args:
        spell: writes a word.
        in_bytes: whether each symbol is a byte of the word, else it is a character.
        spans: the reverse for many words; those that are not written in symbols are empty.
        word_end: the ending of a word's last piece, such as ``</w>``.
    """

    spell: Callable[[str], str]
    in_bytes: bool
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
    merges, spell = _Merges(new_table, id_of), spelling.spell

    def ids_of_word(word: str) -> Ids:
        symbols = spell(word)
        by_number = merges.ids
        if by_number is None and merges.leaves_to_definition(symbols):
            pieces = define(symbols)
            ids = tuple([id_of.get(piece, -1) for piece in pieces])
            return ids if -1 not in ids else tuple(ids_of_pieces(pieces))
        by_number = by_number or merges.prepare()
        table = merges.table
        ids = tuple([by_number[number] for number in table.merge(symbols)])
        return ids if -1 not in ids else tuple(ids_of_pieces(table.pieces(symbols)))

    def numbers_of_part(part: str) -> Ids:
        return tuple(merges.table.merge(spell(part)))

    def together() -> "Together | None":
        from ptbert_tokenizers.quick.parts import PartIds

        pairs = merges.table.pairs
        return None if pairs is None else PartIds(numbers_of_part, pairs, merges.prepare())

    def whole_words() -> "KnownWords":
        import numpy as np

        from ptbert_tokenizers.quick.ids import KnownWords

        by_number = np.array(merges.prepare(), np.int32)
        whole = merges.table.whole_words()
        ids = by_number.take(np.fromiter(whole.values(), np.intp, len(whole)))
        found = ["" if word in words.signs else word for word in whole]
        spans = spelling.spans(found)
        return KnownWords(spans._replace(lengths=np.where(ids < 0, 0, spans.lengths)), ids)

    def tokens() -> dict[int, str] | None:
        found = dict(zip(id_of.values(), id_of, strict=True))
        return found if len(found) == len(id_of) else None

    def pieces_of_word(word: str) -> list[str]:
        symbols = spell(word)
        if merges.ids is None and merges.leaves_to_definition(symbols):
            return define(symbols)
        return merges.table.pieces(symbols)

    def edges_in_word(word: str, tokens: Tokens) -> Edges:
        lengths = [len(token) for token in tokens]
        lengths[-1] -= len(spelling.word_end)
        in_bytes = spelling.in_bytes and not word.isascii()
        return edges_of(lengths, traced_bytes(word) if in_bytes else range(len(word)))

    def lengths_of(token: str) -> tuple[int, int]:
        size = len(token.removesuffix(spelling.word_end))
        return size, size

    def lengths(names: Mapping[int, str]) -> "PieceLengths | None":
        from ptbert_tokenizers.quick.positions import PieceLengths

        return PieceLengths.of(names, lengths_of, unknown, in_bytes=spelling.in_bytes)

    return QuickEncoder(
        words,
        ids_of_word,
        {},
        whole_words,
        lambda memo: QuickTokens(memo, ids_of_word, tokens, unknown, pieces_of_word),
        edges_in_word,
        lengths,
        together,
    )


class _Merges:
    """Merges and the ids of what they make, prepared when the definition would take longer.

    Args:
        new_table: prepares the merges.
        id_of: piece → id.
    """

    def __init__(self, new_table: Callable[[], MergeTable], id_of: Mapping[str, int]) -> None:
        self._new_table = new_table
        self._id_of = id_of
        self._new_words = 0
        self.ids: list[int] | None = None
        """The id of each symbol by its number; None until words are cut by the table."""

    @cached_property
    def table(self) -> MergeTable:
        """The merges."""
        return self._new_table()

    def prepare(self) -> list[int]:
        """Return the ids; from now on words are cut by the table."""
        if self.ids is None:
            self.ids = self.table.ids(self._id_of)
        return self.ids

    def leaves_to_definition(self, symbols: str) -> bool:
        """Tell whether a new word is cut by the definition; if not, all is prepared."""
        self._new_words += 1
        if self._new_words <= _MANY and len(symbols) <= LONG_WORD:
            return True
        self.prepare()
        return False
