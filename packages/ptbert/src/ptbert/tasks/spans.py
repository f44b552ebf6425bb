"""From the labels of words to spans: IOB1, IOB2, BIOES and its relatives, and plain labels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

OUTSIDE = "O"
_BEGINS, _ENDS = frozenset("BSU"), frozenset("ESUL")
_ALWAYS = frozenset("BI")  # prefixes of every scheme; the others are common letters of plain labels


class Tag(NamedTuple):
    """What a label says: the label of a span, and whether the span begins or ends here."""

    label: str
    begins: bool
    ends: bool


def tags_of_labels(labels: Iterable[str]) -> list[Tag]:
    """Read the labels of a model.

    ``B-`` begins a span, ``I-`` and ``M-`` continue it, ``E-`` and ``L-`` end it, ``S-`` and ``U-``
    are spans of one word. The letters other than B and I count only if the same label also exists
    with B or I. A label without a prefix continues a span of the same label, as in the library
    transformers.

    Example:
        >>> tags_of_labels(["B-PER", "S-PER", "S-bahn"])
        [Tag(label='PER', begins=True, ends=False), Tag(label='PER', begins=True, ends=True), \
Tag(label='S-bahn', begins=False, ends=False)]
    """
    labels = list(labels)
    schemed = {label[2:] for label in labels if label[1:2] == "-" and label[0] in _ALWAYS}
    found = []
    for label in labels:
        prefix, rest = label[:1], label[2:]
        has_prefix = label[1:2] == "-" and prefix in "BIMESUL" and rest in schemed
        found.append(
            Tag(rest, prefix in _BEGINS, prefix in _ENDS)
            if has_prefix
            else Tag(label, False, False)
        )
    return found


def word_spans(tags: Sequence[Tag]) -> Iterator[tuple[range, str]]:
    """Yield the words of each span, and its label.

    What no scheme allows is read as far as it makes sense: a span may begin with ``I-``, and ends
    where another label follows.

    Args:
        tags: of the words of a text, in order.

    Example:
        >>> list(word_spans(tags_of_labels(["O", "B-PER", "I-PER", "B-PER", "I-LOC"])))
        [(range(1, 3), 'PER'), (range(3, 4), 'PER'), (range(4, 5), 'LOC')]
    """
    start, open_label = 0, OUTSIDE
    for place, tag in enumerate(tags):
        if tag.begins or tag.label != open_label:
            if open_label != OUTSIDE:
                yield range(start, place), open_label
            start, open_label = place, tag.label
        if tag.ends and open_label != OUTSIDE:
            yield range(start, place + 1), open_label
            open_label = OUTSIDE
    if open_label != OUTSIDE:
        yield range(start, len(tags)), open_label
