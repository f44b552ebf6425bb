"""Plain, slow tokenizers to compare with, written from the papers' descriptions alone.

They are loops over characters without caches and tables. They share nothing with the package but
the properties of characters in Unicode 14.0, which have tests of their own.
"""

from itertools import pairwise

import regex

from ptbert_tokenizers.plain.unicode_14 import category, decomposed, lowered, masked

SPECIAL = ("[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]")
HAN = "\u4e00-\u9fff\u3400-\u4dbf\U00020000-\U0002a6df\U0002a700-\U0002ceaf\uf900-\ufaff"
HAN_CHARACTER = regex.compile(f"[{HAN}\U0002f800-\U0002fa1f]")


def basic_words(text: str, lower: bool = True, whole: tuple[str, ...] = SPECIAL) -> list[str]:
    clean = ""
    for char in text:
        kind = category(char)
        if char in " \t\n\r" or kind == "Zs":
            clean += " "
        elif kind[0] != "C" and char != "\ufffd":
            clean += f" {char} " if HAN_CHARACTER.match(char) else char
    words: list[str] = []
    for chunk in clean.split():
        word = chunk
        if lower and chunk not in whole:
            marks = decomposed(lowered(chunk))
            word = "".join(char for char in marks if category(char) != "Mn")
        if word in whole:
            words.append(word)
            continue
        spaced = ""
        for char in word:
            is_symbol = char.isascii() and char.isprintable() and not char.isalnum()
            is_mark = is_symbol or category(char)[0] == "P"
            spaced += f" {char} " if is_mark else char
        words += spaced.split()
    return words


def wordpieces(word: str, vocabulary: set[str]) -> list[str]:
    if len(word) > 100:
        return ["[UNK]"]
    pieces: list[str] = []
    rest = word
    while rest:
        mark = "##" if pieces else ""
        fitting = [end for end in range(1, len(rest) + 1) if mark + rest[:end] in vocabulary]
        if not fitting:
            return ["[UNK]"]
        pieces.append(mark + rest[: fitting[-1]])
        rest = rest[fitting[-1] :]
    return pieces


def byte_pair_pieces(symbols: list[str], ranks: dict[tuple[str, str], int]) -> list[str]:
    while known := [pair for pair in pairwise(symbols) if pair in ranks]:
        best = min(known, key=ranks.__getitem__)
        joined: list[str] = []
        for symbol in symbols:
            if joined and (joined[-1], symbol) == best:
                joined[-1] += symbol
                # "aaa": the new symbol must not merge once more in this pass
                joined.append("")
            else:
                joined.append(symbol)
        symbols = [symbol for symbol in joined if symbol]
    return symbols


def visible_bytes(word: str) -> list[str]:
    shown: list[str] = []
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    for byte in word.encode():
        shown.append(chr(byte) if byte in printable else chr(256 + others.index(byte)))
    return shown


def gpt2_words(text: str) -> list[str]:
    valid = text.encode("utf-8", "ignore").decode()
    letters, numbers, others = r" ?\p{L}+", r" ?\p{N}+", r" ?[^\s\p{L}\p{N}]+"
    contractions = "'s|'t|'re|'ve|'m|'ll|'d"
    spaces = r"\s+(?!\S)|\s+"
    pattern = "|".join([contractions, letters, numbers, others, spaces])
    return [valid[slice(*word.span())] for word in regex.finditer(pattern, masked(valid))]
