"""Checking texts before they are encoded, and texts whose words are separated already."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ptbert_tokenizers.batches.flat import FlatIds


def no_text(value: Any, name: str) -> TypeError:
    """Return the error for an argument that is not a string.

    Args:
        value: what the caller gave.
        name: of the argument.
    """
    many = ", or many to encode_batch()" if isinstance(value, (list, tuple)) else ""
    return TypeError(f"{name} is {shown(value)}, and not a string; give one string{many}")


def checked_texts(texts: Any, name: str = "texts") -> list[str]:
    """Return texts as a list, if they are strings in some order.

    Args:
        texts: what the caller gave.
        name: of the argument, for messages.

    Raises:
        TypeError: if they are not; the first that is no string is named with its position.

    Example:
        >>> checked_texts(["a", None])
        Traceback (most recent call last):
        TypeError: texts[1] is None, and not a string; leave it out, or give "" in its place
    """
    if isinstance(texts, str):
        raise TypeError(f"{name} is one string; give a list of strings, or use encode()")
    found = list(in_order(texts, name))
    if not set(map(type, found)) <= {str}:
        for position, text in enumerate(found):
            if not isinstance(text, str):
                raise _no_text_at(position, text, name)
    return found


def texts_one_by_one(texts: Any, name: str = "texts") -> Iterator[str]:
    """Yield texts, which are read as they are needed, if they are strings in some order.

    Args:
        texts: what the caller gave.
        name: of the argument, for messages.

    Raises:
        TypeError: if they are not, as for ``checked_texts``.

    Example:
        >>> list(texts_one_by_one(iter(["a", None])))
        Traceback (most recent call last):
        TypeError: texts[1] is None, and not a string; leave it out, or give "" in its place
    """
    position = 0
    try:
        for text in in_order(texts, name):
            if not isinstance(text, str):
                raise _no_text_at(position, text, name)
            yield text
            position += 1
    except UnicodeError as error:  # of an open file
        error.add_note(
            f"this is {name}[{position}], or a part of the file that is read with it; "
            "read_documents names the line"
        )
        raise


def _no_text_at(position: int, text: Any, name: str) -> TypeError:
    return TypeError(
        f"{name}[{position}] is {shown(text)}, and not a string; leave it out, or give "
        '"" in its place'
    )


def checked_words(texts: Any, name: str = "texts") -> list[list[str]]:
    """Return texts whose words are separated already as lists of words.

    Raises:
        TypeError: if they are something else; the first that is not right is named with its
            position.
    """
    if isinstance(texts, str):
        raise TypeError(f"{name} is one string; give a list with a list of words for each text")
    found = []
    for position, words in enumerate(in_order(texts, name)):
        if isinstance(words, str) or not isinstance(words, Iterable):
            raise TypeError(
                f"{name}[{position}] is {shown(words)}, and not a list of words; split it, or "
                "leave is_split_into_words out"
            )
        found.append(checked_texts(words, f"{name}[{position}]"))
    return found


def in_order(things: Any, name: str, of: str = "strings") -> Iterable[Any]:
    """Return what a caller gave, if it is several things one after the other.

    Args:
        things: what the caller gave.
        name: of the argument.
        of: what the things should be.

    Raises:
        TypeError: if it is not, or if they have no order.
    """
    if not isinstance(things, Iterable) or isinstance(things, (bytes, Mapping, Set)):
        raise TypeError(f"{name} is {shown(things)}; give a list of {of}")
    return things


def shown(value: Any) -> str:
    """A value as messages show it: what it is, and not all of it."""
    if value is None or isinstance(value, (bool, int, float)):
        return repr(value)
    return f"a {type(value).__name__}"


def separated(words: Iterable[str], separator: str) -> list[str]:
    """Return words with what separates them from the word before.

    Example:
        >>> separated(["one", "two"], " ")
        ['one', ' two']
    """
    words = list(words)
    return [*words[:1], *map(separator.__add__, words[1:])] if separator else words


def word_numbers(flat: "FlatIds", texts: Sequence[Sequence[str]]) -> "NDArray[np.int64]":
    """Return for each token the number of its word in its text, (T,).

    Args:
        flat: the ids of all words of all texts, each word by itself.
        texts: the words of each text.
    """
    import numpy as np

    numbers = [number for words in texts for number in range(len(words))]
    return np.repeat(np.array(numbers, np.int64), np.diff(flat.bounds))


def joined_words(flat: "FlatIds", texts: Sequence[Sequence[str]]) -> "FlatIds":
    """Return the ids of texts, given those of all their words."""
    import numpy as np

    ends = np.cumsum([0, *map(len, texts)], dtype=np.int64)
    return flat._replace(bounds=flat.bounds[ends])
