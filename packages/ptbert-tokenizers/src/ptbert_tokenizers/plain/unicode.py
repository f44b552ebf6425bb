"""What BERT calls whitespace, control, punctuation and Chinese characters.

The definitions are those of the BERT authors' reference code, which differ slightly from
Unicode's: some ASCII symbols such as ``$`` and ``^`` count as punctuation, and tab and newline
count as whitespace instead of control characters.

Source:
    Devlin et al. 2018, arXiv:1810.04805; reference code ``tokenization.py``.
"""

from collections.abc import Callable

from ptbert_tokenizers.plain.unicode_14 import category, decomposed

_LINE_SPACES = frozenset("\t\n\r")
_ASCII_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")

# Han ideographs only: kana and hangul are written with spaces or as runs of letters.
CJK_BLOCKS = (
    (0x4E00, 0x9FFF),  # unified ideographs
    (0x3400, 0x4DBF),  # extension A
    (0x20000, 0x2A6DF),  # extension B
    (0x2A700, 0x2B73F),  # extension C
    (0x2B740, 0x2B81F),  # extension D
    (0x2B820, 0x2CEAF),  # extension E
    (0xF900, 0xFAFF),  # compatibility ideographs
    (0x2F800, 0x2FA1F),  # compatibility supplement
)
"""The first and the last code point of each."""


_MOST_CHARACTERS = 2**14  # that are remembered


class CharacterMap(dict[int, str]):
    """What characters become, by code point, for ``str.translate``; remembered for many of them.

    Args:
        change: what a character becomes.

    Example:
        >>> "a,b".translate(CharacterMap(lambda char: "" if char == "," else char))
        'ab'
    """

    def __init__(self, change: Callable[[str], str]) -> None:
        super().__init__()
        self._change = change

    def __missing__(self, code: int) -> str:
        changed = self._change(chr(code))
        if len(self) < _MOST_CHARACTERS:
            self[code] = changed
        return changed


def is_whitespace(char: str) -> bool:
    """Tell whether BERT turns this character into a space.

    Example:
        >>> is_whitespace("\\u00a0"), is_whitespace("\\u2028")
        (True, False)
    """
    return char == " " or char in _LINE_SPACES or category(char) == "Zs"


def is_control(char: str) -> bool:
    """Tell whether BERT deletes this character: control, format, surrogate, private, unassigned.

    Example:
        >>> is_control("\\u200d"), is_control("\\t")
        (True, False)
    """
    return char not in _LINE_SPACES and category(char)[0] == "C"


def is_punctuation(char: str) -> bool:
    """Tell whether this character is a punctuation mark, which always becomes a word of its own.

    Example:
        >>> is_punctuation("$"), is_punctuation("。"), is_punctuation("€")
        (True, True, False)
    """
    return char in _ASCII_PUNCTUATION or category(char)[0] == "P"


def is_cjk(code_point: int) -> bool:
    """Tell whether this code point is a Han ideograph, which becomes a word of its own.

    Example:
        >>> is_cjk(ord("語")), is_cjk(ord("ゴ"))
        (True, False)
    """
    return any(first <= code_point <= last for first, last in CJK_BLOCKS)


def without_accents(text: str) -> str:
    """Return ``text`` canonically decomposed and without its nonspacing marks.

    Example:
        >>> without_accents("déjà-vu")
        'deja-vu'
    """
    if text.isascii():
        return text
    return decomposed(text).translate(_WITHOUT_MARKS)


_WITHOUT_MARKS = CharacterMap(lambda char: "" if category(char) == "Mn" else char)


def cleaned(char: str) -> str:
    """Return what a character becomes when BERT cleans text and puts spaces around ideographs.

    The result is empty, a space, the character, or the character between spaces.

    Example:
        >>> [cleaned(char) for char in ("\\0", "\\t", "a", "京")]
        ['', ' ', 'a', ' 京 ']
    """
    if char in "\0\ufffd" or is_control(char):
        return ""
    if is_whitespace(char):
        return " "
    return f" {char} " if is_cjk(ord(char)) else char


def valid(text: str) -> str:
    """Return ``text`` without lone surrogates, which have no bytes in UTF-8.

    Example:
        >>> valid("a\\ud800b")
        'ab'
    """
    return text.encode("utf-8", "ignore").decode()
