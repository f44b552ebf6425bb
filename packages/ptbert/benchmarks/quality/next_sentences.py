"""Which of four sentences follows in a text: a table for ``ptbert train choose``."""

from __future__ import annotations

import itertools
import random
import re

CHOICES = ("a", "b", "c", "d")
SHORTEST, LONGEST = 30, 300  # characters of a sentence
EACH = 10  # of as many sentences, one is for testing


def next_sentence_rows(text: str, seed: int = 0) -> tuple[list[list[str]], list[list[str]]]:
    """Return rows for training and for testing: a sentence, four others, and the one that follows.

    The other three are from anywhere in the same part of the text, which is cut into ten. So each
    is of the same author and on the same matters. A sentence is in the rows for training or in
    those for testing, and never in both.

    Args:
        text: a long one.
        seed: decides which sentences are the wrong ones, and the order.

    Returns:
        Two tables with the columns sentence, a, b, c, d, label; without these names.
    """
    chance = random.Random(seed)
    sentences = sentences_of(text)
    size = len(sentences) // EACH
    tables: tuple[list[list[str]], list[list[str]]] = ([], [])
    for start in range(0, size * EACH, size):
        part = sentences[start : start + size]
        last = size - size // EACH
        for rows, own in zip(tables, (part[:last], part[last:]), strict=True):
            for first, second in itertools.pairwise(own):
                others = [each for each in own if each not in (first, second)]
                choices = [second, *chance.sample(others, len(CHOICES) - 1)]
                chance.shuffle(choices)
                rows.append([first, *choices, CHOICES[choices.index(second)]])
    return tables


def sentences_of(text: str) -> list[str]:
    """Return the sentences of a text that are neither very short nor very long."""
    flat = " ".join(text.split())
    found = re.findall(r"[A-Z\"'].*?[.!?][\"']?(?= [A-Z\"']|$)", flat)
    return [each for each in found if SHORTEST <= len(each) <= LONGEST]
