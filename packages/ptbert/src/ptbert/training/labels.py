"""What may be the labels of training data: not too many, and no two that look like one"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable
from decimal import Decimal, InvalidOperation

from ptbert.training.counts import number_of

_MOST, _FEW = 1000, 20


def refuse_too_many_labels(
    data: str, labels: Collection[str], number: int, thing: str, advice: str
) -> None:
    """Raise if a column has so many labels that it is probably another one.

    Args:
        data: the file.
        labels: the different ones.
        number: how many have one.
        thing: what has one: an example, or a word.
        advice: what to do.
    """
    if len(labels) > _MOST or (len(labels) > _FEW and len(labels) * 2 > number):
        raise ValueError(
            f"{data!r} has {len(labels)} different labels in {number_of(number, thing)}; {advice}"
        )


def refuse_labels_that_look_equal(labels: Iterable[tuple[str, str]]) -> None:
    """Raise if two labels are the same number, or the same letters, written in two ways.

    Args:
        labels: places in files, and their labels.

    Raises:
        ValueError: with both labels and their places.

    Example:
        >>> refuse_labels_that_look_equal([("row 1", "1"), ("row 2", "1.0")])
        Traceback (most recent call last):
        ...
        ValueError: row 2 has the label '1.0', and row 1 has '1', which is the same written in \
another way; write it in one way
    """
    seen: dict[Decimal | str, tuple[str, str]] = {}
    known: set[str] = set()
    for place, label in labels:
        if label in known:
            continue
        known.add(label)
        before, other = seen.setdefault(_meaning(label), (place, label))
        if other != label:
            raise ValueError(
                f"{place} has the label {label!r}, and {before} has {other!r}, which is the same "
                "written in another way; write it in one way"
            )


def _meaning(label: str) -> Decimal | str:
    """What two labels share that are one for those who read them."""
    try:
        number = Decimal(label)
    except InvalidOperation:
        number = Decimal("NaN")
    return number if number.is_finite() else unicodedata.normalize("NFC", label)
