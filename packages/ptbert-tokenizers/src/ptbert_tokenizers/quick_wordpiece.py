"""Greedy WordPiece on ids, with no try that the vocabulary rules out."""

from collections.abc import Mapping

from ptbert_tokenizers.memo import Ids

_PREFIX = 3  # characters; long enough to say how far it is worth looking


class QuickWordpiece:
    """Ids of the pieces that :class:`WordpieceTokenizer` cuts a word into.

    Tries no piece longer than the longest that begins with the same three characters.

    Args:
        vocab: id of every piece; those that continue a word begin with ``##``.
        unk_token: stands for a word that cannot be cut; must be in ``vocab``.
        max_input_chars_per_word: longer words are ``unk_token``.

    Example:
        >>> QuickWordpiece({"[UNK]": 0, "un": 1, "##able": 2}, "[UNK]", 100)("unable")
        (1, 2)
    """

    def __init__(
        self, vocab: Mapping[str, int], unk_token: str, max_input_chars_per_word: int
    ) -> None:
        self._first = vocab
        self._later = {
            piece[2:]: index for piece, index in vocab.items() if piece[:2] == "##" and piece[2:]
        }
        self._unknown = (vocab[unk_token],)
        self._max_characters = max_input_chars_per_word
        self._longest_first = _longest(vocab)
        self._longest_later = _longest(self._later)

    def __call__(self, word: str) -> Ids:
        """Return the ids of the pieces of one word."""
        length = len(word)
        if length > self._max_characters:
            return self._unknown
        ids: list[int] = []
        start = 0
        vocab, longest = self._first, self._longest_first
        while start < length:
            end = start + longest.get(word[start : start + _PREFIX], _PREFIX - 1)
            end = min(end, length)
            while end > start:
                index = vocab.get(word[start:end])
                if index is not None:
                    break
                end -= 1
            else:
                return self._unknown
            ids.append(index)
            start = end
            vocab, longest = self._later, self._longest_later
        return tuple(ids)


def _longest(vocab: Mapping[str, int]) -> dict[str, int]:
    """Length of the longest piece with each beginning."""
    longest: dict[str, int] = {}
    for piece in vocab:
        if len(piece) > longest.get(piece[:_PREFIX], 0):
            longest[piece[:_PREFIX]] = len(piece)
    return longest
