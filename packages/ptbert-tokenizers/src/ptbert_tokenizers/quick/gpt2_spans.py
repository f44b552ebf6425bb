"""GPT-2's words in many texts at once, by comparing the classes of neighbouring characters.

The pattern (see ``ptbert_tokenizers.plain.gpt2_words``) takes runs of one class: letters,
numbers, other visible characters, whitespace. Three more rules each depend on a few neighbours:

* if a visible character follows a run of whitespace, the last whitespace character is not part of
  the run: a space becomes the beginning of the next word, any other character is its own word;
* an apostrophe at the beginning of a word and ``s``, ``t``, ``m``, ``d``, ``re``, ``ve`` or ``ll``
  after it are a word;
* every word ends at the end of its text.

Every character belongs to a word, so it is enough to find where words begin.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import regex  # type: ignore[import-untyped, unused-ignore]
from numpy.typing import NDArray

from ptbert_tokenizers.plain.unicode import valid
from ptbert_tokenizers.plain.unicode_14 import masked
from ptbert_tokenizers.quick.positions import CharacterLengths, byte_positions
from ptbert_tokenizers.quick.spans import PADDING, WordSpans, spans_with_ends

# Classes of characters. The lowest bit only distinguishes the two kinds of whitespace.
_END, _SPACE, _OTHER_SPACE, _LETTER, _NUMBER, _OTHER, _UNSEEN = 0, 2, 3, 4, 6, 8, 255
_WHITESPACE = _SPACE | 1

_CLASS_PATTERNS = (
    (regex.compile(" "), _SPACE),
    (regex.compile(r"\s"), _OTHER_SPACE),
    (regex.compile(r"\p{L}"), _LETTER),
    (regex.compile(r"\p{N}"), _NUMBER),
    (regex.compile(r"[^\s\p{L}\p{N}]", regex.DOTALL), _OTHER),
)

_WINDOW = 2**18  # characters handled together
_AHEAD = 3  # characters to look at, from a character on, to see whether it begins a word


_LENGTHS = CharacterLengths(lambda code: len(chr(code).encode("utf-8", "ignore")))


def _class_of(char: str) -> int:
    shown = masked(char)
    return next(number for pattern, number in _CLASS_PATTERNS if pattern.match(shown))


_ASCII = bytes([*(_class_of(chr(code)) for code in range(128)), *([_UNSEEN] * 128)])
_CLASSES = np.full(0x110000, _UNSEEN, np.uint8)  # by code point, filled in when first needed
_CLASSES[:128] = np.frombuffer(_ASCII, np.uint8, 128)


def gpt2_spans(texts: Sequence[str]) -> Iterator[WordSpans]:
    """Yield the words of all texts, window by window.

    Example:
        >>> [spans] = gpt2_spans(["I'm 5", "∞"])
        >>> spans.words(spans.lengths.nonzero()[0])
        [b'I', b"'m", b' 5', b'\\xe2\\x88\\x9e']
    """
    joined = "\0".join([*texts, ""])
    if not _is_valid(joined):
        texts = list(map(valid, texts))
        joined = "\0".join([*texts, ""])
    text_ends = np.fromiter(map(len, texts), np.intp, len(texts)).cumsum() + np.arange(len(texts))
    first, size = 0, _WINDOW
    while first < len(joined):
        window = joined[first : first + size]
        low, high = np.searchsorted(text_ends, (first, first + len(window)))
        ends = text_ends[low:high] - first
        starts = _starts(window, ends)
        if first + len(window) < len(joined):
            starts = starts[: np.searchsorted(starts, len(window) - _AHEAD, "right")]
            if len(starts) < 2:  # one word is longer than the window
                size *= 2
                continue
            window, starts = window[: starts[-1]], starts[:-1]
            ends = ends[: np.searchsorted(ends, len(window))]
        yield _spans(window, starts, ends)
        first, size = first + len(window), _WINDOW


def gpt2_positions(texts: Sequence[str]) -> NDArray[np.intp]:
    """Return for each byte of the texts, and of the end of each, its character's place.

    Example:
        >>> gpt2_positions(["a∞"]).tolist()
        [0, 1, 1, 1, 2]
    """
    return byte_positions(texts, _LENGTHS)


def _is_valid(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _spans(window: str, starts: NDArray[np.intp], ends: NDArray[np.intp]) -> WordSpans:
    """The words that begin at characters ``starts``, as positions in the UTF-8 bytes."""
    block = window.encode()
    numbers = np.searchsorted(starts, ends)
    if len(block) > len(window):
        # Bytes of the form 10xxxxxx continue a character; every other byte begins one.
        is_first = (np.frombuffer(block, np.uint8) & 0xC0) != 0x80
        starts = is_first.nonzero()[0].take(starts)
    lengths = np.diff(starts, append=len(block))
    return spans_with_ends(block + PADDING, starts, lengths, numbers)


def _starts(window: str, ends: NDArray[np.intp]) -> NDArray[np.intp]:
    """The positions of the characters that begin words."""
    chars, classes = _classified(window)
    classes[ends] = _END
    runs = classes | 1
    size = len(chars)
    begins = np.zeros(size + _AHEAD, bool)  # room for a contraction at the very end
    begins[0] = True
    np.not_equal(runs[1:], runs[:-1], out=begins[1:size])
    begins[1:size] &= classes[:-1] != _SPACE
    begins[: size - 1] |= (runs[:-1] == _WHITESPACE) & (runs[1:] > _WHITESPACE)
    begins[ends] = True
    _set_contractions_apart(chars, begins)
    return begins[:size].nonzero()[0]


def _classified(window: str) -> "tuple[NDArray[np.unsignedinteger], NDArray[np.uint8]]":
    """The code points of a text and their classes."""
    if window.isascii():
        block = window.encode()
        return np.frombuffer(block, np.uint8), np.frombuffer(
            bytearray(block.translate(_ASCII)), np.uint8
        )
    chars = np.frombuffer(window.encode("utf-32-le"), "<u4")
    classes = _CLASSES.take(chars)
    if classes.max() == _UNSEEN:
        for code in np.unique(chars[classes == _UNSEEN]).tolist():
            _CLASSES[code] = _class_of(chr(code))
        classes = _CLASSES.take(chars)
    return chars, classes


def _set_contractions_apart(
    chars: "NDArray[np.unsignedinteger]", begins: NDArray[np.bool_]
) -> None:
    """Let a word begin after each contraction, and none inside one."""
    marks = (chars == ord("'")).nonzero()[0]
    marks = marks[begins[marks]]
    if not len(marks):
        return
    second = chars.take(marks + 1, mode="clip")
    third = chars.take(marks + 2, mode="clip")
    takes_one = (second == ord("s")) | (second == ord("t"))
    takes_one |= (second == ord("m")) | (second == ord("d"))
    takes_two = (second == ord("l")) & (third == ord("l"))
    takes_two |= ((second == ord("r")) | (second == ord("v"))) & (third == ord("e"))
    begins[marks[takes_one | takes_two] + 1] = False
    begins[marks[takes_one] + 2] = True
    begins[marks[takes_two] + 3] = True
