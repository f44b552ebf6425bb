"""How many entities were found: precision, recall and F1, by their kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ptbert.tasks.spans import Tag, word_spans


class Counts(NamedTuple):
    """How many entities there are, were predicted, and were predicted rightly."""

    gold: Counter[str]
    guessed: Counter[str]
    right: Counter[str]

    def scores(self, kind: str | None = None) -> tuple[float, float, float]:
        """Return precision, recall and F1 of a kind, or of all; 0 where one is not defined."""
        gold, guessed, right = (
            each.total() if kind is None else each[kind]
            for each in (self.gold, self.guessed, self.right)
        )
        precision = right / guessed if guessed else 0.0
        recall = right / gold if gold else 0.0
        return precision, recall, 2 * right / (gold + guessed) if gold + guessed else 0.0


def counted(pairs: Iterable[tuple[Sequence[Tag], Sequence[Tag]]]) -> Counts:
    """Count the entities of sentences by their kind.

    An entity was found if one of the same words and the same kind was predicted.

    Args:
        pairs: for each sentence its tags, and the predicted ones.

    Example:
        >>> from ptbert.tasks.spans import tags_of_labels
        >>> outside, begin, inside, place = tags_of_labels(["O", "B-PER", "I-PER", "B-LOC"])
        >>> counts = counted([([begin, inside, outside], [begin, outside, place])])
        >>> counts.gold, counts.guessed, counts.right
        (Counter({'PER': 1}), Counter({'PER': 1, 'LOC': 1}), Counter())
    """
    counts = Counts(Counter(), Counter(), Counter())
    for gold, guesses in pairs:
        wanted, given = list(word_spans(gold)), list(word_spans(guesses))  # kinds keep their order
        are_there = set(wanted)
        right = [span for span in given if span in are_there]
        for counter, found in zip(counts, (wanted, given, right), strict=True):
            counter.update(kind for _, kind in found)
    return counts
