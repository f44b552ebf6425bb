"""Special tokens that stand anywhere in a text, next to other characters too."""

import re
from collections.abc import Callable, Collection


def tokens_around(
    text: str, kept: Collection[str], tokenize: Callable[[str], list[str]]
) -> list[str]:
    """Cut a text into tokens, and leave some whole wherever they stand.

    Where several would fit, the longest counts.

    Args:
        text: any string.
        kept: the tokens to leave whole.
        tokenize: cuts what is between them.

    Raises:
        ValueError: if one of ``kept`` is empty.

    Example:
        >>> tokens_around("to[X]be", ["[X]"], list)
        ['t', 'o', '[X]', 'b', 'e']
    """
    if "" in kept:
        raise ValueError("special_tokens holds an empty string; leave it out")
    if not kept:
        return tokenize(text)
    longest_first = sorted(kept, key=len, reverse=True)
    tokens: list[str] = []
    # With a group in the pattern, re.split keeps the separators: every second part is one.
    for number, part in enumerate(re.split(f"({'|'.join(map(re.escape, longest_first))})", text)):
        tokens += [part] if number % 2 else tokenize(part)
    return tokens
