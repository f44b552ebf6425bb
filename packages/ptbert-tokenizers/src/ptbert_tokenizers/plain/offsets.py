"""Where in the original text each token comes from.

These are the steps of ``BasicTokenizer``, applied to characters that keep their position in
the text.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from itertools import groupby

from ptbert_tokenizers.plain import unicode_14
from ptbert_tokenizers.plain.unicode import cleaned, is_cjk, is_punctuation
from ptbert_tokenizers.plain.wordpiece import BasicTokenizer, strips_accents

Span = tuple[int, int]
"""Position of a token's first character in the text, and the position after its last."""

Traced = list[tuple[str, int]]
"""Characters, each with the position in the text that it comes from."""


def traced_words(text: str, basic: BasicTokenizer) -> Iterator[Traced]:
    """Yield the words of ``basic``, character by character.

    Example:
        >>> ["".join(char for char, _ in word) for word in traced_words("Né, ", BasicTokenizer())]
        ['ne', ',']
    """
    for word in _split(normalized(text, basic)):
        if _spelling(word) in basic.never_split:
            yield word
        else:
            yield from _split_at_punctuation(word)


def normalized(text: str, basic: BasicTokenizer) -> Traced:
    """Return a text as ``basic`` changes it before it looks for punctuation, spaces included.

    Example:
        >>> "".join(char for char, _ in normalized("É,京", BasicTokenizer()))
        'e, 京 '
    """
    strips = strips_accents(basic.do_lower_case, basic.strip_accents)
    traced: Traced = []
    for chunk in _chunks(_cleaned(text, basic.tokenize_chinese_chars)):
        word = chunk
        if _spelling(chunk) not in basic.never_split:
            word = lowered(word) if basic.do_lower_case else word
            word = _without_accents(word) if strips else word
        traced += word
    return traced


def _cleaned(text: str, tokenize_chinese_chars: bool) -> Traced:
    return [
        (char, position)
        for position, own in enumerate(text)
        for char in cleaned_character(own, tokenize_chinese_chars)
    ]


def cleaned_character(char: str, tokenize_chinese_chars: bool) -> str:
    """Return what a character becomes when BERT cleans text, with spaces around ideographs or not.

    Example:
        >>> cleaned_character("京", True), cleaned_character("京", False)
        (' 京 ', '京')
    """
    spaced = cleaned(char)
    return spaced if tokenize_chinese_chars or not is_cjk(ord(char)) else spaced.strip()


def _spelling(word: Traced) -> str:
    return "".join(char for char, _ in word)


def _split(chars: Traced) -> Iterator[Traced]:
    return (chunk for chunk in _chunks(chars) if not chunk[0][0].isspace())


def _chunks(chars: Traced) -> Iterator[Traced]:
    """Runs of characters that are all spaces or all not."""
    for _, run in groupby(chars, lambda traced: traced[0].isspace()):
        yield list(run)


def _split_at_punctuation(word: Traced) -> Iterator[Traced]:
    part: Traced = []
    for char, position in word:
        if is_punctuation(char):
            if part:
                yield part
            yield [(char, position)]
            part = []
        else:
            part.append((char, position))
    if part:
        yield part


def lowered(word: Traced) -> Traced:
    """Return characters in lower case; one can become several, which keep its position.

    Example:
        >>> lowered([("İ", 4)]) == [("i", 4), ("\u0307", 4)]
        True
    """
    # Lower-casing each character alone gives the right lengths, but a wrong sigma at a word's end.
    positions = [position for char, position in word for _ in unicode_14.lowered(char)]
    return list(zip(unicode_14.lowered(_spelling(word)), positions, strict=True))


def _without_accents(word: Traced) -> Traced:
    parts = [
        (part, position) for char, position in word for part in unicodedata.normalize("NFD", char)
    ]
    ordered: Traced = []
    marks: Traced = []  # canonical order sorts each run of marks by class
    for part, position in parts:
        if unicodedata.combining(part):
            marks.append((part, position))
        else:
            ordered += sorted(marks, key=lambda mark: unicodedata.combining(mark[0]))
            ordered.append((part, position))
            marks = []
    ordered += sorted(marks, key=lambda mark: unicodedata.combining(mark[0]))
    return [(part, position) for part, position in ordered if unicode_14.category(part) != "Mn"]


def spans_of_pieces(word: Traced, lengths: Iterable[int]) -> list[Span]:
    """Return the spans of consecutive pieces of a word, given how many characters each has."""
    spans: list[Span] = []
    start = 0
    for length in lengths:
        spans.append(span_of(word[start : start + length]))
        start += length
    return spans


def span_of(chars: Traced) -> Span:
    """Return the span from the first to the last of some characters.

    Example:
        >>> span_of([("a", 3), ("b", 5)])
        (3, 6)
    """
    positions = [position for _, position in chars]
    return min(positions), max(positions) + 1


def traced_bytes(text: str) -> list[int]:
    """Return for each UTF-8 byte of a text the position of its character.

    Lone surrogates have no bytes.

    Example:
        >>> traced_bytes("aé")
        [0, 1, 1]
    """
    return [position for position, char in enumerate(text) for _ in char.encode("utf-8", "ignore")]
