from itertools import pairwise, product

import pytest

from ptbert.tasks.spans import fits_scheme, follow_scheme, tags_of_labels, word_spans


def spans(*labels, also=()):
    """The spans of words with these labels, where a model also has others."""
    tags = tags_of_labels([*labels, *also])[: len(labels)]
    return [(places.start, places.stop, label) for places, label in word_spans(tags)]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["O", "O"], []),
        ([], []),
        (["B-PER", "I-PER", "O", "B-LOC"], [(0, 2, "PER"), (3, 4, "LOC")]),  # IOB2
        (["B-PER", "B-PER"], [(0, 1, "PER"), (1, 2, "PER")]),
        (["I-PER", "I-PER", "B-PER", "O"], [(0, 2, "PER"), (2, 3, "PER")]),  # IOB1
        (["I-PER", "I-LOC"], [(0, 1, "PER"), (1, 2, "LOC")]),
        (["B-PER", "I-PER", "E-PER", "S-PER"], [(0, 3, "PER"), (3, 4, "PER")]),  # BIOES
        (["S-PER", "I-PER"], [(0, 1, "PER"), (1, 2, "PER")]),
        (["B-PER", "E-PER", "E-PER"], [(0, 2, "PER"), (2, 3, "PER")]),
        (["B-PER", "L-PER", "U-PER"], [(0, 2, "PER"), (2, 3, "PER")]),  # BILOU
        (["B-W", "M-W", "E-W", "S-W"], [(0, 3, "W"), (3, 4, "W")]),  # BMES
        (["PER", "PER", "LOC"], [(0, 2, "PER"), (2, 3, "LOC")]),  # plain
        (["B-A-B", "I-A-B"], [(0, 2, "A-B")]),
        (["B-P", "L-P", "U-L", "U-L"], [(0, 2, "P"), (2, 3, "L"), (3, 4, "L")]),
        (["I-P", "B-P", "I-P"], [(0, 1, "P"), (1, 3, "P")]),  # IOB1, neighbours of one kind
        (["E-P", "I-P"], [(0, 1, "P"), (1, 2, "P")]),
        (["B-P", "I-L"], [(0, 1, "P"), (1, 2, "L")]),
        (["B-P", "O", "I-P"], [(0, 1, "P"), (2, 3, "P")]),
        (["B", "I", "O", "B"], [(0, 2, ""), (3, 4, "")]),  # a scheme without kinds
        (["B-O", "I-O", "O"], [(0, 2, "O")]),  # a kind with the name of no kind
    ],
)
def test_each_scheme_gives_its_spans(labels, expected):
    assert spans(*labels) == expected


def test_letters_of_plain_labels_are_no_prefixes():
    assert spans("E-mail", "E-mail", "S-bahn") == [(0, 2, "E-mail"), (2, 3, "S-bahn")]
    assert spans("B", "B", "A") == [(0, 2, "B"), (2, 3, "A")]  # blood groups


def test_a_prefix_counts_if_any_label_shows_a_scheme():
    """A kind may have spans of one word only, so that it occurs with S and no other letter."""
    assert spans("S-PER", "S-PER", also=["B-PER"]) == [(0, 1, "PER"), (1, 2, "PER")]
    assert spans("S-DATE", "S-DATE", also=["B-PER"]) == [(0, 1, "DATE"), (1, 2, "DATE")]


def test_labels_without_a_prefix_are_read_beside_a_scheme():
    assert spans("PER", "PER", "B-PER") == [(0, 2, "PER"), (2, 3, "PER")]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["O", "B-PER"], True),
        (["O", "I-PER"], True),
        (["B", "I", "O"], True),
        (["O", "B"], False),
        (["O", "S-bahn", "U-bahn"], False),
        (["NOUN", "X-PER", "B-"], False),
    ],
)
def test_what_shows_a_scheme(labels, expected):
    assert follow_scheme(labels) is expected


def test_what_may_stand_beside_a_scheme():
    assert all(map(fits_scheme, ("O", "B", "S-PER", "M-a\nb")))
    assert not any(map(fits_scheme, ("o", "NOUN", "X-PER", "B-", "")))


def test_spans_are_those_of_the_shared_task():
    """The rules of conlleval: where a chunk ends and begins, from two tags next to each other."""
    labels = ["O", *map("-".join, product("BIES", "XY"))]

    def ends(before, tag):
        return before[0] != "O" and (before[0] in "ES" or tag[0] in "BSO" or before[2:] != tag[2:])

    def begins(before, tag):
        return tag[0] != "O" and (tag[0] in "BS" or before[0] in "ESO" or before[2:] != tag[2:])

    for row in product(labels, repeat=4):
        expected, start = [], 0
        for place, (before, tag) in enumerate(pairwise(["O", *row, "O"])):
            if ends(before, tag):
                expected.append((start, place, before[2:]))
            if begins(before, tag):
                start = place
        assert spans(*row, also=labels) == expected, row
