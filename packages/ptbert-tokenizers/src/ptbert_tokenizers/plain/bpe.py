"""Byte-pair encoding: the merge loop, and GPT-2's visible characters for bytes.

``ptbert_tokenizers.quick.merges.MergeTable`` finds the same pieces faster.

Source:
    Sennrich et al. 2016, arXiv:1508.07909, section 3.2; byte level: Radford et al. 2019, section
    2.2 of "Language Models are Unsupervised Multitask Learners".
"""

from codecs import charmap_build, charmap_decode, charmap_encode
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise
from math import inf

Ranks = Mapping[tuple[str, str], int]

LONG_WORD = 40
"""In characters. Longer words are not cached, because they rarely occur twice, and are not merged
by the loop, because it is too slow for them."""


@cache
def bytes_to_unicode() -> dict[int, str]:
    """Return GPT-2's visible character for each byte value.

    Printable Latin-1 characters are kept; the other 68 byte values become the characters from
    U+0100 on, in order.

    Example:
        >>> table = bytes_to_unicode()
        >>> table[ord("a")], table[ord(" ")], table[ord("\\n")]
        ('a', 'Ġ', 'Ċ')
    """
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in visible]
    table = {byte: chr(byte) for byte in visible}
    table |= {byte: chr(0x100 + index) for index, byte in enumerate(hidden)}
    return table


_VISIBLE = "".join(bytes_to_unicode()[byte] for byte in range(256))
_HIDDEN = charmap_build(_VISIBLE)


def visible(data: bytes) -> str:
    """Return bytes as GPT-2's visible characters.

    Example:
        >>> visible(b" a")
        'Ġa'
    """
    return charmap_decode(data, "strict", _VISIBLE)[0]


def hidden(text: str) -> bytes:
    """Return the bytes that were written as visible characters.

    Example:
        >>> hidden("Ġa")
        b' a'
    """
    return charmap_encode(text, "strict", _HIDDEN)[0]


def get_pairs(word: Sequence[str]) -> set[tuple[str, str]]:
    """Return the pairs of neighbours in a sequence of symbols.

    Example:
        >>> sorted(get_pairs(("l", "o", "w</w>")))
        [('l', 'o'), ('o', 'w</w>')]
    """
    return set(pairwise(word))


def merged(symbols: Sequence[str], ranks: Ranks) -> list[str]:
    """Merge the pair of lowest rank, everywhere in the word, until no pair has a rank.

    Example:
        >>> merged("lower", {("l", "o"): 0, ("lo", "w"): 1, ("e", "r"): 2})
        ['low', 'er']
    """
    word = list(symbols)
    while len(word) > 1:
        pair = min(get_pairs(word), key=lambda pair: ranks.get(pair, inf))
        if pair not in ranks:
            break
        word = with_pair_merged(word, pair, pair[0] + pair[1])
    return word


def with_pair_merged(word: list[str], pair: tuple[str, str], made: str) -> list[str]:
    """Return a word in which ``made`` replaces each occurrence of a pair, from left to right.

    Example:
        >>> with_pair_merged(["a", "a", "a", "b"], ("a", "a"), "aa")
        ['aa', 'a', 'b']
    """
    shorter: list[str] = []
    position = 0
    while position < len(word):
        if tuple(word[position : position + 2]) == pair:
            shorter.append(made)
            position += 2
        else:
            shorter.append(word[position])
            position += 1
    return shorter
