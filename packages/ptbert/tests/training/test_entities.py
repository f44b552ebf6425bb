import pytest

from ptbert.tasks.spans import tags_of_labels
from ptbert.training.entities import counted


def tags(*labels):
    return tags_of_labels([*labels, "I-P"])[: len(labels)]


def test_scores_by_hand():
    counts = counted(
        [
            # P and L right, one more
            (tags("B-P", "I-P", "O", "B-L"), tags("B-P", "I-P", "B-L", "B-L")),
            (tags("B-P", "O"), tags("O", "B-P")),  # another place
            (tags("B-L", "O"), tags("B-P", "O")),  # another kind
        ]
    )
    # 4 entities, 5 predicted, 2 right; of P 2, 3 and 1.
    assert counts.scores() == pytest.approx((2 / 5, 2 / 4, 4 / 9))
    assert counts.scores("P") == pytest.approx((1 / 3, 1 / 2, 2 / 5))
    assert counts.scores("none") == (0.0, 0.0, 0.0)
