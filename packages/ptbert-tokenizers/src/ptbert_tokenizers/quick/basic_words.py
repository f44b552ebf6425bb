"""The words of basic tokenization, from whole texts at once instead of character by character.

All but two steps of basic tokenization handle each character independently of its neighbours. So
each character has an *image*, which is its replacement: nothing for a control character, ``e`` for
``É``, ``" 。 "`` for a Chinese full stop. A few calls that run in C replace all characters of a
text. In the result, spaces separate words, and only ASCII punctuation has no spaces around it yet.
For a single text, those spaces are added and the text is split; many texts are cut by
``ptbert_tokenizers.quick.spans``. ASCII characters, the majority in most texts, are replaced as
bytes by one ``translate``. For other characters ``encode("ascii")`` calls an error handler, which
inserts their images.

A word of ``never_split``, such as ``[MASK]``, must not be replaced. So its *sign* is put in its
place beforehand: a control character, as often as the word is long. Basic tokenization deletes
control characters, so no other word has them. If the image still has the image of such a word, it
is made once more, with signs in the cleaned text.

There are two exceptions. They are searched for in the image, and texts with one of them are
tokenized the plain way:

* a word of ``never_split`` that has no sign, because it is long or not ASCII;
* a combining mark that is still there when accents are removed, because the order of such marks
  depends on their neighbours; its image is ``MOVES``.

A capital sigma is lower-cased differently at the end of a word; what has one is cleaned and
lower-cased beforehand, from a space to the next one.
"""

import codecs
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, cast

from ptbert_tokenizers.plain.offsets import Traced, cleaned_character
from ptbert_tokenizers.plain.unicode import is_punctuation
from ptbert_tokenizers.plain.wordpiece import BasicTokenizer, strips_accents
from ptbert_tokenizers.quick.images import IMAGES_LIMIT, MOVES, image, normalized, spaced
from ptbert_tokenizers.quick.kept_words import NUL, SIGNS, KeptWords
from ptbert_tokenizers.quick.memo import Memo
from ptbert_tokenizers.quick.places import Places

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ptbert_tokenizers.quick.positions import CharacterLengths
    from ptbert_tokenizers.quick.spans import WordSpans


_SIGN = re.compile(f"[{re.escape(SIGNS)}]")

# For single texts in ASCII: the characters that are deleted, and the words of texts without them.
_CONTROLS = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f]")
_ASCII_WORDS = re.compile(r"[0-9A-Za-z]+|[^\s0-9A-Za-z]")

# For the image of any text, in which there is no whitespace but spaces.
_WORDS_OF_IMAGES = re.compile(r"[^\s!-/:-@\[-`{-~]+|[!-/:-@\[-`{-~]")

_NOT_ASCII = range(128, 256)
_MARKS = bytes(code for code in range(128) if is_punctuation(chr(code)))
_NO_MARKS = bytes(code for code in range(256) if code not in _MARKS)
_MOVES = MOVES.encode()
_CAPITAL = re.compile("[A-Z]")
_SIGMA = "Σ"
_NEXT_LINE = "\x85"  # the only character beyond ASCII that splits a string and is deleted


@cache
def _registered(
    do_lower_case: bool, strip_accents: bool, tokenize_chinese_chars: bool
) -> tuple[Memo[int, str], str]:
    """The images by code point, and the name of an error handler that inserts them."""

    settings = (do_lower_case, strip_accents, tokenize_chinese_chars)

    def image_of(code: int) -> str:  # ASCII characters are replaced later
        return chr(code) if code < 128 else image(chr(code), *settings)

    images = Memo(IMAGES_LIMIT, image_of)

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
        # Not with spaces around ideographs: their images have them. NUL is between texts.
        self._clean: Memo[int, str] = Memo(
            IMAGES_LIMIT, lambda code: cleaned_character(chr(code), False), {0: NUL}
        )
        settings = bool(do_lower_case), strips, bool(tokenize_chinese_chars)
        self._normalized: Memo[str, str] = Memo(
            IMAGES_LIMIT, lambda char: normalized(char, *settings)
        )
        made = [image(chr(code), do_lower_case) for code in range(128)]
        made[0] = NUL
        self._table = bytes([*(ord(made[code] or chr(code)) for code in range(128)), *_NOT_ASCII])
        self._deleted = bytes(code for code in range(128) if not made[code])
        image_of = partial(_character_image, self._images, self._table, self._deleted)
        self._characters: Memo[str, str] = Memo(IMAGES_LIMIT, image_of)
        self._classes: bytes | None = None  # for many texts; made when first needed
        self._lengths: CharacterLengths | None = None  # the same
        self._kept = KeptWords(never_split, tokenize_chinese_chars)
        self.signs = self._kept.words_of_signs
        usual = [word.lower() if do_lower_case else word for word in never_split if word.isascii()]
        self._may_keep = re.compile("|".join(map(re.escape, usual)) if usual else "(?!)").search
        images = {word: self._image_of(word).strip() for word in never_split}
        spread = {word: spaced(word).strip() for word in never_split}
        self.is_possible = "" not in {*images.values(), *spread.values()} and not any(
            _SIGMA in word or MOVES in images[word] for word in never_split
        )
        # A word is in the image as its own image; or as it is, if another word becomes this one.
        lower = bool(do_lower_case)
        self._hints = _patterns([*images.values(), *spread.values()], lower)
        others = [word for word in never_split if word not in self._kept.signs]
        self._exceptions = [
            *_patterns([each[word] for word in others for each in (images, spread)], lower),
            *_patterns([spread[word] for word in self._kept.signs], lower, alone=True),
        ]

    def __call__(self, text: str) -> list[str]:
        """Return the words of one text."""
        lowered = self._lowered_ascii(text) if text.isascii() else None
        if lowered is not None:
            return _ASCII_WORDS.findall(lowered)
        if NUL in text:
            text = text.replace(NUL, "")
        found = self._found(text)
        if found is None:
            return self._plain.tokenize(text)
        made, has_signs = found
        words = self._with_spaces_around_marks(made).split()
        return [self.signs.get(word, word) for word in words] if has_signs else words

    def _lowered_ascii(self, text: str) -> str | None:
        """A text in ASCII of which nothing is deleted; None if it may have words that are kept."""
        lowered = text.lower() if self._plain.do_lower_case else text
        is_clear = lowered.isprintable() or not _CONTROLS.search(lowered)
        return lowered if is_clear and not self._may_keep(lowered) else None

    def places(self, text: str) -> Places | None:
        """Return the words of one text and where they begin; None if it is an exception."""
        made, origins = self._lowered_ascii(text) if text.isascii() else None, None
        if made is None:
            images = list(map(self._characters.__getitem__, text))
            made = "".join(images)
            if self._depends_on_neighbours(text, made):
                return None
            origins = [place for place, image in enumerate(images) for _ in image]
            words = _WORDS_OF_IMAGES.findall(made)
        else:
            words = _ASCII_WORDS.findall(made)
        starts: list[int] = []
        stop = 0
        for word in words:  # between two words there is only whitespace
            start = made.find(word, stop)
            starts.append(start)
            stop = start + len(word)
        return Places(words, starts, origins)

    def traced(self, text: str) -> Traced | None:
        """Return a text before it is searched for punctuation; None if it is an exception.

        Example:
            >>> QuickWords(True, []).traced("É京")
            [('e', 0), (' ', 1), ('京', 1), (' ', 1)]
        """
        images = list(map(self._normalized.__getitem__, text))
        made = "".join(images)
        if self._depends_on_neighbours(text, made) or not all(map(str.isascii, self._kept.words)):
            return None
        return [(char, place) for place, image in enumerate(images) for char in image]

    def _depends_on_neighbours(self, text: str, made: str) -> bool:
        """Whether a text, of which this is the image, may not be handled character by character."""
        has_sigma = self._plain.do_lower_case and _SIGMA in text
        return has_sigma or MOVES in made or _holds(made.encode(), self._hints)

    def of_each(self, texts: Sequence[str]) -> list[list[str]]:
        """Return the words of each of several short texts."""
        found = self._found(_joined(texts))
        if found is None or found[1]:
            return list(map(self, texts))
        return list(map(str.split, self._with_spaces_around_marks(found[0]).split(NUL)[:-1]))

    def _with_spaces_around_marks(self, made: bytes) -> str:
        for mark in set(made.translate(None, _NO_MARKS)):
            made = made.replace(b"%c" % mark, b" %c " % mark)
        return made.decode()

    def spans(self, texts: Sequence[str]) -> "Iterator[WordSpans] | None":
        """Return the words of all texts, or None if a text among them is an exception.

        A word in ``signs`` stands for another one.
        """
        from ptbert_tokenizers.quick.spans import classified_spans

        found = self._found(_joined(texts))
        if found is None:
            return None
        made, _ = found
        if self._classes is None:
            self._classes = self._classes_of_bytes()
        return classified_spans(made, made.translate(self._classes))

    def positions(self, texts: Sequence[str]) -> "NDArray[np.intp]":
        """Return for each byte of the image of ``spans`` the place of its character in its text."""
        from ptbert_tokenizers.quick.positions import CharacterLengths, byte_positions

        if self._lengths is None:
            images = self._characters
            self._lengths = CharacterLengths(lambda code: len(images[chr(code)].encode()))
        return byte_positions(texts, self._lengths)

    def _classes_of_bytes(self) -> bytes:
        """The class of each byte of an image."""
        from ptbert_tokenizers.quick.spans import MARK, SPACE, WORD

        classes = bytearray([WORD]) * 256
        classes[ord(" ")] = SPACE
        for code in (0, *_MARKS):
            classes[code] = MARK
        return bytes(classes)

    def _found(self, text: str) -> tuple[bytes, bool] | None:
        """The image of a text, and whether it has signs; None if the text is an exception."""
        clear = self._image_with_clear_signs(text)
        made, has_signs = clear or self._image(text), clear is not None
        if _holds(made, self._hints):
            made, has_signs = self._image_with_signs(text), True
            if _holds(made, self._exceptions):
                return None
        return None if _moves(made) else (made, has_signs)

    def _image_with_clear_signs(self, text: str) -> bytes | None:
        """The image with the signs of words that are clearly alone, made without cleaning first.

        None if no word is, or if cleaning could change that: by deleting what Python calls
        whitespace, or characters that signs are made of. Other words are still in the image.
        """
        signed = self._kept.with_signs(text)
        if signed == text or _NEXT_LINE in text:
            return None
        encoded = text.encode("utf-8", "ignore")
        if len(encoded.translate(None, self._deleted)) < len(encoded):
            return None
        if self._plain.do_lower_case and _SIGMA in text:
            if any(map(_SIGN.search, [part for part in signed.split(" ") if _SIGMA in part])):
                return None
            signed = self._with_sigmas_lowered(signed)
        return self._replaced(signed).translate(self._table)

    def _image(self, text: str) -> bytes:
        """The image of a text, or of several with a NUL after each, as UTF-8."""
        if self._plain.do_lower_case and _SIGMA in text:
            text = self._with_sigmas_lowered(text)
        return self._replaced(text).translate(self._table, self._deleted)

    def _with_sigmas_lowered(self, text: str) -> str:
        """A text in which what has a capital sigma is cleaned and lower-cased, up to a space."""
        parts = text.split(" ")
        clean = self._clean
        return " ".join([p.translate(clean).lower() if _SIGMA in p else p for p in parts])

    def _image_with_signs(self, text: str) -> bytes:
        """The same, with the signs of ``never_split`` words in their places."""
        text = self._kept.with_signs(text.translate(self._clean))
        if self._plain.do_lower_case and _SIGMA in text:
            text = text.lower()
        return self._replaced(text).translate(self._table)

    def _replaced(self, text: str) -> bytes:
        """A text in which all but ASCII characters are replaced by their images."""
        # Surrogates, which UTF-8 cannot hold, are control characters to basic tokenization.
        beyond_ascii = len(text.encode("utf-8", "ignore")) - len(text)
        if beyond_ascii < len(text) // 16:
            return text.encode("ascii", self._error_handler)
        return text.translate(self._images).encode()

    def may_hold(self, text: str, parts: Iterable[str]) -> bool:
        """Tell whether a normalized text may hold one of some normalized parts.

        Spaces are left out of both, because the image has more of them than the normalized text.

        Example:
            >>> words = QuickWords(True, [])
            >>> words.may_hold("the COVID 19", ["covid 19"]), words.may_hold("the", ["covid 19"])
            (True, False)
        """
        made = self._image(text.replace(NUL, ""))
        if _moves(made) or _holds(made, self._hints):
            return True
        found = made.replace(b" ", b"")
        return any("".join(part.split()).encode() in found for part in parts)

    def _image_of(self, text: str) -> str:
        return self._image(text).decode()


def _character_image(images: Memo[int, str], table: bytes, deleted: bytes, char: str) -> str:
    """The image of a character alone; a NUL is none between texts."""
    return char.translate(images).encode().translate(table, deleted).decode().replace(NUL, "")


def _joined(texts: Sequence[str]) -> str:
    """The texts with a NUL after each, and no other NUL."""
    joined = NUL.join([*texts, ""])
    if joined.count(NUL) != len(texts):
        joined = NUL.join([*(text.replace(NUL, "") for text in texts), ""])
    return joined


def _patterns(parts: Iterable[str], lower: bool, *, alone: bool = False) -> list[re.Pattern[bytes]]:
    """Patterns that find some parts of images, perhaps only those with spaces around them."""
    by_first: dict[str, set[str]] = {}
    for part in parts:
        if not (lower and _CAPITAL.search(part)):  # images have no capitals then
            by_first.setdefault(part[:1], set()).add(part)
    before, after = (r"(?<![^ \0])", r"(?![^ \0])") if alone else ("", "")
    # One pattern for each first byte, because searching for a fixed byte is fast.
    return [
        re.compile(
            f"{before}(?:{'|'.join(map(re.escape, sorted(group)))}){after}".encode(
                "utf-8", "surrogatepass"
            )
        )
        for group in by_first.values()
    ]


def _holds(made: bytes, patterns: Iterable[re.Pattern[bytes]]) -> bool:
    return any(pattern.search(made) for pattern in patterns)


def _moves(made: bytes) -> bool:
    # Searching for one byte is much faster than for four, and very few texts contain it.
    return _MOVES[:1] in made and _MOVES in made
