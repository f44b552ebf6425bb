"""Counting words where they stand: those that came before are found all at once, in a table"""

from collections import Counter

import numpy as np

from ptbert_tokenizers.quick.spans import WordSpans, listed_spans
from ptbert_tokenizers.quick.table import LONGEST, WordTable, keys_of, with_room


class Tally:
    """Counts of words.

    Short words have numbers in a table, and their counts are in an array. The others, which are
    rarer, are counted one by one.

    Example:
        >>> tally = Tally()
        >>> tally.add(listed_spans([b"to", b"be", b"to"]))
        >>> tally.add(listed_spans([b"to", b"sesquipedalianism"]))
        >>> sorted(tally.counts().items())
        [('be', 1), ('sesquipedalianism', 1), ('to', 3)]
    """

    def __init__(self) -> None:
        self._table = WordTable.of(keys_of(listed_spans([])))
        self._words = [b""]  # by number; number 0 is the ends of texts
        self._counts = np.zeros(1, np.int64)
        self._long: Counter[bytes] = Counter()

    def add(self, spans: WordSpans) -> None:
        """Count the words of a window."""
        numbers = self._table.find(keys_of(spans))
        found = np.bincount(numbers[numbers > 0])
        self._counts[: len(found)] += found
        self._add_others(Counter(spans.words((numbers < 0).nonzero()[0])))

    def _add_others(self, words: Counter[bytes]) -> None:
        """Count words that are not in the table."""
        new = [word for word in words if len(word) <= LONGEST]
        before, after = len(self._words), len(self._words) + len(new)
        self._counts = with_room(self._counts, after)
        self._counts[before:after] = [words.pop(word) for word in new]
        self._table = self._table.with_words(keys_of(listed_spans(new)))
        self._words += new
        self._long.update(words)

    def counts(self) -> Counter[str]:
        """Return how often each word was there."""
        short = zip(self._words[1:], self._counts[1:].tolist(), strict=False)
        both = Counter({word.decode(): count for word, count in short})
        both.update({word.decode(): count for word, count in self._long.items()})
        return both
