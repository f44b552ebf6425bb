"""Curves of the learning rate: pure functions ``progress -> multiplier``.

Progress is the share of the planned updates already done: 0 at the start, 1 after the last one.
"""

import math

__all__ = [
    "warmup_constant",
    "warmup_cosine",
    "warmup_cosine_hard_restarts",
    "warmup_cosine_warmup_restarts",
    "warmup_cosine_waves",
    "warmup_linear",
    "warmup_linear_decay",
]


def warmup_constant(x: float, warmup: float = 0.002) -> float:
    """Rise from 0 to 1 during the warmup, then stay.

    Args:
        x: progress, 1 after all planned updates.
        warmup: share of the progress spent rising, in [0, 1).

    Example:
        >>> warmup_constant(0.05, warmup=0.1), warmup_constant(0.5, warmup=0.1)
        (0.5, 1.0)
    """
    return x / warmup if x < warmup else 1.0


def warmup_linear_decay(x: float, warmup: float = 0.002) -> float:
    """Rise from 0 to 1 during the warmup, then fall in a straight line to 0 at progress 1.

    Args:
        x: progress; past 1 the multiplier is 0.
        warmup: share of the progress spent rising, in [0, 1).

    Example:
        >>> [warmup_linear_decay(x, warmup=0.5) for x in (0.25, 0.5, 0.75, 1.0)]
        [0.5, 1.0, 0.5, 0.0]
    """
    return x / warmup if x < warmup else max(0.0, (x - 1.0) / (warmup - 1.0))


def warmup_cosine_waves(x: float, warmup: float = 0.002, cycles: float = 0.5) -> float:
    """Rise from 0 to 1 during the warmup, then follow a cosine.

    Args:
        x: progress; past 1 the cosine continues and rises again.
        warmup: share of the progress spent rising, in [0, 1).
        cycles: waves of the cosine after the warmup; one half ends at 0.

    Example:
        >>> warmup_cosine_waves(0.0, warmup=0.0), warmup_cosine_waves(0.5, warmup=0.0)
        (1.0, 0.5)
    """
    if x < warmup:
        return x / warmup
    after = (x - warmup) / (1 - warmup)
    return 0.5 * (1.0 + math.cos(math.pi * cycles * 2.0 * after))


def warmup_cosine_hard_restarts(x: float, warmup: float = 0.002, cycles: float = 1.0) -> float:
    """Rise once, then fall from 1 to 0 along a half cosine, ``cycles`` times.

    Args:
        x: progress; the falls are repeated past 1, and the next one starts **at** 1.
        warmup: share of the progress spent rising, in [0, 1).
        cycles: number of falls, at least 1.

    Example:
        >>> warmup_cosine_hard_restarts(0.5, warmup=0.0, cycles=2.0)
        1.0

    Source:
        Loshchilov and Hutter 2016, arXiv:1608.03983, section 3, with cycles of equal length.
    """
    if x < warmup:
        return x / warmup
    # Divide first, multiply by the cycles after: in the other order rounding moves a restart by one
    # step, where the multiplier jumps from 0 to 1.
    after = (x - warmup) / (1 - warmup)
    return 0.5 * (1.0 + math.cos(math.pi * ((cycles * after) % 1.0)))


def warmup_cosine_warmup_restarts(x: float, warmup: float = 0.002, cycles: float = 1.0) -> float:
    """Go through ``cycles`` equal parts, each a rise from 0 to 1 and a half cosine down to 0.

    Args:
        x: progress; the parts repeat past 1.
        warmup: share of **one part** spent rising, in [0, 1).
        cycles: number of parts, at least 1.

    Example:
        >>> [warmup_cosine_warmup_restarts(x, warmup=0.5, cycles=2.0) for x in (0.125, 0.25, 0.5)]
        [0.5, 1.0, 0.0]
    """
    within = x * cycles % 1.0
    if within < warmup:
        return within / warmup
    return 0.5 * (1.0 + math.cos(math.pi * ((within - warmup) / (1 - warmup))))


def warmup_linear(x: float, warmup: float = 0.002) -> float:
    """Rise from 0 to 1 during the warmup, then fall along ``1 - x``: the curve until 2019's 0.6.1.

    It jumps down by ``warmup`` at its peak, which ``warmup_linear_decay`` does not.

    Args:
        x: progress; past 1 the multiplier is 0 (it was negative).
        warmup: share of the progress spent rising, in [0, 1).

    Example:
        >>> [warmup_linear(x, warmup=0.5) for x in (0.25, 0.5, 0.75)]
        [0.5, 0.5, 0.25]
    """
    return x / warmup if x < warmup else max(0.0, 1.0 - x)


def warmup_cosine(x: float, warmup: float = 0.002) -> float:
    """Rise from 0 to 1 during the warmup, then join the half cosine over the whole progress.

    Like ``warmup_linear`` this is the curve until 2019's 0.6.1, with a jump at its peak.

    Args:
        x: progress.
        warmup: share of the progress spent rising, in [0, 1).

    Example:
        >>> warmup_cosine(0.25, warmup=0.5), round(warmup_cosine(0.5, warmup=0.5), 6)
        (0.5, 0.5)
    """
    return x / warmup if x < warmup else 0.5 * (1.0 + math.cos(math.pi * x))
