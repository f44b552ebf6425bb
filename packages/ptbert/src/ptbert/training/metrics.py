"""Measures of predictions: of labels, and of numbers."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def confusion_matrix(
    gold: NDArray[np.int64], guesses: NDArray[np.int64], labels: int
) -> NDArray[np.int64]:
    """Count how often each label (row) was predicted as each label (column).

    Example:
        >>> confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
        [[1, 1], [0, 1]]
    """
    return np.bincount(gold * labels + guesses, minlength=labels * labels).reshape(labels, labels)


def label_metrics(matrix: NDArray[np.int64]) -> dict[str, float]:
    """Return accuracy, macro F1 and Matthews' correlation of a confusion matrix.

    Macro F1 is the mean over the labels that are in the data or in the predictions. The correlation
    is 0 where it is not defined, because all have the same label or the same prediction.

    Source:
        Gorodkin 2004, "Comparing two K-category assignments by a K-category correlation
        coefficient", equation 8.

    Example:
        >>> label_metrics(np.array([[1, 1], [0, 2]]))
        {'accuracy': 0.75, 'macro_f1': 0.7333333333333334, 'mcc': 0.5773502691896258}
    """
    total, right = float(matrix.sum()), np.diagonal(matrix).astype(np.float64)
    gold, guessed = (matrix.sum(axis).astype(np.float64) for axis in (1, 0))
    present = gold + guessed > 0
    f1 = 2 * right[present] / (gold + guessed)[present]
    covariance = right.sum() * total - gold @ guessed
    spread = math.sqrt((total**2 - gold @ gold) * (total**2 - guessed @ guessed))
    return {
        "accuracy": float(right.sum() / total),
        "macro_f1": float(f1.mean()),
        "mcc": float(covariance / spread) if spread else 0.0,
    }


def probabilities(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the softmax of each row.

    Example:
        >>> probabilities(np.array([[0.0, 0.0]], np.float32)).tolist()
        [[0.5, 0.5]]
    """
    shifted = np.exp(scores - scores.max(1, keepdims=True))
    return np.asarray(shifted / shifted.sum(1, keepdims=True), np.float32)


def entropy(labels: NDArray[np.int64]) -> float:
    """Return the entropy of labels: the mean loss of a model that knows their shares alone.

    Example:
        >>> round(entropy(np.array([0, 1, 1, 0])), 4)
        0.6931
    """
    return entropy_of_counts(np.bincount(labels))


def entropy_of_counts(counts: NDArray[np.int64]) -> float:
    """Return the entropy of labels of which it is known how often each is there; see ``entropy``.

    Example:
        >>> round(entropy_of_counts(np.array([2, 2])), 4)
        0.6931
    """
    shares = counts / counts.sum()
    return -sum(share * math.log(share) for share in shares.tolist() if share)


def perplexity(loss: float, tokens: int) -> float:
    """Return the perplexity of tokens by the sum of their losses; at most 1e304.

    Example:
        >>> round(perplexity(2 * math.log(5), 2), 9), perplexity(math.inf, 1) < math.inf
        (5.0, True)
    """
    return math.exp(min(loss / tokens, 700.0))


def number_metrics(gold: NDArray[np.float64], guesses: NDArray[np.float64]) -> dict[str, float]:
    """Return the correlations of Pearson and Spearman, and the mean squared error.

    A correlation is 0 where it is not defined, because all numbers are equal.

    Example:
        >>> number_metrics(np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 6.0]))
        {'pearson': 1.0, 'spearman': 1.0, 'mse': 4.666666666666667}
    """
    return {
        "pearson": _correlation(gold, guesses),
        "spearman": _correlation(_ranks(gold), _ranks(guesses)),
        "mse": float(np.mean((gold - guesses) ** 2)),
    }


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    a, b = a - a.mean(), b - b.mean()
    spread = math.sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / spread if spread else 0.0


def _ranks(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 1; equal numbers share the mean of their ranks."""
    _, places, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[places]
