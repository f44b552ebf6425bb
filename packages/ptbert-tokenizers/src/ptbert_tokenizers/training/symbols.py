"""From counted words to arrays of symbols, as merges are learned from them, and their alphabets"""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ptbert_tokenizers.plain.bpe import bytes_to_unicode
from ptbert_tokenizers.training.merges import END, CountedSymbols

if TYPE_CHECKING:
    from numpy.typing import NDArray

logger = logging.getLogger(__name__)

_BETWEEN_BYTES = 0xFF  # no byte of UTF-8
_BETWEEN_CHARACTERS = "\0"  # basic tokenization deletes it from texts


def byte_symbols(words: Mapping[str, int]) -> CountedSymbols:
    """Return words as symbols for bytes; all 256 are in the alphabet, in the order of GPT-2's.

    Example:
        >>> symbols = byte_symbols({"to": 3})
        >>> [symbols.alphabet[number] for number in symbols.places[1:-1]]
        ['t', 'o']
    """
    visible = bytes_to_unicode()
    alphabet = sorted(visible.values())
    numbers = np.full(256, END, np.int32)
    numbers[list(visible)] = [alphabet.index(symbol) for symbol in visible.values()]
    numbers[_BETWEEN_BYTES] = END
    between = bytes([_BETWEEN_BYTES])
    block = between.join([b"", *map(str.encode, words), b""])
    places = numbers.take(np.frombuffer(block, np.uint8))
    return CountedSymbols(places, _word_of(places == END), _counts(words), alphabet)


def character_symbols(
    words: Mapping[str, int], *, marks_ends: bool, limit_alphabet: int | None = None
) -> CountedSymbols:
    """Return words as symbols for characters, which say where in a word they are.

    The alphabet has all characters in the order of their code points, and after them those with a
    mark, in the same order. A mark is ``##`` before a character that is not the first one of a
    word, or ``</w>`` after one that is the last. Marked characters are there only if words have
    them.

    Args:
        words: how often each word occurs; at least one word.
        marks_ends: mark last characters (``</w>``), and not those after the first (``##``).
        limit_alphabet: how many different characters to keep, the most frequent ones; of equally
            frequent ones those with the lowest code point. Pieces never have another one: a word
            that has is left out where it would become unknown as a whole (``##``), and else cut
            there.

    Example:
        >>> character_symbols({"to": 3, "o": 1}, marks_ends=False).alphabet
        ['o', 't', '##o']
        >>> character_symbols({"to": 3, "o": 1}, marks_ends=True).alphabet
        ['o', 't', 'o</w>']
    """
    text = _BETWEEN_CHARACTERS.join(["", *words, ""])
    codes = np.frombuffer(text.encode("utf-32-le"), "<u4")
    is_between = codes == 0
    word_of, counts = _word_of(is_between), _counts(words)
    different = np.bincount(codes).nonzero()[0]
    index = np.zeros(different[-1] + 1, np.int32)
    index[different] = np.arange(len(different))
    which = index.take(codes)
    is_known = _known(different, which, counts.take(word_of), limit_alphabet).take(which)
    is_marked = ~np.append(True, is_between[:-1])  # not the first of a word
    if marks_ends:
        is_marked = np.append(is_between[1:], True)  # the last of a word
    else:
        has_unknown = np.zeros(len(counts), bool)
        has_unknown[word_of[~is_known & ~is_between]] = True
    marked = np.unique(which[is_marked & is_known])
    plain = np.unique(which[is_known])
    numbers = np.full((2, len(different)), END, np.int32)
    numbers[0, plain] = np.arange(len(plain))
    numbers[1, marked] = np.arange(len(plain), len(plain) + len(marked))
    places = numbers[is_marked.astype(np.intp), which]
    places[~is_known] = END
    if not marks_ends:
        places[has_unknown.take(word_of)] = END
    before, after = ("", "</w>") if marks_ends else ("##", "")
    alphabet = [chr(code) for code in different[plain].tolist()]
    alphabet += [f"{before}{chr(code)}{after}" for code in different[marked].tolist()]
    return CountedSymbols(places, word_of, counts, alphabet)


def _known(
    different: "NDArray[np.intp]",
    which: "NDArray[np.int32]",
    weights: "NDArray[np.int64]",
    limit: int | None,
) -> "NDArray[np.bool_]":
    """Which of the different characters are kept; never the one between words."""
    frequencies = np.zeros(len(different), np.int64)
    np.add.at(frequencies, which, weights)
    frequencies[different == 0] = -1
    by_frequency = np.lexsort((different, -frequencies))[: len(different) - 1]
    dropped = by_frequency[limit:] if limit is not None else by_frequency[:0]
    if len(dropped):
        logger.warning(
            "%d of %d different characters are left out of the alphabet, the most frequent of them "
            "is %r with %d occurrences",
            len(dropped),
            len(by_frequency),
            chr(int(different[dropped[0]])),
            frequencies[dropped[0]],
        )
    known = np.ones(len(different), bool)
    known[dropped] = False
    known[different == 0] = False
    return known


def _word_of(is_between: "NDArray[np.bool_]") -> "NDArray[np.int32]":
    """The number of the word at each place; what is before a word counts to it."""
    numbers = is_between.cumsum(dtype=np.int32)
    numbers -= 1
    numbers[-1] -= 1
    return numbers


def _counts(words: Mapping[str, int]) -> "NDArray[np.int64]":
    return np.fromiter(words.values(), np.int64, len(words))
