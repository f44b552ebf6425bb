"""What callers give: one text or many, or pairs of texts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from ptbert_tokenizers.batches.texts import checked_texts, checked_words, no_text


class Given(NamedTuple):
    """Texts as lists.

    Args:
        texts: the texts, or the first of each pair; lists of words if they are split already.
        pairs: the second of each pair; None if there are none.
        is_one: whether the caller gave a single text, and wants a single result.
    """

    texts: list[Any]
    pairs: list[str] | None
    is_one: bool

    def lengths(self) -> list[int]:
        """Return how many characters each text or pair has."""
        pairs = self.pairs or [""] * len(self.texts)
        return [
            (len(text) if isinstance(text, str) else sum(map(len, text))) + len(pair)
            for text, pair in zip(self.texts, pairs, strict=True)
        ]

    def result(self, results: list[Any]) -> Any:
        """Return the results as the caller wants them: that of a single text without a list."""
        return results[0] if self.is_one else results


def given_texts(texts: Any) -> Given:
    """Return one text or many as a list.

    Args:
        texts: a string, or strings in some order; an iterator is read to its end.

    Raises:
        TypeError: if it is something else; the first that is no string is named with its position.

    Example:
        >>> given_texts("one")
        Given(texts=['one'], pairs=None, is_one=True)
        >>> given_texts(text for text in ["one", None])
        Traceback (most recent call last):
        TypeError: texts[1] is None, and not a string; leave it out, or give "" in its place
    """
    if isinstance(texts, str):
        return Given([texts], None, is_one=True)
    return Given(checked_texts(texts), None, is_one=False)


def given_words(texts: Any) -> Given:
    """Return one text or many, whose words are separated already, as lists of words.

    Raises:
        TypeError: if it is something else; the first that is not right is named with its position.

    Example:
        >>> given_words(["one", "text"])
        Given(texts=[['one', 'text']], pairs=None, is_one=True)
    """
    if isinstance(texts, (list, tuple)) and texts and all(isinstance(each, str) for each in texts):
        return Given([list(texts)], None, is_one=True)
    return Given(checked_words(texts), None, is_one=False)


def given_pairs(first: Any, second: Any, names: tuple[str, str] = ("texts", "text_pairs")) -> Given:
    """Return pairs of texts as two lists. A single string is paired with each text beside it.

    Args:
        first: a string, or strings in some order.
        second: likewise.
        names: of the arguments, for messages.

    Raises:
        TypeError: if something is no string; it is named with its position.
        ValueError: if there are several of both, but not as many.

    Example:
        >>> given_pairs("who?", ["a", "b"])
        Given(texts=['who?', 'who?'], pairs=['a', 'b'], is_one=False)
    """
    for value, name in zip((first, second), names, strict=True):
        if not isinstance(value, (str, Iterable)):
            raise no_text(value, name)
    if isinstance(first, str) and isinstance(second, str):
        return Given([first], [second], is_one=True)
    texts = None if isinstance(first, str) else checked_texts(first, names[0])
    pairs = None if isinstance(second, str) else checked_texts(second, names[1])
    if texts is None:
        texts = [first] * len(pairs or ())
    if pairs is None:
        pairs = [second] * len(texts)
    if len(texts) != len(pairs):
        raise ValueError(
            f"{len(texts)} {names[0]} and {len(pairs)} {names[1]}; give one for each, or a single "
            "string for all"
        )
    return Given(texts, pairs, is_one=False)


def checked_top_k(top_k: int | None) -> int | None:
    """Return how many results a caller asks for; None for all.

    Raises:
        ValueError: if it is no whole number from 1 on.

    Example:
        >>> checked_top_k(0)
        Traceback (most recent call last):
        ValueError: top_k=0 is not a number of results; choose a whole number from 1 on
    """
    if top_k is not None and (type(top_k) is not int or top_k < 1):
        raise ValueError(
            f"top_k={top_k!r} is not a number of results; choose a whole number from 1 on"
        )
    return top_k
