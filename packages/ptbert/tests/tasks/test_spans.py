import pytest

from ptbert.tasks.spans import tags_of_labels, word_spans


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
    ],
)
def test_each_scheme_gives_its_spans(labels, expected):
    assert spans(*labels) == expected


def test_letters_of_plain_labels_are_no_prefixes():
    assert spans("E-mail", "E-mail", "S-bahn", also=["B-PER"]) == [
        (0, 2, "E-mail"),
        (2, 3, "S-bahn"),
    ]


def test_a_prefix_of_a_label_that_another_one_begins_with_is_one():
    assert spans("S-PER", "S-PER", also=["B-PER"]) == [(0, 1, "PER"), (1, 2, "PER")]
