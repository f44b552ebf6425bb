import numpy as np
import pytest

from ptbert.training.metrics import confusion_matrix, label_metrics, number_metrics


def test_confusion_matrix_has_a_row_for_each_label():
    gold, guesses = np.array([0, 0, 1, 2, 2]), np.array([0, 1, 1, 2, 0])
    assert confusion_matrix(gold, guesses, 3).tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 1]]


def test_metrics_of_two_labels_by_hand():
    # 6 true negatives, 2 false positives, 1 false negative, 3 true positives.
    found = label_metrics(np.array([[6, 2], [1, 3]]))
    assert found["accuracy"] == pytest.approx(9 / 12)
    assert found["macro_f1"] == pytest.approx((12 / 15 + 6 / 9) / 2)
    assert found["mcc"] == pytest.approx((3 * 6 - 2 * 1) / (5 * 4 * 8 * 7) ** 0.5)


def test_a_label_that_is_nowhere_does_not_count_in_macro_f1():
    assert label_metrics(np.array([[1, 0, 0], [0, 1, 0], [0, 0, 0]]))["macro_f1"] == 1.0


def test_mcc_is_zero_where_all_have_one_label():
    assert label_metrics(np.array([[3, 0], [0, 0]]))["mcc"] == 0.0


def test_correlations_by_hand():
    gold, guesses = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 3.0, 2.0, 10.0])
    found = number_metrics(gold, guesses)
    # Deviations -1.5 -0.5 0.5 1.5 and -3 -1 -2 6: products 13, squares 5 and 50.
    assert found["pearson"] == pytest.approx(13 / 250**0.5)
    # Ranks differ by 0 1 1 0: 1 - 6 * 2 / (4 * 15).
    assert found["spearman"] == pytest.approx(0.8)
    assert found["mse"] == pytest.approx((0 + 1 + 1 + 36) / 4)


def test_equal_numbers_share_a_rank():
    found = number_metrics(np.array([1.0, 2.0, 2.0, 3.0]), np.array([5.0, 6.0, 7.0, 8.0]))
    # Ranks 1 2.5 2.5 4 and 1 2 3 4: deviations multiply to 4.5, squares 4.5 and 5.
    assert found["spearman"] == pytest.approx(4.5 / (4.5 * 5) ** 0.5)


def test_a_correlation_is_zero_where_all_numbers_are_equal():
    assert number_metrics(np.array([1.0, 2.0]), np.array([3.0, 3.0]))["pearson"] == 0.0
