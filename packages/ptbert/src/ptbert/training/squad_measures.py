"""Exact match and F1 of answers, as the scripts of SQuAD measure them."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_WITHOUT_PUNCTUATION = str.maketrans("", "", string.punctuation)


class Measure(NamedTuple):
    """What an answer is worth.

    Args:
        exact: 1 if it equals a right one, else 0.
        f1: the best F1 of its words and those of a right one.
    """

    exact: float
    f1: float


def words_of_answer(text: str) -> list[str]:
    """Return the words that count: lower case, without ASCII punctuation and English articles.

    Example:
        >>> words_of_answer("The U.S. Navy")
        ['us', 'navy']
    """
    return _ARTICLES.sub(" ", text.lower().translate(_WITHOUT_PUNCTUATION)).split()


def measured_answer(answer: str, right: Sequence[str], *, may_be_none: bool) -> Measure:
    """Compare an answer with the right ones.

    Args:
        answer: empty if there is none.
        right: texts; none if there is no answer.
        may_be_none: whether the question is of SQuAD 2.0. There a right answer without words that
            count is left out, and no answer equals no answer.

    Source:
        Rajpurkar et al. 2016, arXiv:1606.05250, section 6.1, and 2018, arXiv:1806.03822; what they
        leave open, the scripts beside the data decide, evaluate-v1.1.py and evaluate-v2.0.py.

    Example:
        >>> measured_answer("the old town", ["Old Town of Prague"], may_be_none=False)
        Measure(exact=0.0, f1=0.6666666666666666)
        >>> measured_answer("", [], may_be_none=True)
        Measure(exact=1.0, f1=1.0)
    """
    given = words_of_answer(answer)
    golds = [words_of_answer(text) for text in right]
    if may_be_none:
        golds = [words for words in golds if words] or [[]]
    return Measure(float(given in golds), max(_f1(given, words, may_be_none) for words in golds))


def _f1(given: Sequence[str], right: Sequence[str], may_be_none: bool) -> float:
    if may_be_none and not (given and right):
        return float(given == right)
    common = sum((Counter(given) & Counter(right)).values())
    return 2 * common / (len(given) + len(right)) if common else 0.0
