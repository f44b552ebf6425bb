"""WordPiece: BERT's way from text to numbers and back.

A model computes with numbers. So a text is cut into *tokens*, and each token is replaced by its
number in a fixed list, the *vocabulary*. What is a good token? There are too many words: names,
typing errors and new words would always be missing. There are few letters, but a single letter
says little, and a text would be very long.

The idea to take away: frequent words stay whole, and rare words are spelled in pieces. The 30,000
tokens of BERT are enough to write nearly every word, because single letters are among them. The
program that chose them is not public; `learned_merges` in byte_pair_encoding.py is a similar one.

Paper: Devlin et al. 2018, arXiv:1810.04805, section 3, "Input/Output Representations". The pieces
are those of Wu et al. 2016, arXiv:1609.08144, section 4.1.

Example:
    >>> tokens = ["[UNK]", "[CLS]", "[SEP]", "un", "##aff", "##able", "able", "to", "!"]
    >>> vocabulary = {token: number for number, token in enumerate(tokens)}
    >>> tokens_of("Unaffable? Unable!", vocabulary)
    ['un', '##aff', '##able', '[UNK]', 'un', '##able', '!']
    >>> encode("Unable!", vocabulary)
    [1, 3, 5, 8, 2]
    >>> decode([3, 5, 8], vocabulary)
    'unable !'
"""

import unicodedata
from collections.abc import Container, Iterable, Mapping

# Tokens with a meaning for the model: an unknown word, the end of a text, filling behind a short
# text, the start of the input, and a hidden word that BERT has to guess.
SPECIAL = ("[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]")

# Where Unicode keeps the characters of Chinese, which Japanese and Korean use too.
IDEOGRAPHS = (
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2CEAF),
    (0x2F800, 0x2FA1F),
)


def is_ideograph(char: str) -> bool:
    """Tell whether a character stands for a word or syllable, as in Chinese."""
    return any(first <= ord(char) <= last for first, last in IDEOGRAPHS)


def is_mark(char: str) -> bool:
    """Tell whether a character is a punctuation mark, or one of the signs on a keyboard."""
    if char.isascii():
        return char.isprintable() and not char.isalnum()  # "$" and "+" are marks for BERT
    return unicodedata.category(char).startswith("P")  # P is Unicode's class of punctuation


def without_accents(word: str) -> str:
    """Return "naive" for "naïve"."""
    # NFD writes "ï" as two characters, "i" and two dots. Mn is Unicode's class of such signs.
    parts = unicodedata.normalize("NFD", word)
    return "".join(char for char in parts if unicodedata.category(char) != "Mn")


def cleaned(text: str) -> str:
    """Delete invisible characters, and put spaces around ideographs."""
    result = ""
    for char in text:
        is_control = unicodedata.category(char).startswith("C")  # C is Unicode's class of those
        if char in "\t\n\r":  # control characters for Unicode, spaces for BERT
            result += " "
        elif not is_control and char != "\ufffd":  # U+FFFD stands for a character that got lost
            # Chinese puts no spaces between words, so each character is taken as a word.
            result += f" {char} " if is_ideograph(char) else char
    return result


def words_of(text: str, lower: bool = True, special: Container[str] = SPECIAL) -> list[str]:
    """Cut a text into words and marks.

    With ``lower``, "The", "THE" and "the" become one token. Models whose name says "cased" were
    trained without it: they can tell "Turkey" from "turkey".

    Example:
        >>> words_of("Don't [MASK] naïve 北京!")
        ['don', "'", 't', '[MASK]', 'naive', '北', '京', '!']
    """
    words: list[str] = []
    for chunk in cleaned(text).split():
        word = chunk
        if lower and chunk not in special:
            word = without_accents(chunk.lower())
        if word not in special:  # a mark becomes a word, so that "end." and "end" share a token
            word = "".join(f" {char} " if is_mark(char) else char for char in word)
        words += word.split()
    return words


def pieces_of(word: str, vocabulary: Container[str]) -> list[str]:
    """Cut a word into pieces of the vocabulary, always taking the longest that fits.

    A piece that continues a word is written with ``##``. So "able" the word and "##able" the
    ending are two tokens, for which the model learns two meanings; and words can be put together
    again, because ``##`` says where no space was. The longest piece need not lead to the best cut,
    as the example shows, but it is found without trying all cuts.

    Example:
        >>> pieces_of("unaffable", {"un", "una", "##aff", "##ffa", "##able", "##ble"})
        ['una', '##ffa', '##ble']
    """
    if len(word) > 100:  # no real word is that long
        return ["[UNK]"]
    pieces: list[str] = []
    rest = word
    while rest:
        prefix = "##" if pieces else ""
        fitting = [end for end in range(1, len(rest) + 1) if prefix + rest[:end] in vocabulary]
        if not fitting:  # one letter is unknown, and with it the whole word
            return ["[UNK]"]
        pieces.append(prefix + rest[: fitting[-1]])
        rest = rest[fitting[-1] :]
    return pieces


def tokens_of(text: str, vocabulary: Container[str], lower: bool = True) -> list[str]:
    """Cut a text into tokens: first into words, then each word into pieces."""
    return [piece for word in words_of(text, lower) for piece in pieces_of(word, vocabulary)]


def encode(text: str, vocabulary: Mapping[str, int], second: str | None = None) -> list[int]:
    """Return the numbers that BERT reads, for one text or for two that it reads together.

    ``[CLS]`` comes first; in its place the model gathers what it has to say of the whole input.
    ``[SEP]`` ends each text.
    """
    tokens = ["[CLS]", *tokens_of(text, vocabulary), "[SEP]"]
    if second is not None:
        tokens += [*tokens_of(second, vocabulary), "[SEP]"]
    return [vocabulary[token] for token in tokens]


def decode(ids: Iterable[int], vocabulary: Mapping[str, int]) -> str:
    """Return the text of numbers, without capitals, accents and the exact spaces."""
    tokens = {number: token for token, number in vocabulary.items()}
    return " ".join(tokens[number] for number in ids).replace(" ##", "")


# Beyond this page: `BertTokenizer` of ptbert_tokenizers gives the same tokens, much faster. It also
# says where in the text each token is, and encodes many texts as arrays with padding.
