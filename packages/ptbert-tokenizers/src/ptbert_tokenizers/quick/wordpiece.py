"""WordPiece straight to ids, without trying pieces that cannot be in the vocabulary."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from ptbert_tokenizers.edits import plain_copy
from ptbert_tokenizers.quick.encoder import QuickEncoder, WordMaker, are_ids
from ptbert_tokenizers.quick.matching import PREFIX, longest_by_prefix
from ptbert_tokenizers.quick.places import Edges, edges_of
from ptbert_tokenizers.quick.tokens import QuickTokens, Tokens

if TYPE_CHECKING:
    from ptbert_tokenizers.quick.ids import KnownWords
    from ptbert_tokenizers.quick.pieces import PieceIds
    from ptbert_tokenizers.quick.positions import PieceLengths

V = TypeVar("V")


def wordpiece_encoder(
    words: WordMaker, vocab: Mapping[str, int], unk_token: str, max_input_chars_per_word: int
) -> QuickEncoder | None:
    """Return an encoder of text by WordPiece, or None if the vocabulary does not allow one.

    Args:
        words: cuts texts into words.
        vocab: as for ``QuickWordpiece``.
        unk_token: the token for words that cannot be cut; there is no encoder if it has no id.
        max_input_chars_per_word: as for ``QuickWordpiece``.
    """
    if unk_token not in vocab or not are_ids(vocab.values()):
        return None
    pieces, unknown = plain_copy(vocab), vocab[unk_token]  # it may be edited before they are needed
    # A word that is in the vocabulary is a single piece.
    whole = {
        token: (index,) for token, index in pieces.items() if len(token) <= max_input_chars_per_word
    }

    def tokens() -> dict[int, str] | None:
        found = dict(zip(pieces.values(), pieces, strict=True))
        return found if len(found) == len(pieces) else None

    ids_of_word = QuickWordpiece(pieces, unknown, max_input_chars_per_word)
    return QuickEncoder(
        words,
        ids_of_word,
        whole,
        lambda: _known_words([word for word in whole if word not in words.signs], pieces),
        lambda memo: QuickTokens(memo, ids_of_word, tokens),
        _edges_in_word,
        _lengths,
        together=lambda: _piece_ids(pieces, max_input_chars_per_word, unknown),
    )


def _known_words(words: Sequence[str], ids: Mapping[str, int]) -> "KnownWords":
    import numpy as np

    from ptbert_tokenizers.quick.ids import KnownWords
    from ptbert_tokenizers.quick.spans import encoded_spans

    return KnownWords(
        encoded_spans(words), np.fromiter(map(ids.__getitem__, words), np.int32, len(words))
    )


def _piece_ids(vocab: Mapping[str, int], max_input_chars_per_word: int, unknown: int) -> "PieceIds":
    from ptbert_tokenizers.quick.pieces import PieceIds

    return PieceIds(vocab, max_input_chars_per_word, unknown)


def _edges_in_word(word: str, tokens: Tokens) -> Edges:
    if len(tokens) == 1:  # also of a word that cannot be cut
        return 0, len(word)
    lengths = [len(token) - 2 * bool(number) for number, token in enumerate(tokens)]  # without ##
    return edges_of(lengths, range(len(word)))


def _lengths(tokens: Mapping[int, str]) -> "PieceLengths | None":
    from ptbert_tokenizers.quick.positions import PieceLengths

    return PieceLengths.of(tokens, _lengths_of)


def _lengths_of(token: str) -> tuple[int, int]:
    """The bytes of a word that a token stands for, at its beginning and later in it."""
    size = len(token.encode("utf-8", "surrogatepass"))
    return size, size - 2 if token.startswith("##") else 0


class QuickWordpiece(Generic[V]):
    """Ids of the pieces that ``WordpieceTokenizer`` cuts a word into.

    It tries no piece that is longer than the longest one with the same first four characters. If
    there is none, those of up to three characters are tried that have the same first two.

    Args:
        vocab: id of every piece, or anything else that stands for it; pieces that continue a word
            begin with ``##``.
        unknown: the same for a word that cannot be cut.
        max_input_chars_per_word: longer words are unknown.

    Example:
        >>> QuickWordpiece({"un": 1, "##able": 2}, 0, 100)("unable")
        (1, 2)
    """

    def __init__(self, vocab: Mapping[str, V], unknown: V, max_input_chars_per_word: int) -> None:
        self._unknown = (unknown,)
        self._max_characters = max_input_chars_per_word
        later = {
            piece[2:]: index for piece, index in vocab.items() if piece[:2] == "##" and piece[2:]
        }
        self._first, self._later = _look_ups(dict(vocab)), _look_ups(later)

    def __call__(self, word: str) -> tuple[V, ...]:
        """Return the ids of the pieces of one word."""
        length = len(word)
        if length > self._max_characters:
            return self._unknown
        ids: list[V] = []
        start = 0
        id_of, longest, longest_short = self._first
        while start < length:
            size = longest(word[start : start + PREFIX])
            end = start + (size or longest_short(word[start : start + 2], 1))
            if end > length:  # noqa: PLR1730 - min() would be a third of the time
                end = length
            while (index := id_of(word[start:end])) is None:
                end -= 1
                if end <= start:
                    return self._unknown
            ids.append(index)
            start = end
            id_of, longest, longest_short = self._later
        return tuple(ids)


def _look_ups(
    pieces: Mapping[str, V],
) -> tuple[Callable[[str], V | None], Callable[[str], int | None], Callable[[str, int], int]]:
    """The id of a piece; the length of the longest one by four characters, and by two."""
    short = [piece for piece in pieces if 1 < len(piece) < PREFIX]
    return pieces.get, longest_by_prefix(pieces).get, longest_by_prefix(short, 2).get
