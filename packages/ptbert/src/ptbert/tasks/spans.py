"""From the labels of words to spans: IOB1, IOB2, BIOES and its relatives, and plain labels."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

OUTSIDE = "O"
_FORM = re.compile("(?P<letter>[BIMESUL])(-(?P<kind>.+))?", re.DOTALL)
_BEGINS, _ENDS = frozenset("BSU"), frozenset("ESUL")


class Tag(NamedTuple):
    """What a label says: the kind of a span, and whether the span begins or ends here.

    Args:
        kind: None outside of spans.
        begins: whether a span begins here, even after a word of the same kind.
        ends: whether it ends here, even before a word of the same kind.
    """

    kind: str | None
    begins: bool
    ends: bool


def follow_scheme(labels: Iterable[str]) -> bool:
    """Whether labels say where spans begin, and do not only name kinds.

    They do if one has ``B-`` or ``I-`` before its kind, or if there are B and I without a kind:
    every scheme has one of these. The other letters alone do not show a scheme, because plain
    labels such as "E-mail" begin like this too.

    Example:
        >>> follow_scheme(["O", "B-PER"]), follow_scheme(["O", "E-mail"])
        (True, False)
    """
    labels = set(labels)
    return {"B", "I"} <= labels or any(
        label.startswith(("B-", "I-")) and len(label) > 2 for label in labels
    )


def fits_scheme(label: str) -> bool:
    """Whether a label may stand beside those of a scheme: one of these, or outside."""
    return label == OUTSIDE or bool(_FORM.fullmatch(label))


def tags_of_labels(labels: Iterable[str]) -> list[Tag]:
    """Read all labels of a model.

    If they follow a scheme, ``B-`` begins a span, ``I-`` and ``M-`` continue it, ``E-`` and ``L-``
    end it, ``S-`` and ``U-`` are spans of one word; also of kinds that have no ``B-`` and ``I-``,
    because all of them had one word in the training data. A label without a prefix continues a span
    of the same label, as in the library transformers.

    Example:
        >>> tags_of_labels(["O", "B-PER", "S-DATE"])[1:]
        [Tag(kind='PER', begins=True, ends=False), Tag(kind='DATE', begins=True, ends=True)]
        >>> tags_of_labels(["O", "E-mail"])
        [Tag(kind=None, begins=False, ends=False), Tag(kind='E-mail', begins=False, ends=False)]
    """
    labels = list(labels)
    have_scheme = follow_scheme(labels)
    return [_tag(label, have_scheme) for label in labels]


def _tag(label: str, has_scheme: bool) -> Tag:
    form = _FORM.fullmatch(label) if has_scheme else None
    if form:
        letter = form["letter"]
        return Tag(form["kind"] or "", letter in _BEGINS, letter in _ENDS)
    return Tag(None if label == OUTSIDE else label, False, False)


def word_spans(tags: Sequence[Tag]) -> Iterator[tuple[range, str]]:
    """Yield the words of each span, and its kind.

    What no scheme allows is read as far as it makes sense: a span may begin with ``I-``, and ends
    where another kind follows. So every row of tags has a meaning, also one that a model made up.

    Args:
        tags: of the words of a text, in order.

    Source:
        Tjong Kim Sang and De Meulder 2003, arXiv:cs/0306050: the counting of the shared task.

    Example:
        >>> list(word_spans(tags_of_labels(["O", "B-PER", "I-PER", "B-PER", "I-LOC"])))
        [(range(1, 3), 'PER'), (range(3, 4), 'PER'), (range(4, 5), 'LOC')]
    """
    start, kind = 0, None  # of the span that goes on; None if none does
    for place, tag in enumerate([*tags, Tag(None, False, False)]):
        if tag.begins or tag.kind != kind:
            if kind is not None:
                yield range(start, place), kind
            start, kind = place, tag.kind
        if tag.ends and kind is not None:
            yield range(start, place + 1), kind
            kind = None
