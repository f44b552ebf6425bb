"""Byte-pair encoding: GPT-2's way from text to numbers and back.

As in wordpiece.py, a text is cut into *tokens*, and each token has a number in a *vocabulary*.
WordPiece cannot write some words. GPT-2's tokens can write any text, and give it back exactly.

The idea to take away: begin with the smallest pieces, single bytes, and join two neighbours that
often stand together; then join again. Which pairs are joined, and in which order, is learned once
from much text. This ordered list of *merges* is the tokenizer.

Papers: Sennrich et al. 2016, arXiv:1508.07909, section 3.2, for the merges. Radford et al. 2019,
"Language Models are Unsupervised Multitask Learners", section 2.2, for the bytes.

Example:
    >>> merges = learned_merges("slow and low, low and lower", 3)
    >>> merges
    [('l', 'o'), ('lo', 'w'), ('Ġ', 'low')]
    >>> ranks = {pair: rank for rank, pair in enumerate(merges)}
    >>> pieces_of("slower low", ranks)
    ['s', 'low', 'e', 'r', 'Ġlow']
    >>> vocabulary = {"s": 0, "low": 1, "e": 2, "r": 3, "Ġlow": 4}
    >>> encode("slower low", vocabulary, ranks)
    [0, 1, 2, 3, 4]
    >>> decode([0, 1, 2, 3, 4], vocabulary)
    'slower low'
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import pairwise

import regex  # like Python's `re`, but knows \p{L}, the letters of all scripts

Pair = tuple[str, str]
Ranks = Mapping[Pair, int]  # from each merge to its place in the list of merges

# Why bytes? Unicode has more than 150,000 characters, too many for a vocabulary. But files store
# every character as one to four bytes (in the encoding UTF-8), and there are only 256 bytes. With
# these 256 in the vocabulary, no text in any script is ever unknown.
#
# A file of merges is a text, with a space between the two halves of a pair. A byte that is itself a
# space, or a quarter of a character, could not stand there. So each byte is written as a character
# that can be seen: printable ones as themselves, the other 68 as U+0100, U+0101 and so on. The
# space is byte 32 and is written as U+0120, which is Ġ. That is all that Ġ means.
PRINTABLE = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), 256)]
OTHERS = [byte for byte in range(256) if byte not in PRINTABLE]
SEEN_AS = {byte: chr(byte) for byte in PRINTABLE} | {
    byte: chr(0x100 + place) for place, byte in enumerate(OTHERS)
}
BYTE_OF = {char: byte for byte, char in SEEN_AS.items()}

# A text is cut into words before anything is joined. Otherwise "dog." and "dog!" would become
# tokens of their own. A word takes the space before it along, so that no space is lost.
WORD = regex.compile(
    r"'s|'t|'re|'ve|'m|'ll|'d"  # endings of English words
    r"| ?\p{L}+"  # letters
    r"| ?\p{N}+"  # digits
    r"| ?[^\s\p{L}\p{N}]+"  # other characters that can be seen
    r"|\s+(?!\S)"  # several spaces, without the last one if a word can take it along
    r"|\s+"  # a line end or tab before a word, which no word takes along
)


def words_of(text: str) -> list[list[str]]:
    """Cut a text into words, and each word into bytes, written as characters.

    Example:
        >>> words_of("he's Zoë")
        [['h', 'e'], ["'", 's'], ['Ġ', 'Z', 'o', 'Ã', '«']]
    """
    # Python's strings may hold half of a character (a lone surrogate), which has no bytes.
    whole = text.encode("utf-8", "ignore").decode()
    return [[SEEN_AS[byte] for byte in word.encode()] for word in WORD.findall(whole)]


def joined(symbols: list[str], pair: Pair) -> list[str]:
    """Join a pair wherever its halves are neighbours, from left to right."""
    result: list[str] = []
    for symbol in symbols:
        if result and (result[-1], symbol) == pair:
            result[-1] += symbol
        else:
            result.append(symbol)
    return result


def learned_merges(text: str, number: int) -> list[Pair]:
    """Learn merges from a text: join the most frequent pair, count again, and so on."""
    words = words_of(text)
    merges: list[Pair] = []
    while len(merges) < number:
        counts = Counter(pair for symbols in words for pair in pairwise(symbols))
        if not counts:  # every word is one symbol
            break
        merges.append(max(counts, key=counts.__getitem__))
        words = [joined(symbols, merges[-1]) for symbols in words]
    return merges


def merged(symbols: list[str], ranks: Ranks) -> list[str]:
    """Apply the merges to one word, in the order in which they were learned."""
    while known := [pair for pair in pairwise(symbols) if pair in ranks]:
        symbols = joined(symbols, min(known, key=ranks.__getitem__))
    return symbols


def pieces_of(text: str, ranks: Ranks) -> list[str]:
    """Cut a text into tokens."""
    return [piece for symbols in words_of(text) for piece in merged(symbols, ranks)]


def encode(text: str, vocabulary: Mapping[str, int], ranks: Ranks) -> list[int]:
    """Return the numbers of a text's tokens. The vocabulary has all 256 bytes and all merges."""
    return [vocabulary[piece] for piece in pieces_of(text, ranks)]


def decode(ids: Iterable[int], vocabulary: Mapping[str, int]) -> str:
    """Return exactly the text that was encoded."""
    tokens = {number: token for token, number in vocabulary.items()}
    data = bytes(BYTE_OF[char] for number in ids for char in tokens[number])
    return data.decode("utf-8", errors="replace")  # a model may write half a character: �


def gpt_pieces_of(words: Iterable[str], ranks: Ranks) -> list[str]:
    """Cut words as the first GPT did, a year before GPT-2: with merges of letters, not bytes.

    Its words are those of `words_of` in wordpiece.py, so they hold neither capitals nor spaces.
    The last letter of each is marked with ``</w>``, so that it is known where a word ends.

    Example:
        >>> gpt_pieces_of(["slow", "lower"], {("l", "o"): 0, ("lo", "w</w>"): 1})
        ['s', 'low</w>', 'lo', 'w', 'e', 'r</w>']
    """
    return [piece for word in words for piece in merged([*word[:-1], f"{word[-1]}</w>"], ranks)]


def gpt_encode(words: Iterable[str], vocabulary: Mapping[str, int], ranks: Ranks) -> list[int]:
    """Return the numbers. A letter that the vocabulary lacks becomes ``<unk>``."""
    return [vocabulary.get(piece, vocabulary["<unk>"]) for piece in gpt_pieces_of(words, ranks)]


def gpt_decode(ids: Iterable[int], vocabulary: Mapping[str, int]) -> str:
    """Return a text with spaces between all words, also where there was none, as before a comma."""
    tokens = {number: token for token, number in vocabulary.items()}
    return "".join(tokens[number] for number in ids).replace("</w>", " ").strip()


# Beyond this page: `GPT2Tokenizer` and `OpenAIGPTTokenizer` of ptbert_tokenizers give the same
# tokens, much faster. They can add special tokens, and remove spaces before marks in a text. Where
# spaCy and ftfy are installed, the first GPT's words come from them, as its authors had it.
