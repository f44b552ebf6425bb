"""What basic tokenization makes of each character, independently of its neighbours."""

import unicodedata

from ptbert_tokenizers.plain.offsets import cleaned_character
from ptbert_tokenizers.plain.unicode import is_punctuation, without_accents
from ptbert_tokenizers.plain.wordpiece import strips_accents

IMAGES_LIMIT = 12 * 2**20
"""In bytes, for about 50,000 characters with their images."""

MOVES = "\U0010ffff"
"""The image of a character whose result depends on its neighbours: an unassigned code point."""


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
    return spaced(normalized(char, do_lower_case, strip_accents, tokenize_chinese_chars))


def normalized(
    char: str, do_lower_case: bool, strip_accents: bool | None, tokenize_chinese_chars: bool
) -> str:
    """What basic tokenization makes of a character before it looks for punctuation.

    Example:
        >>> normalized("É", True, None, True), normalized("。", True, None, True)
        ('e', '。')
    """
    rest = cleaned_character(char, tokenize_chinese_chars)
    if do_lower_case:
        rest = rest.lower()
    if strips_accents(do_lower_case, strip_accents):
        rest = without_accents(rest)
        if any(map(unicodedata.combining, rest)):
            return MOVES
    return rest


def spaced(word: str) -> str:
    """Return a word with spaces around all but ASCII punctuation, and no other whitespace.

    Example:
        >>> spaced("a。,")
        'a 。 ,'
    """
    return "".join(map(_spaced_character, word))


def _spaced_character(char: str) -> str:
    if char.isspace():
        return " "
    return f" {char} " if is_punctuation(char) and not char.isascii() else char
