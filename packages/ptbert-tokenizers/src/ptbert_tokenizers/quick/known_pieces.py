"""``WordpieceTokenizer``, which remembers the pieces of words that came before.

What it returns is what the class of the same name in ``ptbert_tokenizers.plain.wordpiece`` returns.
"""

from collections.abc import Callable
from itertools import chain
from typing import Any

from ptbert_tokenizers.edits import Vocabulary
from ptbert_tokenizers.plain import wordpiece as plain
from ptbert_tokenizers.quick.memo import Memo
from ptbert_tokenizers.quick.untouched import untouched
from ptbert_tokenizers.quick.wordpiece import QuickWordpiece
from ptbert_tokenizers.weak import weak_method

Pieces = tuple[str, ...]

_LIMIT = 8 * 2**20  # bytes
_MANY = 2000  # new words; as many by the definition take about as long as preparing the quick way


class KnownPieces(Memo[str, Pieces]):
    """Pieces of words, for one state of a tokenizer's vocabulary and settings.

    Args:
        vocab: every known piece.
        state: the number of the vocabulary's edits, the token for words that cannot be cut, and the
            length from which on words are not cut.
        define: gives the pieces of a word by the definition.

    Example:
        >>> vocab = Vocabulary({"un": 0, "##able": 1})
        >>> known = KnownPieces(vocab, (vocab.edits, "[UNK]", 100), lambda word: ["un", "##able"])
        >>> known["unable"], "unable" in known
        (('un', '##able'), True)
    """

    def __init__(
        self, vocab: Vocabulary, state: tuple[int, str, int], define: Callable[[str], list[str]]
    ) -> None:
        super().__init__(_LIMIT)
        self.vocab, self.state = vocab, state
        self._define = define
        self._new_words = 0
        self._quick: QuickWordpiece[str] | None = None
        self._are_known: Callable[[str], bool] = frozenset().issuperset  # characters of pieces

    def __missing__(self, word: str) -> Pieces:
        self[word] = pieces = self._pieces_of(word)
        return pieces

    def _pieces_of(self, word: str) -> Pieces:
        if self._quick is None:
            self._new_words += 1
            if self._new_words <= _MANY:
                return tuple(self._define(word))
            _, unk_token, limit = self.state
            itself = {piece: piece for piece in self.vocab}
            self._are_known = frozenset("".join(itself)).issuperset
            self._quick = QuickWordpiece(itself, unk_token, limit)
        # Text that is not cleaned has many characters that no piece has.
        if not (word.isascii() or self._are_known(word)):
            return (self.state[1],)
        return self._quick(word)


class WordpieceTokenizer(plain.WordpieceTokenizer):
    """Cut words into the longest pieces that the vocabulary has, from left to right.

    Words are remembered if the vocabulary is one that ``load_vocab`` or a ``BertTokenizer`` has
    read, because these count their edits.

    Args:
        vocab: every known piece; those that continue a word begin with ``##``.
        unk_token: the token for a word that cannot be cut.
        max_input_chars_per_word: longer words become ``unk_token``.

    Example:
        >>> WordpieceTokenizer({"un", "##aff", "##able"}).tokenize("unaffable day")
        ['un', '##aff', '##able', '[UNK]']
    """

    def tokenize(self, text: str) -> list[str]:
        """Return the pieces of the words of ``text``, which spaces separate.

        Example:
            >>> WordpieceTokenizer(["a", "##b"]).tokenize("ab abb ba")
            ['a', '##b', 'a', '##b', '##b', '[UNK]']
        """
        words = plain.whitespace_tokenize(text)
        vocab = self.vocab
        if type(vocab) is not Vocabulary or not _has_own_pieces(self):
            return super().tokenize(text)
        if len(words) == 1 and words[0] in vocab:
            return words if len(words[0]) <= self.max_input_chars_per_word else [self.unk_token]
        state = (vocab.edits, self.unk_token, self.max_input_chars_per_word)
        known: KnownPieces | None = self.__dict__.get(_KNOWN)
        if known is None or known.state != state:
            known = KnownPieces(vocab, state, weak_method(self, "_pieces"))
            self.__dict__[_KNOWN] = known
        return list(chain.from_iterable(map(known.__getitem__, words)))

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != _KNOWN}


_KNOWN = "_known"  # the attribute that is not pickled
_has_own_pieces = untouched(WordpieceTokenizer, "_pieces")
