"""The words of :class:`BasicTokenizer`, from whole texts at once instead of character by character.

Every step of basic tokenization but two looks at one character at a time. So each character has
an *image*: nothing for a control character, ``" , "`` for a comma, ``e`` for ``É``. The image of a
text is made with a few calls that run in C, and the words are what spaces separate in it. ASCII,
which is most of most texts, is handled as bytes: one ``translate``, and one ``replace`` for each
punctuation mark.

The exceptions are looked for in the image, and texts that hold one go the plain way:

* a word of ``never_split``: its own image shows in the image of the text;
* a mark that canonical ordering moves and accent removal keeps: its image is ``MOVES``.

A capital sigma is lower-cased by its place in the word; such texts are cleaned and lower-cased as
a whole beforehand.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence

from ptbert_tokenizers.unicode import (
    is_cjk,
    is_control,
    is_punctuation,
    is_whitespace,
    without_accents,
)
from ptbert_tokenizers.wordpiece import BasicTokenizer

MOVES = "\x01"

_NON_ASCII = re.compile("[^\0-\x7f]+")
_SIGMA = "Σ"
_PIECE = 2**20  # characters of an image to split at a time
_REMEMBERED_CHARACTERS = 50_000  # with their images, about 12 MB


def cleaned(char: str) -> str:
    """The image of a character under cleaning and spacing of ideographs alone."""
    if char in "\0\ufffd" or is_control(char):
        return ""
    if is_whitespace(char):
        return " "
    return f" {char} " if is_cjk(ord(char)) else char


def image(char: str, do_lower_case: bool) -> str:
    """What basic tokenization makes of a character, with spaces where words end.

    Example:
        >>> image("É", True), image(",", True), image("\\u200b", True), image("京", True)
        ('e', ' , ', '', ' 京 ')
    """
    rest = cleaned(char)
    if do_lower_case:
        rest = without_accents(rest.lower())
        if any(map(unicodedata.combining, rest)):
            return MOVES
    return "".join(f" {each} " if is_punctuation(each) else each for each in rest)


class _Images(dict[int, str]):
    """Code point to image, computed when first seen."""

    def __init__(self, image_of: Callable[[str], str]) -> None:
        super().__init__()
        self._image_of = image_of

    def __missing__(self, code: int) -> str:
        if len(self) >= _REMEMBERED_CHARACTERS:
            self.clear()
        self[code] = made = self._image_of(chr(code))
        return made


class QuickWords:
    """Words as ``BasicTokenizer(do_lower_case, never_split).tokenize`` gives them.

    Args:
        do_lower_case: lower-case and remove accents.
        never_split: words left as they are where they stand alone between spaces.

    Example:
        >>> words = QuickWords(True, ["[MASK]"])
        >>> words("Naïve? [MASK] 北京")
        ['naive', '?', '[MASK]', '北', '京']
        >>> [*words.of_many(["One.", "Two"])]
        [['one', '.', '\\x00', 'two'], ['\\x00']]
    """

    separator = "\0"
    """Stands as a word between texts; basic tokenization deletes it."""

    def __init__(self, do_lower_case: bool, never_split: Sequence[str]) -> None:
        self._plain = BasicTokenizer(do_lower_case, never_split)
        # ASCII is done before these images are made.
        self._images = _Images(lambda char: char if char.isascii() else image(char, do_lower_case))
        self._clean = _Images(cleaned)
        self._table = bytearray(range(256))
        deleted = bytearray()
        self._punctuation: list[bytes] = []
        for code in range(1, 128):
            made = image(chr(code), do_lower_case)
            if not made:
                deleted.append(code)
            elif len(made) == 1:
                self._table[code] = ord(made)
            else:
                self._punctuation.append(bytes([code]))
        self._deleted = bytes(deleted)
        signs = {MOVES, *map(self._image, never_split), *map(_spaced, never_split)}
        signs = {sign.strip() for sign in signs}
        self.is_possible = "" not in signs and not any(
            _SIGMA in word or MOVES in self._image(word) for word in never_split
        )
        # By first character: most texts have no "[" and are done with one look.
        self._signs_of_exceptions = {
            first: [sign for sign in signs if sign.startswith(first)]
            for first in {sign[:1] for sign in signs}
        }

    def __call__(self, text: str) -> list[str]:
        """Return the words of one text."""
        made = self._image(text.replace(self.separator, "") if self.separator in text else text)
        return self._plain.tokenize(text) if self._is_exception(made) else made.split()

    def of_many(self, texts: Sequence[str]) -> Iterator[list[str]]:
        """Yield the words of all texts in lists of bounded size, ``separator`` after each text."""
        if not texts:
            return
        joined = self.separator.join(texts)
        if joined.count(self.separator) != len(texts) - 1:  # basic tokenization deletes it
            joined = self.separator.join(text.replace(self.separator, "") for text in texts)
        made = self._image(joined)
        if self._is_exception(made):
            for text in texts:
                yield [*self(text), self.separator]
        else:
            for piece in _cut(made):
                yield piece.split()
            yield [self.separator]

    def _is_exception(self, made: str) -> bool:
        return any(
            first in made and any(sign in made for sign in signs)
            for first, signs in self._signs_of_exceptions.items()
        )

    def _image(self, text: str) -> str:
        """The image of a text; of several, if ``separator`` stands between them."""
        if self._plain.do_lower_case and _SIGMA in text:
            texts = text.split(self.separator)
            text = self.separator.join(each.translate(self._clean).lower() for each in texts)
        # Surrogates, which UTF-8 cannot hold, are control characters to basic tokenization.
        data = text.encode("utf-8", "ignore").translate(self._table, self._deleted)
        for mark in self._punctuation:
            if mark in data:
                data = data.replace(mark, b" " + mark + b" ")
        if self.separator in text:
            data = data.replace(b"\0", b" \0 ")
        made = data.decode()
        if len(made) == len(data):
            return made
        if len(data) - len(made) < len(made) // 16:  # few characters beyond ASCII
            return _NON_ASCII.sub(self._image_of_match, made)
        return made.translate(self._images)

    def _image_of_match(self, match: re.Match[str]) -> str:
        return match[0].translate(self._images)


def _spaced(word: str) -> str:
    return "".join(f" {char} " if is_punctuation(char) else char for char in word)


def _cut(made: str) -> Iterator[str]:
    """Cut an image at spaces into pieces of about ``_PIECE`` characters."""
    start = 0
    while len(made) - start > _PIECE:
        end = made.find(" ", start + _PIECE)
        if end < 0:
            break
        yield made[start:end]
        start = end
    yield made[start:] if start else made
