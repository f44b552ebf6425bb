"""Finding special tokens anywhere in a text, also directly beside other characters."""

import re
from collections.abc import Callable, Collection


def tokens_around(
    text: str, kept: Collection[str], tokenize: Callable[[str], list[str]]
) -> list[str]:
    """Cut a text into tokens, and keep some of them whole anywhere in it.

    If several of them fit at one place, the longest is taken.

    Args:
        text: any string.
        kept: the tokens to keep whole.
        tokenize: cuts the text between them.

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
    # With a group in the pattern, re.split returns the separators too, as every second part.
    for number, part in enumerate(re.split(f"({'|'.join(map(re.escape, longest_first))})", text)):
        tokens += [part] if number % 2 else tokenize(part)
    return tokens
