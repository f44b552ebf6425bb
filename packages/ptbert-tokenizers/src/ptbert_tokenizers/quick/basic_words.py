"""The words of basic tokenization, from whole texts at once instead of character by character.

All but two steps of basic tokenization handle each character independently of its neighbours. So
each character has an *image*, which is its replacement: nothing for a control character, ``e`` for
``É``, ``" 。 "`` for a Chinese full stop. A few calls that run in C replace all characters of a
text. In the result, spaces separate words, and only ASCII punctuation has no spaces around it yet.
For a single text, those spaces are added and the text is split; many texts are cut by
``ptbert_tokenizers.quick.spans``. ASCII characters, the majority in most texts, are replaced as
bytes by one ``translate``. For other characters ``encode("ascii")`` calls an error handler, which
inserts their images.

There are two exceptions. They are searched for in the image, and texts with one of them are
tokenized the plain way:

* a word of ``never_split``: its own image is then a part of the text's image;
* a combining mark that is still there when accents are removed, because the order of such marks
  depends on their neighbours; its image is ``MOVES``.

A capital sigma is lower-cased differently at the end of a word; texts with one are cleaned and
lower-cased as a whole beforehand.
"""

import codecs
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, cast

from ptbert_tokenizers.plain.offsets import cleaned_character
from ptbert_tokenizers.plain.unicode import is_punctuation, without_accents
from ptbert_tokenizers.plain.wordpiece import BasicTokenizer, strips_accents
from ptbert_tokenizers.quick.memo import Memo

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ptbert_tokenizers.quick.positions import CharacterLengths
    from ptbert_tokenizers.quick.spans import WordSpans


MOVES = "\U0010ffff"
"""The image of a character whose result depends on its neighbours: an unassigned code point."""

_NUL = "\0"
"""Put after each of many texts. Inside a text, basic tokenization deletes it."""

_MOVES = MOVES.encode()
_CAPITAL = re.compile("[A-Z]")
_SIGMA = "Σ"
_IMAGES_LIMIT = 12 * 2**20  # bytes, for about 50,000 characters with their images


def image(
    char: str,
    do_lower_case: bool,
    strip_accents: bool | None = None,
    tokenize_chinese_chars: bool = True,
) -> str:
    """What basic tokenization makes of a character, with spaces where words end.

    There are no spaces around ASCII punctuation.

    Example:
        >>> image("É", True), image(",", True), image("\\u200b", True), image("京", True)
        ('e', ',', '', ' 京 ')
    """
    rest = cleaned_character(char, tokenize_chinese_chars)
    if do_lower_case:
        rest = rest.lower()
    if strips_accents(do_lower_case, strip_accents):
        rest = without_accents(rest)
        if any(map(unicodedata.combining, rest)):
            return MOVES
    return _spaced(rest)


def _spaced(word: str) -> str:
    """A word with spaces around all but ASCII punctuation, and no other whitespace."""
    return "".join(map(_spaced_character, word))


def _spaced_character(char: str) -> str:
    if char.isspace():
        return " "
    return f" {char} " if is_punctuation(char) and not char.isascii() else char


@cache
def _registered(
    do_lower_case: bool, strip_accents: bool, tokenize_chinese_chars: bool
) -> tuple[Memo[int, str], str]:
    """The images by code point, and the name of an error handler that inserts them."""

    settings = (do_lower_case, strip_accents, tokenize_chinese_chars)

    def image_of(code: int) -> str:  # ASCII characters are replaced later
        return chr(code) if code < 128 else image(chr(code), *settings)

    images = Memo(_IMAGES_LIMIT, image_of)

    def replaced(error: UnicodeError) -> tuple[bytes, int]:
        given = cast("UnicodeEncodeError", error)
        return given.object[given.start : given.end].translate(images).encode(), given.end

    name = f"{__name__}.{'.'.join(map(str, settings))}"
    codecs.register_error(name, replaced)
    return images, name


class QuickWords:
    """Words as ``tokenize`` of a ``BasicTokenizer`` with the same arguments gives them.

    Args:
        do_lower_case: lower-case, and remove accents unless ``strip_accents`` is False.
        never_split: words that are not changed if there are spaces around them.
        strip_accents: remove accents; when None, only if ``do_lower_case``.
        tokenize_chinese_chars: make every Han ideograph a word of its own.

    Example:
        >>> words = QuickWords(True, ["[MASK]"])
        >>> words("Naïve? [MASK] 北京")
        ['naive', '?', '[MASK]', '北', '京']
        >>> [spans] = words.spans(["Naïve?", "北京"])
        >>> [word.decode() for word in spans.words(spans.lengths.nonzero()[0])]
        ['naive', '?', '北', '京']
    """

    def __init__(
        self,
        do_lower_case: bool,
        never_split: Sequence[str],
        strip_accents: bool | None = None,
        tokenize_chinese_chars: bool = True,
    ) -> None:
        self._plain = BasicTokenizer(
            do_lower_case,
            never_split,
            strip_accents=strip_accents,
            tokenize_chinese_chars=tokenize_chinese_chars,
        )
        strips = strips_accents(do_lower_case, strip_accents)
        self._images, self._error_handler = _registered(
            bool(do_lower_case), strips, bool(tokenize_chinese_chars)
        )
        self._clean: Memo[int, str] = Memo(
            _IMAGES_LIMIT, lambda code: cleaned_character(chr(code), tokenize_chinese_chars)
        )
        made = [image(chr(code), do_lower_case) for code in range(128)]
        made[0] = _NUL
        self._table = bytes([*(ord(each or _NUL) for each in made), *range(128, 256)])
        self._deleted = bytes(code for code in range(128) if not made[code])
        self._classes: bytes | None = None  # for many texts; made when first needed
        self._lengths: CharacterLengths | None = None  # the same
        self._marks = [bytes([code]) for code in range(128) if is_punctuation(chr(code))]
        signs = {MOVES, *map(self._image_of, never_split), *map(_spaced, never_split)}
        signs = {sign.strip() for sign in signs}
        self.is_possible = "" not in signs and not any(
            _SIGMA in word or MOVES in self._image_of(word) for word in never_split
        )
        by_first: dict[str, list[str]] = {}
        for sign in signs - {MOVES}:
            if not (do_lower_case and _CAPITAL.search(sign)):  # images have no capitals then
                by_first.setdefault(sign[:1], []).append(sign)
        # One pattern for each first byte, because searching for a fixed byte is fast.
        self._signs = [
            re.compile("|".join(map(re.escape, group)).encode("utf-8", "surrogatepass"))
            for group in by_first.values()
        ]

    def __call__(self, text: str) -> list[str]:
        """Return the words of one text."""
        made = self._image(text.replace(_NUL, "") if _NUL in text else text)
        if self._is_exception(made):
            return self._plain.tokenize(text)
        for mark in self._marks:
            if mark in made:
                made = made.replace(mark, b" " + mark + b" ")
        return made.decode().split()

    def spans(self, texts: Sequence[str]) -> "Iterator[WordSpans] | None":
        """Return the words of all texts, or None if a text among them is an exception."""
        from ptbert_tokenizers.quick.spans import classified_spans

        joined = _NUL.join([*texts, ""])
        if joined.count(_NUL) != len(texts):
            joined = _NUL.join([*(text.replace(_NUL, "") for text in texts), ""])
        made = self._image(joined)
        if self._is_exception(made):
            return None
        if self._classes is None:
            self._classes = self._classes_of_bytes()
        return classified_spans(made, made.translate(self._classes))

    def positions(self, texts: Sequence[str]) -> "NDArray[np.intp]":
        """Return for each byte of the image of ``spans`` the place of its character in its text."""
        from ptbert_tokenizers.quick.positions import CharacterLengths, byte_positions

        if self._lengths is None:
            self._lengths = CharacterLengths(
                lambda code: len(self._image(chr(code)).replace(_NUL.encode(), b""))
            )
        return byte_positions(texts, self._lengths)

    def _classes_of_bytes(self) -> bytes:
        """The class of each byte of an image."""
        from ptbert_tokenizers.quick.spans import MARK, SPACE, WORD

        classes = bytearray([WORD]) * 256
        classes[ord(" ")] = SPACE
        for mark in (_NUL.encode(), *self._marks):
            classes[mark[0]] = MARK
        return bytes(classes)

    def _is_exception(self, made: bytes) -> bool:
        # Searching for one byte is much faster than for four, and very few texts contain it.
        if _MOVES[:1] in made and _MOVES in made:
            return True
        return any(sign.search(made) for sign in self._signs)

    def _image(self, text: str) -> bytes:
        """The image of a text, or of several with a NUL after each, as UTF-8."""
        if self._plain.do_lower_case and _SIGMA in text:
            texts = text.split(_NUL)
            text = _NUL.join(each.translate(self._clean).lower() for each in texts)
        # Surrogates, which UTF-8 cannot hold, are control characters to basic tokenization.
        beyond_ascii = len(text.encode("utf-8", "ignore")) - len(text)
        if beyond_ascii < len(text) // 16:
            data = text.encode("ascii", self._error_handler)
        else:
            data = text.translate(self._images).encode()
        return data.translate(self._table, self._deleted)

    def may_hold(self, text: str, parts: Iterable[str]) -> bool:
        """Tell whether a normalized text may hold one of some normalized parts.

        Spaces are left out of both, because the image has more of them than the normalized text.

        Example:
            >>> words = QuickWords(True, [])
            >>> words.may_hold("the COVID 19", ["covid 19"]), words.may_hold("the", ["covid 19"])
            (True, False)
        """
        made = self._image(text.replace(_NUL, ""))
        if self._is_exception(made):
            return True
        found = made.replace(b" ", b"")
        return any("".join(part.split()).encode() in found for part in parts)

    def _image_of(self, text: str) -> str:
        return self._image(text).decode()


def basic_values(basic: BasicTokenizer) -> tuple[bool, tuple[str, ...], bool | None, bool]:
    """All settings of a basic tokenizer, to compare them with others."""
    return (
        bool(basic.do_lower_case),
        tuple(basic.never_split),
        basic.strip_accents,
        bool(basic.tokenize_chinese_chars),
    )


def quick_words(basic: BasicTokenizer) -> QuickWords | None:
    """The quick way to the words of an unchanged basic tokenizer; None if there is none."""
    words = QuickWords(*basic_values(basic))
    return words if words.is_possible else None
