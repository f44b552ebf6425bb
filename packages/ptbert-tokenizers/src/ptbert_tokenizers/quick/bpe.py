"""From words to ids by byte-pair merges, without building the pieces as strings."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ptbert_tokenizers.quick.encoder import QuickEncoder, WordMaker, are_ids
from ptbert_tokenizers.quick.memo import Ids
from ptbert_tokenizers.quick.merges import MergeTable

if TYPE_CHECKING:
    from ptbert_tokenizers.quick.ids import Together


def bpe_encoder(
    words: WordMaker,
    spell: Callable[[str], str],
    as_bytes: Callable[[str], bytes],
    table: MergeTable,
    vocabulary: Mapping[str, int],
    special_tokens: Mapping[str, int],
    ids_of_pieces: Callable[[list[str]], list[int]],
    unknown: int | None,
    word_end: str,
) -> QuickEncoder | None:
    """Return an encoder of text by byte-pair merges, or None if the ids do not allow one.

    Args:
        words: cuts texts into words.
        spell: writes a word in the symbols of the vocabulary.
        as_bytes: the reverse of ``spell``: from symbols to the word, as UTF-8.
        table: the merges.
        vocabulary: piece → id.
        special_tokens: token → id; these take precedence over pieces.
        ids_of_pieces: looks up pieces when the vocabulary may lack one; may raise an error.
        unknown: the id of pieces that the vocabulary lacks, if there is one.
        word_end: the ending of a word's last piece, such as ``</w>``.
    """
    numbers = [*vocabulary.values(), *special_tokens.values()]
    if not are_ids(numbers):
        return None
    id_of = {**vocabulary, **special_tokens}
    id_of_number = table.ids(id_of)

    def ids_of_word(word: str) -> Ids:
        symbols = spell(word)
        ids = tuple([id_of_number[number] for number in table.merge(symbols)])
        return ids if -1 not in ids else tuple(ids_of_pieces(table.pieces(symbols)))

    def numbers_of_part(part: str) -> Ids:
        return tuple(table.merge(spell(part)))

    def together() -> "Together | None":
        from ptbert_tokenizers.quick.parts import PartIds

        pairs = table.pairs
        if pairs is None:
            return None
        return PartIds(numbers_of_part, pairs, id_of_number)

    def whole_words() -> dict[bytes, int]:
        found = {word: id_of.get(word + word_end) for word in table.whole_words()}
        return {as_bytes(word): index for word, index in found.items() if index is not None}

    def lengths_of(token: str) -> tuple[int, int]:
        try:
            size = len(as_bytes(token.removesuffix(word_end)))
        except UnicodeError:  # it is not written in the symbols of the vocabulary
            size = 0
        return size, size

    tokens = {
        index: token for table in (vocabulary, special_tokens) for token, index in table.items()
    }
    are_distinct = len(tokens) == len(numbers)
    return QuickEncoder(
        words,
        ids_of_word,
        {},
        whole_words,
        tokens if are_distinct else None,
        lengths_of,
        unknown,
        together,
    )
