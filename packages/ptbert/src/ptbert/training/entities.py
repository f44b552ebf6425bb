"""Entities in the tags of words, and how many of them were found."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

OUTSIDE = "O"
_SCHEME = re.compile("(?P<part>[BIESLU])(-(?P<kind>.+))?", re.DOTALL)
_LAST = ("E", "L", "S", "U")  # these end an entity, and S and U are all of one
_INSIDE = ("I", "E", "L")


class Entity(NamedTuple):
    """Some words of a sentence.

    Args:
        start: number of the first word, from 0.
        end: number of the word after the last.
        kind: what the words are.
    """

    start: int
    end: int
    kind: str


def has_scheme(tag: str) -> bool:
    """Whether a tag says that a word is at the beginning, inside or at the end of an entity.

    Example:
        >>> [has_scheme(tag) for tag in ("B-PER", "O", "NOUN")]
        [True, False, False]
    """
    return bool(_SCHEME.fullmatch(tag)) and "-" in tag


def is_known(tag: str) -> bool:
    """Whether a tag may stand beside tags with a scheme: one of these, or outside."""
    return tag == OUTSIDE or bool(_SCHEME.fullmatch(tag))


def entities(tags: Sequence[str]) -> list[Entity]:
    """Return the entities of a sentence, in any of the schemes IOB1, IOB2, BIOES and BILOU.

    An entity begins at its first tag, whatever its letter is, and at B, S and U in any case. So
    every row of tags has a meaning, also one that a model made up.

    Source:
        Tjong Kim Sang and De Meulder 2003, arXiv:cs/0306050: the counting of the shared task.

    Example:
        >>> entities(["B-PER", "I-PER", "O", "I-LOC", "B-LOC"])
        [Entity(start=0, end=2, kind='PER'), Entity(start=3, end=4, kind='LOC'), \
Entity(start=4, end=5, kind='LOC')]
    """
    found: list[Entity] = []
    start, kind = -1, ""  # of the entity that goes on; -1 if none does
    for place, tag in enumerate([*tags, OUTSIDE]):
        match = _SCHEME.fullmatch(tag)
        part, this_kind = (match["part"], match["kind"] or "") if match else (OUTSIDE, "")
        if start >= 0 and not (part in _INSIDE and this_kind == kind):
            found.append(Entity(start, place, kind))
            start = -1
        if part == OUTSIDE:
            continue
        if start < 0:
            start, kind = place, this_kind
        if part in _LAST:
            found.append(Entity(start, place + 1, kind))
            start = -1
    return found


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


def counted(pairs: Iterable[tuple[Sequence[str], Sequence[str]]]) -> Counts:
    """Count the entities of sentences by their kind.

    An entity was found if one of the same words and the same kind was predicted.

    Args:
        pairs: for each sentence its tags, and the predicted ones.

    Example:
        >>> counts = counted([(["B-PER", "I-PER", "O"], ["B-PER", "O", "B-LOC"])])
        >>> counts.gold, counts.guessed, counts.right
        (Counter({'PER': 1}), Counter({'PER': 1, 'LOC': 1}), Counter())
    """
    counts = Counts(Counter(), Counter(), Counter())
    for gold, guesses in pairs:
        wanted, given = entities(gold), entities(guesses)  # lists, so that kinds keep their order
        are_there = set(wanted)
        right = [entity for entity in given if entity in are_there]
        for counter, found in zip(counts, (wanted, given, right), strict=True):
            counter.update(entity.kind for entity in found)
    return counts
