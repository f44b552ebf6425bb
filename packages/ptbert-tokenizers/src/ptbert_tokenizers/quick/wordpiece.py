"""WordPiece straight to ids, without trying pieces that cannot be in the vocabulary."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ptbert_tokenizers.quick.encoder import QuickEncoder, WordMaker, are_ids
from ptbert_tokenizers.quick.matching import PREFIX, longest_by_prefix
from ptbert_tokenizers.quick.memo import Ids

if TYPE_CHECKING:
    from ptbert_tokenizers.quick.pieces import PieceIds


def wordpiece_encoder(
    words: WordMaker, vocab: Mapping[str, int], unk_token: str, max_input_chars_per_word: int
) -> QuickEncoder | None:
    """Return an encoder of text by WordPiece, or None if the vocabulary does not allow one.

    Args:
        words: cuts texts into words.
        vocab: as for ``QuickWordpiece``.
        unk_token: as for ``QuickWordpiece``, but may be missing in ``vocab``.
        max_input_chars_per_word: as for ``QuickWordpiece``.
    """
    if unk_token not in vocab or not are_ids(vocab.values()):
        return None
    # A word that is in the vocabulary is a single piece.
    whole = {
        token: index for token, index in vocab.items() if len(token) <= max_input_chars_per_word
    }
    tokens = {index: token for token, index in vocab.items()}
    pieces, unknown = dict(vocab), vocab[unk_token]  # it may be edited before these are needed
    return QuickEncoder(
        words,
        QuickWordpiece(vocab, unk_token, max_input_chars_per_word),
        {token: (index,) for token, index in whole.items()},
        # A token with surrogates becomes invalid UTF-8 here, which no text contains.
        lambda: {word.encode("utf-8", "surrogatepass"): whole[word] for word in whole},
        tokens if len(tokens) == len(vocab) else None,
        _lengths_of,
        together=lambda: _piece_ids(pieces, max_input_chars_per_word, unknown),
    )


def _piece_ids(
    vocab: Mapping[str, int], max_input_chars_per_word: int, unknown: int
) -> "PieceIds":
    from ptbert_tokenizers.quick.pieces import PieceIds

    return PieceIds(vocab, max_input_chars_per_word, unknown)


def _lengths_of(token: str) -> tuple[int, int]:
    """The bytes of a word that a token stands for, at its beginning and later in it."""
    size = len(token.encode("utf-8", "surrogatepass"))
    return size, size - 2 if token.startswith("##") else 0


class QuickWordpiece:
    """Ids of the pieces that ``WordpieceTokenizer`` cuts a word into.

    It tries no piece that is longer than the longest one with the same first four characters.

    Args:
        vocab: id of every piece; those that continue a word begin with ``##``.
        unk_token: the token for a word that cannot be cut; must be in ``vocab``.
        max_input_chars_per_word: longer words become ``unk_token``.

    Example:
        >>> QuickWordpiece({"[UNK]": 0, "un": 1, "##able": 2}, "[UNK]", 100)("unable")
        (1, 2)
    """

    def __init__(
        self, vocab: Mapping[str, int], unk_token: str, max_input_chars_per_word: int
    ) -> None:
        self._unknown = (vocab[unk_token],)
        self._max_characters = max_input_chars_per_word
        later = {
            piece[2:]: index for piece, index in vocab.items() if piece[:2] == "##" and piece[2:]
        }
        self._first = dict(vocab).get, longest_by_prefix(vocab).get
        self._later = later.get, longest_by_prefix(later).get

    def __call__(self, word: str) -> Ids:
        """Return the ids of the pieces of one word."""
        length = len(word)
        if length > self._max_characters:
            return self._unknown
        ids: list[int] = []
        start = 0
        id_of, longest = self._first
        while start < length:
            end = start + longest(word[start : start + PREFIX], PREFIX - 1)
            if end > length:  # noqa: PLR1730 - min() would be a third of the time
                end = length
            while (index := id_of(word[start:end])) is None:
                end -= 1
                if end <= start:
                    return self._unknown
            ids.append(index)
            start = end
            id_of, longest = self._later
        return tuple(ids)
