"""Text to words, and words to WordPieces: the plain definition of BERT's tokenization.

Both classes are public: programs replace them, subclass them and call single methods.
``ptbert_tokenizers.quick.basic_words`` computes the same faster, and the public class
``WordpieceTokenizer`` is a subclass in ``ptbert_tokenizers.quick.known_pieces``.

Source:
    Devlin et al. 2018, arXiv:1810.04805, section 3; Wu et al. 2016, arXiv:1609.08144, section 4.1.
"""

import re
from collections.abc import Container, Sequence

from ptbert_tokenizers.arguments import checked_switch
from ptbert_tokenizers.plain.unicode import (
    CharacterMap,
    is_cjk,
    is_control,
    is_punctuation,
    is_whitespace,
    without_accents,
)
from ptbert_tokenizers.plain.unicode_14 import lowered

NEVER_SPLIT = ("[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]")

_ASCII_MARKS = re.compile("([!-/:-@[-`{-~])")


def _cleaned(char: str) -> str:
    if char in "\0\ufffd" or is_control(char):
        return ""
    return " " if is_whitespace(char) else char


_CLEANED = CharacterMap(_cleaned)


def whitespace_tokenize(text: str) -> list[str]:
    """Split at runs of Unicode whitespace; empty for blank text.

    Example:
        >>> whitespace_tokenize("  two\\u2028 words ")
        ['two', 'words']
    """
    return text.split()


def strips_accents(do_lower_case: bool, strip_accents: bool | None) -> bool:
    """Tell whether accents are removed; ``strip_accents`` None follows ``do_lower_case``."""
    return bool(do_lower_case if strip_accents is None else strip_accents)


class BasicTokenizer:
    """Clean text and split it into words, punctuation marks and single ideographs.

    Args:
        do_lower_case: lower-case, and remove accents unless ``strip_accents`` is False.
        never_split: words that are not changed if there are spaces around them; None for none.
        strip_accents: remove accents; when None, only if ``do_lower_case``, as in 2019.
        tokenize_chinese_chars: make every Han ideograph a word of its own.

    Raises:
        TypeError: if ``never_split`` is one string, or ``do_lower_case`` is a string.

    Example:
        >>> BasicTokenizer().tokenize("Naïve? [MASK] 北京")
        ['naive', '?', '[MASK]', '北', '京']
        >>> BasicTokenizer(strip_accents=False, tokenize_chinese_chars=False).tokenize("Öl 北京")
        ['öl', '北京']
    """

    strip_accents: bool | None = None  # also for objects of 2019, which lack these two
    tokenize_chinese_chars: bool = True

    def __init__(
        self,
        do_lower_case: bool = True,
        never_split: Sequence[str] | None = NEVER_SPLIT,
        *,
        strip_accents: bool | None = None,
        tokenize_chinese_chars: bool = True,
    ) -> None:
        if isinstance(never_split, str):
            raise TypeError(f"never_split is one string, {never_split!r}; give a list of words")
        self.do_lower_case = checked_switch(do_lower_case, "do_lower_case")
        self.never_split: Sequence[str] = () if never_split is None else never_split
        self.strip_accents = strip_accents
        self.tokenize_chinese_chars = tokenize_chinese_chars

    def tokenize(self, text: str) -> list[str]:
        """Return the words of ``text``.

        Example:
            >>> BasicTokenizer(do_lower_case=False).tokenize("Can't wait!")
            ['Can', "'", 't', 'wait', '!']
        """
        spaced = self._clean_text(text)
        if self.tokenize_chinese_chars:
            spaced = self._tokenize_chinese_chars(spaced)
        strips = strips_accents(self.do_lower_case, self.strip_accents)
        words: list[str] = []
        for chunk in whitespace_tokenize(spaced):
            word = chunk
            if chunk not in self.never_split:
                word = lowered(word) if self.do_lower_case else word
                word = self._run_strip_accents(word) if strips else word
            words += self._run_split_on_punc(word)
        return whitespace_tokenize(" ".join(words))

    # The methods with an underscore are public too: subclasses override `tokenize` and call them.

    def _clean_text(self, text: str) -> str:
        """Delete control characters and U+FFFD; make every whitespace character a space."""
        return text.translate(_CLEANED)

    def _tokenize_chinese_chars(self, text: str) -> str:
        """Put spaces around every Han ideograph."""
        codes = [code for code in map(ord, set(text)) if self._is_chinese_char(code)]
        return text.translate({code: f" {chr(code)} " for code in codes}) if codes else text

    def _is_chinese_char(self, cp: int) -> bool:
        return is_cjk(cp)

    def _run_strip_accents(self, text: str) -> str:
        return without_accents(text)

    def _run_split_on_punc(self, text: str) -> list[str]:
        """Split a word so that every punctuation mark is a word of its own."""
        if text.isalnum() or text in self.never_split:
            return [text]
        if text.isascii():
            return [part for part in _ASCII_MARKS.split(text) if part]
        parts: list[str] = []
        start = 0
        for position, char in enumerate(text):
            if is_punctuation(char):
                parts += [text[start:position], char]
                start = position + 1
        parts.append(text[start:])
        return [part for part in parts if part]


class WordpieceTokenizer:
    """Cut words into the longest pieces that the vocabulary has, from left to right.

    Args:
        vocab: every known piece; those that continue a word begin with ``##``.
        unk_token: the token for a word that cannot be cut.
        max_input_chars_per_word: longer words become ``unk_token``.

    Example:
        >>> WordpieceTokenizer({"un", "##aff", "##able"}).tokenize("unaffable day")
        ['un', '##aff', '##able', '[UNK]']
    """

    def __init__(
        self,
        vocab: Container[str],
        unk_token: str = "[UNK]",
        max_input_chars_per_word: int = 100,
    ) -> None:
        self.vocab = vocab
        self.unk_token = unk_token
        self.max_input_chars_per_word = max_input_chars_per_word

    def tokenize(self, text: str) -> list[str]:
        """Return the pieces of the words of ``text``, which spaces separate.

        Example:
            >>> WordpieceTokenizer(["a", "##b"]).tokenize("ab abb ba")
            ['a', '##b', 'a', '##b', '##b', '[UNK]']
        """
        vocab, limit = self.vocab, self.max_input_chars_per_word
        pieces: list[str] = []
        for word in whitespace_tokenize(text):
            if word in vocab and len(word) <= limit:  # as most words are
                pieces.append(word)
            else:
                pieces += self._pieces(word)
        return pieces

    def _pieces(self, word: str) -> list[str]:
        vocab, length = self.vocab, len(word)
        if length > self.max_input_chars_per_word:
            return [self.unk_token]
        pieces: list[str] = []
        rest, shortest = word, 1
        while rest:
            end = len(rest)
            while rest[:end] not in vocab:
                end -= 1
                if end < shortest:
                    return [self.unk_token]
            pieces.append(rest[:end])
            rest, shortest = rest[end:] and f"##{rest[end:]}", 3
        return pieces
