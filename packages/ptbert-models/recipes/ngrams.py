"""What counting gives: losses of tokens by a unigram and by an interpolated trigram."""

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Losses = NDArray[np.float64]

_TUNED = 20  # one of so many tokens of the training text decides the weights of the trigram
_STEPS = 30


def unigram_losses(train: Ids, tokens: Ids, vocabulary: int) -> Losses:
    """Return -log p of each token, where p is its share of the training text.

    Each token of the vocabulary is counted once more than it is there.

    Example:
        >>> np.exp(-unigram_losses(np.array([0, 0, 1]), np.array([0, 2]), 3)).round(3).tolist()
        [0.5, 0.167]
    """
    counts = np.bincount(train, minlength=vocabulary) + 1
    found: Losses = -np.log(counts / counts.sum())[tokens]
    return found


class Trigram:
    """Shares of one, two and three tokens of a training text, mixed.

    The weights are those of Jelinek and Mercer 1980: the most probable ones for the end of the
    training text, with counts of the rest of it. The counts are of the whole text afterwards.

    Args:
        train: the tokens of the training text in order.
        vocabulary: number of tokens.
    """

    def __init__(self, train: Ids, vocabulary: int) -> None:
        self._vocabulary = vocabulary
        cut = len(train) - len(train) // _TUNED
        self._count(train[:cut])
        shares = self._shares(train[cut:])
        self.weights = np.full(len(shares), 1 / len(shares))
        for _ in range(_STEPS):
            parts = self.weights[:, None] * shares
            self.weights = (parts / parts.sum(0)).mean(1)
        self._count(train)

    def losses(self, text: Ids) -> Losses:
        """Return -log p of each token of a text but the first two."""
        found: Losses = -np.log(self.weights @ self._shares(text))
        return found

    def _count(self, train: Ids) -> None:
        everything = np.arange(self._vocabulary)
        self._unigrams = np.exp(-unigram_losses(train, everything, self._vocabulary))
        self._counts = [
            np.unique(self._codes(train, size), return_counts=True) for size in (1, 2, 3)
        ]

    def _codes(self, text: Ids, size: int) -> Ids:
        """A number for every ``size`` tokens that follow each other."""
        code = np.zeros(len(text) - size + 1, np.int64)
        for place in range(size):
            code = code * self._vocabulary + text[place : len(text) - size + 1 + place]
        return code

    def _found(self, text: Ids, size: int) -> NDArray[np.int64]:
        """How often the training text has each of these sequences of a text."""
        codes = self._codes(text, size)
        known, counts = self._counts[size - 1]
        places = np.searchsorted(known, codes).clip(max=len(known) - 1)
        return np.where(known[places] == codes, counts[places], 0)

    def _shares(self, text: Ids) -> Losses:
        """The shares (3, L - 2) of each token but the first two: alone, after one, after two."""
        once, twice, thrice = (self._found(text, size) for size in (1, 2, 3))
        return np.stack(
            [
                self._unigrams[text[2:]],
                twice[1:] / np.maximum(once[1:-1], 1),
                thrice / np.maximum(twice[:-1], 1),
            ]
        )
