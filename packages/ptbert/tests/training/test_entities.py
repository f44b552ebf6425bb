import pytest

from ptbert.training.entities import counted, entities


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("O O", []),
        ("B-P I-P O B-L", [(0, 2, "P"), (3, 4, "L")]),  # IOB2
        ("I-P I-P O I-L", [(0, 2, "P"), (3, 4, "L")]),  # IOB1
        ("I-P B-P I-P", [(0, 1, "P"), (1, 3, "P")]),  # IOB1: B between neighbours of one kind
        ("B-P I-L", [(0, 1, "P"), (1, 2, "L")]),
        ("B-P E-P S-L", [(0, 2, "P"), (2, 3, "L")]),  # BIOES
        ("B-P L-P U-L U-L", [(0, 2, "P"), (2, 3, "L"), (3, 4, "L")]),  # BILOU
        ("E-P I-P", [(0, 1, "P"), (1, 2, "P")]),
        ("B-P O I-P", [(0, 1, "P"), (2, 3, "P")]),
        ("B I O", [(0, 2, "")]),
        ("B-A-B I-A-B", [(0, 2, "A-B")]),
        ("", []),
    ],
)
def test_entities_of_tags(tags, expected):
    assert entities(tags.split()) == expected


def test_scores_by_hand():
    counts = counted(
        [
            (["B-P", "I-P", "O", "B-L"], ["B-P", "I-P", "B-L", "B-L"]),  # P and L right, one more
            (["B-P", "O"], ["O", "B-P"]),  # another place
            (["B-L", "O"], ["B-P", "O"]),  # another kind
        ]
    )
    # 4 entities, 5 predicted, 2 right; of P 2, 3 and 1.
    assert counts.scores() == pytest.approx((2 / 5, 2 / 4, 4 / 9))
    assert counts.scores("P") == pytest.approx((1 / 3, 1 / 2, 2 / 5))
    assert counts.scores("none") == (0.0, 0.0, 0.0)
