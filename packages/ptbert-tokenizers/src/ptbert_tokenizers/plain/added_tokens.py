"""Added tokens: kept whole wherever they are in a text, with ids of their own

The rules are those of the library ``tokenizers`` 0.23: tokens that are not ``normalized`` are
looked for in the text as it is, then the others in the normalized text between them. The leftmost
one wins, and among those that begin at one place the longest.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, NamedTuple

from ptbert_tokenizers.plain.offsets import Traced
from ptbert_tokenizers.plain.unicode_14 import category

_SPACES = frozenset(
    "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009"
    "\u200a\u2028\u2029\u202f\u205f\u3000"
)
_WORD_CATEGORIES = ("L", "M", "Nd", "Nl", "Pc")
_JOINERS = frozenset("\u200c\u200d")
_CIRCLED_LETTERS = ((0x24B6, 0x24E9), (0x1F130, 0x1F149), (0x1F150, 0x1F169), (0x1F170, 0x1F189))


@dataclass(frozen=True)
class AddedToken:
    """A token that is kept whole in texts.

    Args:
        content: its characters.
        special: whether it is a mark for the model rather than a part of the language; ``decode``
            can leave such tokens out.
        normalized: look for it in the normalized text, so that case and accents do not matter where
            the tokenizer removes them; when None, True unless ``special``.
        lstrip: it takes the spaces before it along.
        rstrip: it takes the spaces after it along.
        single_word: it is not found inside of words.

    Raises:
        ValueError: if it is empty.

    Example:
        >>> AddedToken("[E1]", special=True).normalized, AddedToken("covid19").normalized
        (False, True)
    """

    content: str
    special: bool = False
    normalized: bool | None = None
    lstrip: bool = False
    rstrip: bool = False
    single_word: bool = False

    def __post_init__(self) -> None:
        if not self.content:
            raise ValueError("an added token is an empty string; leave it out")
        if self.normalized is None:
            object.__setattr__(self, "normalized", not self.special)

    def flags(self) -> dict[str, Any]:
        """Return all arguments by name, as ``tokenizer_config.json`` has them."""
        return asdict(self)


FLAGS = tuple(field.name for field in fields(AddedToken))[1:]
"""The arguments of ``AddedToken`` besides its content."""


class AddedTokens:
    """Added tokens and their ids. It never changes: adding more makes a new object.

    Args:
        entries: token → id.

    Example:
        >>> added = AddedTokens({AddedToken("<a>"): 7}).with_tokens({AddedToken("<b>"): 8})
        >>> added.ids, added.tokens
        ({'<a>': 7, '<b>': 8}, {7: '<a>', 8: '<b>'})
    """

    def __init__(self, entries: Mapping[AddedToken, int] | None = None) -> None:
        by_content = {token.content: (token, index) for token, index in (entries or {}).items()}
        in_order = sorted(by_content.values(), key=lambda entry: entry[1])
        self.entries: Mapping[AddedToken, int] = dict(in_order)
        self.ids: Mapping[str, int] = {token.content: i for token, i in self.entries.items()}
        self.tokens: Mapping[int, str] = {index: token for token, index in self.ids.items()}
        self.special = frozenset(token.content for token in self.entries if token.special)

    def __len__(self) -> int:
        return len(self.entries)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AddedTokens) and self.entries == other.entries

    __hash__ = None  # type: ignore[assignment]

    def with_tokens(self, entries: Mapping[AddedToken, int]) -> "AddedTokens":
        """Return these and more; a token of the same content is replaced."""
        names = {token.content for token in entries}
        kept = {token: i for token, i in self.entries.items() if token.content not in names}
        return AddedTokens({**kept, **entries})


NONE_ADDED = AddedTokens()


class Piece(NamedTuple):
    """A part of a text that is cut at added tokens.

    Args:
        text: an added token, or what is between two of them.
        is_added: which of both.
        positions: where in the whole text its characters come from.
    """

    text: str
    is_added: bool
    positions: Sequence[int]

    def span(self, start: int, stop: int) -> tuple[int, int]:
        """Return the span in the whole text for a span in this part."""
        found = self.positions[start:stop]
        return (min(found), max(found) + 1) if found else self._empty(start)

    def _empty(self, start: int) -> tuple[int, int]:
        place = self.positions[start] if start < len(self.positions) else self.positions[-1] + 1
        return place, place


class Cutter:
    """Cuts texts at added tokens.

    Args:
        added: the tokens.
        normalize: from a text to its normalized characters, each with the position that it comes
            from; None if normalizing changes nothing.
        may_hold: tells quickly whether a text, once normalized, may hold one of some spellings.
        separator: what separates words; one beside an added token belongs to no word.

    Example:
        >>> cutter = Cutter(AddedTokens({AddedToken("[X]", special=True): 9}))
        >>> [piece.text for piece in cutter.pieces("to[X]be")]
        ['to', '[X]', 'be']
    """

    def __init__(
        self,
        added: AddedTokens,
        normalize: Callable[[str], Traced] | None = None,
        may_hold: Callable[[str, Iterable[str]], bool] | None = None,
        separator: str = "",
    ) -> None:
        self._normalize = normalize
        self._may_hold = may_hold
        self._separator = separator
        self._plain = _Pattern(
            (each.content, each) for each in added.entries if not each.normalized
        )
        self._normalized = _Pattern(
            (spelling, each)
            for each in added.entries
            if each.normalized
            for spelling in self._spellings(each.content)
        )

    def _spellings(self, content: str) -> list[str]:
        """A token as it is in normalized text: by itself, and inside of a word."""
        if self._normalize is None:
            return [content]
        alone = "".join(char for char, _ in self._normalize(content))
        if alone != content:
            return [alone]
        # It may be a word that is never split; inside of a longer word it is normalized.
        inside = "".join(char for char, _ in self._normalize(f"a{content}a"))
        return [alone, inside[1:-1]]

    def pieces(self, text: str) -> list[Piece]:
        """Return the parts of a text, none of them empty, in order."""
        pieces: list[Piece] = []
        for piece in self._plain.cut(Piece(text, False, range(len(text)))):
            pieces += [piece] if piece.is_added else self._normalized_pieces(piece)
        return self._without_separators(pieces) if self._separator else pieces

    def _without_separators(self, pieces: Sequence[Piece]) -> list[Piece]:
        found: list[Piece] = []
        for number, piece in enumerate(pieces):
            start, stop = 0, len(piece.text)
            if not piece.is_added:
                if number and piece.text.startswith(self._separator):
                    start += len(self._separator)
                if number + 1 < len(pieces) and piece.text.endswith(self._separator):
                    stop -= len(self._separator)
            if start < stop:
                found.append(
                    Piece(piece.text[start:stop], piece.is_added, piece.positions[start:stop])
                    if not piece.is_added
                    else piece
                )
        return found

    def tokens(self, text: str, tokenize: Callable[[str], list[str]]) -> list[str]:
        """Return the tokens of a text.

        Args:
            text: any string.
            tokenize: cuts what is between added tokens.
        """
        tokens: list[str] = []
        for piece in self.pieces(text):
            tokens += [piece.text] if piece.is_added else tokenize(piece.text)
        return tokens

    def _normalized_pieces(self, piece: Piece) -> Iterable[Piece]:
        if not self._normalized.spellings:
            return [piece]
        if self._normalize is None:
            return self._normalized.cut(piece)
        if self._may_hold is not None and not self._may_hold(
            piece.text, self._normalized.spellings
        ):
            return [piece]
        traced = self._normalize(piece.text)
        text = "".join(char for char, _ in traced)
        positions = [piece.positions[position] for _, position in traced]
        found = list(self._normalized.cut(Piece(text, False, positions)))
        return found if any(each.is_added for each in found) else [piece]


class _Pattern:
    """Looks for the spellings of tokens."""

    def __init__(self, spellings: Iterable[tuple[str, AddedToken]]) -> None:
        self.spellings: dict[str, AddedToken] = {}
        for spelling, token in spellings:
            if spelling:
                self.spellings.setdefault(spelling, token)  # the first of two with one spelling
        longest_first = sorted(self.spellings, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def cut(self, piece: Piece) -> Iterator[Piece]:
        """Yield the parts of a text."""
        text, positions = piece.text, piece.positions
        done = 0
        for match in self._pattern.finditer(text) if self.spellings else ():
            start, stop = match.span()
            token = self.spellings[match[0]]
            if start < done:  # these are spaces that the token before took along
                continue
            if token.single_word and _touches_a_word(text, start, stop):
                continue
            if token.lstrip:
                while start > done and text[start - 1] in _SPACES:
                    start -= 1
            if token.rstrip:
                while stop < len(text) and text[stop] in _SPACES:
                    stop += 1
            if done < start:
                yield Piece(text[done:start], False, positions[done:start])
            yield Piece(token.content, True, positions[start:stop])
            done = stop
        if done < len(text):
            yield Piece(text[done:], False, positions[done:])


def _touches_a_word(text: str, start: int, stop: int) -> bool:
    return (start > 0 and _is_word_character(text[start - 1])) or (
        stop < len(text) and _is_word_character(text[stop])
    )


def _is_word_character(char: str) -> bool:
    return (
        category(char).startswith(_WORD_CATEGORIES)
        or char in _JOINERS
        or any(first <= ord(char) <= last for first, last in _CIRCLED_LETTERS)
    )
