"""A bounded memory of what words became."""

from collections.abc import Callable, Mapping
from sys import getsizeof

Ids = tuple[int, ...]

DEFAULT_LIMIT = 32 * 2**20
"""Bytes that one memory may take, its preloaded words included."""

_SLOT = 104  # bytes of hash table for each entry: 8 + 24, times the worst slack after growing
_LONGEST_WORD = 40  # characters; longer words hardly come twice


class Memo(dict[str, Ids]):
    """Word to ids; looks up what it knows and computes, once, what it does not.

    When the memory is full, all that was learnt is forgotten and learning begins again.

    Args:
        compute: gives the ids of a word.
        known: words that need no computing and are never forgotten.
        limit: bytes to use at most.

    Example:
        >>> lengths = Memo(lambda word: (len(word),))
        >>> lengths["four"], len(lengths)
        ((4,), 1)
    """

    def __init__(
        self,
        compute: Callable[[str], Ids],
        known: Mapping[str, Ids] | None = None,
        limit: int = DEFAULT_LIMIT,
    ) -> None:
        super().__init__(known or {})
        self._compute = compute
        self._known = len(self)
        self._room_for_learning = limit - sum(_cost(*entry) for entry in self.items())
        self._room = self._room_for_learning

    def __missing__(self, word: str) -> Ids:
        ids = self._compute(word)
        if len(word) <= _LONGEST_WORD:
            cost = _cost(word, ids)
            if cost > self._room:
                self._forget()
            if cost <= self._room:
                self._room -= cost
                self[word] = ids
        return ids

    def _forget(self) -> None:
        for word in list(self)[self._known :]:
            del self[word]
        self._room = self._room_for_learning


def _cost(word: str, ids: Ids) -> int:
    # The ids themselves belong to the vocabulary.
    return getsizeof(word) + getsizeof(ids) + _SLOT
