"""Tokens of texts and of separate words: from ids, or from pieces where ids do not tell them.

Ids do not tell tokens that share one, as all pieces do that the vocabulary lacks.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from itertools import chain

from ptbert_tokenizers.quick.memo import Ids, Memo

Tokens = tuple[str, ...]

_PIECES_LIMIT = 4 * 2**20  # bytes
_SEPARATE_LIMIT = 8 * 2**20


class QuickTokens:
    """Tokens of words, by remembered ids and remembered pieces.

    Args:
        memo: the remembered ids of words.
        ids_of_word: computes the ids of a word, or raises ``KeyError`` if a piece has none.
        tokens: called when first needed; returns the token of each id, or None if two tokens have
            the same id.
        ambiguous: an id that several tokens share, if there is one.
        pieces_of_word: gives the tokens of a word without ids; None if only the definition does.

    Example:
        >>> ids: Memo[str, Ids] = Memo(1000, lambda word: tuple(map("?ab".find, word)))
        >>> quick = QuickTokens(ids, ids.__getitem__, lambda: {1: "a", 2: "b"}, -1, tuple)
        >>> quick.of_text(["ab", "ax"])
        ['a', 'b', 'a', 'x']
    """

    def __init__(
        self,
        memo: Memo[str, Ids],
        ids_of_word: Callable[[str], Ids],
        tokens: Callable[[], Mapping[int, str] | None],
        ambiguous: int | None = None,
        pieces_of_word: Callable[[str], Sequence[str]] | None = None,
    ) -> None:
        self._memo, self._ids_of_word = memo, ids_of_word
        self._make_tokens, self._ambiguous = tokens, ambiguous
        self._pieces: Memo[str, Tokens] | None = None
        if pieces_of_word is not None:
            self._pieces = Memo(_PIECES_LIMIT, lambda word: tuple(pieces_of_word(word)))
        self._separate: Memo[str, Tokens] = Memo(_SEPARATE_LIMIT)

    @cached_property
    def by_id(self) -> Mapping[int, str] | None:
        """The token of each id; None if two tokens have the same id."""
        return self._make_tokens()

    def of_text(self, words: Sequence[str]) -> list[str] | None:
        """Return the tokens of the words of a text; None if only the definition tells them."""
        tokens = self.by_id
        if tokens is not None:
            with suppress(KeyError):  # a piece has no id, or that of an added token
                ids = list(chain.from_iterable(map(self._memo.__getitem__, words)))
                if self._ambiguous is None or self._ambiguous not in ids:
                    return list(map(tokens.__getitem__, ids))
        pieces = self._pieces
        return None if pieces is None else list(chain.from_iterable(map(pieces.__getitem__, words)))

    def of_each(
        self, texts: Sequence[str], cut: Callable[[Sequence[str]], Sequence[Sequence[str]]]
    ) -> Sequence[Tokens] | None:
        """Return the tokens of each of some texts; None if only the definition tells them.

        The texts are remembered whole, so they should be words that are separated already.

        Args:
            texts: a part of them may have been here before.
            cut: cuts texts into words.
        """
        known = self._separate
        found = list(map(known.get, texts))
        if None in found:
            missing = [text for text, tokens in zip(texts, found, strict=True) if tokens is None]
            missing = list(dict.fromkeys(missing))
            new = dict(zip(missing, map(self._of_words, cut(missing)), strict=True))
            for text, tokens in new.items():
                if tokens is None:
                    return None
                known[text] = tokens
            found = [
                new[text] if tokens is None else tokens
                for text, tokens in zip(texts, found, strict=True)
            ]
        return found  # type: ignore[return-value]

    def _of_words(self, words: Sequence[str]) -> Tokens | None:
        """The tokens of a text of few words, usually of one."""
        if len(words) == 1:
            return self.of_word(words[0])
        tokens = self.of_text(words)
        return None if tokens is None else tuple(tokens)

    def of_word(self, word: str) -> Tokens | None:
        """Return the tokens of one word, whose ids are not remembered."""
        names, pieces = self.by_id, self._pieces
        if names is not None:
            with suppress(KeyError):  # as above
                ids = self._memo.get(word) or self._ids_of_word(word)
                if self._ambiguous is None or self._ambiguous not in ids:
                    return tuple([names[index] for index in ids])
        return None if pieces is None else pieces[word]
