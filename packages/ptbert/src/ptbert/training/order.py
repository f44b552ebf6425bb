"""The order of examples, and what is random in training, as functions of the seed and the place.

Nothing here has a state, so a training that goes on after an interruption needs to know nothing but
the number of its step. The numbers come from arithmetic that is written down here, because the
streams of random generators may differ between releases of their libraries.

Source:
    Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators", figure 13: the
    mixing function, which is known as SplitMix64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_POOL = 16  # steps of which the examples are sorted by length together


def random_words(numbers: Any, *key: int) -> NDArray[np.uint64]:
    """Return 64 random bits for each number; the same for the same number and key.

    Args:
        numbers: whole numbers, an array of any shape.
        *key: further whole numbers.

    Example:
        >>> random_words([0, 1], 7).tolist() == random_words([0, 1], 7).tolist()
        True
        >>> random_words([0, 1], 7).tolist() == random_words([0, 1], 8).tolist()
        False
    """
    mixed = _mix(np.zeros(1, np.uint64))  # an array, because numbers alone warn of overflow
    for part in key:
        mixed = _mix(mixed ^ _mix(np.array([part]).astype(np.uint64)))
    words = _mix(mixed ^ _mix(np.atleast_1d(numbers).astype(np.uint64)))
    return words.reshape(np.shape(numbers))


def random_shares(numbers: Any, *key: int) -> NDArray[np.float64]:
    """Return a random number in [0, 1) for each number; see ``random_words``."""
    words = random_words(numbers, *key) >> np.uint64(11)
    return words.astype(np.float64) * 2.0**-53


def random_seed(*key: int) -> int:
    """Return a seed for PyTorch's generators, below 2**63.

    Example:
        >>> 0 <= random_seed(1, 2) < 2**63
        True
    """
    return int(random_words(0, *key)) >> 1


def steps_of_epoch(lengths: Indices, batch_size: int, seed: int, epoch: int) -> list[Indices]:
    """Return the examples of each step of an epoch.

    Examples are shuffled. Then those of some steps together are sorted by length, so that a step
    has examples of similar length, and the steps are shuffled.

    Args:
        lengths: (N,), tokens of each example.
        batch_size: examples in a step; the last ones of an epoch may be fewer.
        seed: decides the order.
        epoch: from 0.

    Returns:
        For each step the indices of its examples, the longest first.

    Example:
        >>> steps = steps_of_epoch(np.array([5, 9, 5, 2, 7]), 2, seed=0, epoch=0)
        >>> sorted(index for step in steps for index in step.tolist())
        [0, 1, 2, 3, 4]
    """
    order = _shuffled(len(lengths), seed, epoch, 0)
    pool = batch_size * _POOL
    pools = [order[start : start + pool] for start in range(0, len(order), pool)]
    ordered = [each[np.argsort(-lengths[each], kind="stable")] for each in pools]
    steps = [
        each[start : start + batch_size]
        for each in ordered
        for start in range(0, len(each), batch_size)
    ]
    return [steps[place] for place in _shuffled(len(steps), seed, epoch, 1)]


def parts_of_step(
    step: Indices, lengths: Indices, max_tokens: int, at_least: int = 1
) -> list[Indices]:
    """Cut a step into micro-batches.

    Args:
        step: indices of examples, the longest first.
        lengths: (N,), tokens of each example of the data.
        max_tokens: largest number of tokens of a micro-batch, padding included. An example that
            is longer is a micro-batch of its own.
        at_least: how many micro-batches there are at least, if there are as many examples.

    Example:
        >>> lengths = np.array([8, 4, 4, 2])
        >>> [part.tolist() for part in parts_of_step(np.arange(4), lengths, max_tokens=16)]
        [[0, 1], [2, 3]]
    """
    at_least = min(at_least, len(step))
    real = int(lengths[step].sum())
    parts: list[list[int]] = [[]]
    tokens = 0  # of the examples before
    for place, index in enumerate(step.tolist()):
        part = parts[-1]
        longest = int(lengths[part[0]]) if part else 0
        too_many = longest * (len(part) + 1) > max_tokens
        needed = at_least - len(parts)  # parts that must begin yet
        is_due = tokens * at_least >= real * len(parts) or len(step) - place <= needed
        if part and (too_many or (needed > 0 and is_due)):
            parts.append([])
        parts[-1].append(index)
        tokens += int(lengths[index])
    return [np.array(part, np.int64) for part in parts]


def checksum(step: Indices) -> int:
    """Return a number below 2**32 for each example, added up: that of parts is their sum.

    Example:
        >>> checksum(np.array([3, 5])) == checksum(np.array([5])) + checksum(np.array([3]))
        True
    """
    return int((random_words(step) >> np.uint64(32)).sum())


def _shuffled(count: int, *key: int) -> Indices:
    return np.argsort(random_words(np.arange(count), *key), kind="stable")


def _mix(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    words = words + _GOLDEN
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))
