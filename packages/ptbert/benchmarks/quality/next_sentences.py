"""Which of four sentences follows in a text: a table for ``ptbert train choose``."""

from __future__ import annotations

import itertools
import random
import re

CHOICES = ("a", "b", "c", "d")
HEAD = ("sentence", *CHOICES, "label")
SHORTEST, LONGEST = 30, 150  # characters of a sentence
_ENDS = re.compile(
    r"""(?:(?<=[.!?])|(?<=[.!?]["']))(?<!Mr\.)(?<!Mrs\.)\ (?=["'_]?[A-Z])""", re.VERBOSE
)


def next_sentence_rows(text: str, seed: int = 0) -> list[list[str]]:
    """Return rows for the columns ``HEAD``: a sentence, four others, and which of them follows it.

    The three that do not follow are from anywhere in the text.

    Args:
        text: a long one.
        seed: decides which sentences are the wrong ones, and the order.
    """
    chance = random.Random(seed)
    sentences = sentences_of(text)
    fitting = [each for each in sentences if _fits(each)]
    rows = []
    for first, second in itertools.pairwise(sentences):
        if not (_fits(first) and _fits(second)):
            continue
        choices = [second]
        while len(choices) < len(CHOICES):
            other = chance.choice(fitting)
            if other not in (first, *choices):
                choices.append(other)
        chance.shuffle(choices)
        rows.append([first, *choices, CHOICES[choices.index(second)]])
    return rows


def sentences_of(text: str) -> list[str]:
    """Return the sentences of a text: they end with a mark, and the next begins with a capital."""
    return _ENDS.split(" ".join(text.split()))


def _fits(sentence: str) -> bool:
    return SHORTEST <= len(sentence) <= LONGEST
