"""Words that basic tokenization does not change, and the signs that stand for them meanwhile."""

import re
from collections.abc import Sequence

from ptbert_tokenizers.plain.unicode import CJK_BLOCKS

NUL = "\0"
"""Put after each of many texts. Inside a text, basic tokenization deletes it."""

SIGNS = "".join(map(chr, (*range(0x01, 0x09), *range(0x0E, 0x1C), 0x7F)))
"""Control characters, which are no whitespace to ``str.split`` either."""


class KeptWords:
    """Puts signs in the place of words that are not changed if there are spaces around them.

    Args:
        words: such words; those that have no signs are left out.
        tokenize_chinese_chars: whether there are spaces around ideographs too.
    """

    def __init__(self, words: Sequence[str], tokenize_chinese_chars: bool) -> None:
        self.words = tuple(words)
        able = [word for word in dict.fromkeys(words) if word.isascii() and word.isprintable()]
        chosen = [word for word in able if [word] == word.split()]
        self.signs = {word: sign * len(word) for word, sign in zip(chosen, SIGNS, strict=False)}
        self.words_of_signs = {sign: word for word, sign in self.signs.items()}
        ideographs = "".join(f"{chr(first)}-{chr(last)}" for first, last in CJK_BLOCKS)
        inside = f"[^\\s{NUL}{ideographs if tokenize_chinese_chars else ''}]"
        longest_first = sorted(self.signs, key=len, reverse=True)
        self._words = re.compile(f"(?:{'|'.join(map(re.escape, longest_first))})(?!{inside})")
        self._inside = re.compile(inside)
        self._firsts = {word[0] for word in self.signs}

    def with_signs(self, text: str) -> str:
        """Return a text with signs, given the cleaned text."""
        may_hold = any(map(text.__contains__, self._firsts))
        return self._words.sub(self._sign, text) if may_hold else text

    def _sign(self, match: re.Match[str]) -> str:
        # Looking back here is faster than in the pattern, which then begins with a fixed character.
        start = match.start()
        if start and self._inside.match(match.string, start - 1):
            return match[0]
        return self.signs[match[0]]
