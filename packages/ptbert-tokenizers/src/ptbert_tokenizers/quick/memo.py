"""A cache with a limited size, for example for the ids of words."""

from collections.abc import Callable, Mapping
from itertools import islice
from sys import getsizeof
from typing import Any, TypeVar

from ptbert_tokenizers.plain.bpe import LONG_WORD

Ids = tuple[int, ...]
K = TypeVar("K")
V = TypeVar("V")

WORDS_LIMIT = 24 * 2**20
"""Limit in bytes for the words of single texts, with their ids."""

_SLOT = 104  # bytes of hash table for each entry: 8 + 24, times the worst slack after growing


class Memo(dict[K, V]):
    """A dictionary that takes a limited number of bytes.

    When it is full, all added entries are removed, and it fills up again. Words of more than 40
    characters are not kept.

    Args:
        limit: largest number of bytes, including those for ``known``.
        compute: computes the value of a key that is missing; when None, a missing key raises
            ``KeyError``.
        known: entries that are never removed.

    Example:
        >>> lengths = Memo(1000, lambda word: (len(word),))
        >>> lengths["four"], len(lengths)
        ((4,), 1)
    """

    def __init__(
        self,
        limit: int,
        compute: Callable[[K], V] | None = None,
        known: Mapping[K, V] | None = None,
    ) -> None:
        super().__init__(known or {})
        self._limit = limit
        self._compute = compute
        self._known = len(self)
        sizes = sum(map(getsizeof, self)) + sum(map(getsizeof, self.values()))
        self._room_at_first = limit - sizes - _SLOT * len(self)
        self._room = self._room_at_first

    def __missing__(self, key: K) -> V:
        compute = self._compute
        if compute is None:
            raise KeyError(key)
        value = compute(key)
        self._keep(key, value)
        return value

    def _keep(self, key: K, value: V) -> None:
        if isinstance(key, str) and len(key) > LONG_WORD:
            return
        cost = getsizeof(key) + getsizeof(value) + _SLOT  # the vocabulary has the ids
        if cost > self._room and len(self) > self._known:  # else there is nothing to forget
            self._forget()
        if cost <= self._room:
            self._room -= cost
            dict.__setitem__(self, key, value)

    __setitem__ = _keep

    def _forget(self) -> None:
        for key in list(self)[self._known :]:
            self.pop(key, None)
        self._room = self._room_at_first

    def __reduce__(self) -> tuple[Any, ...]:
        known = dict(islice(self.items(), self._known))
        return type(self), (self._limit, self._compute, known)
