import math
import re

import pytest
import torch
import torch.nn.functional as F

from ptbert_models.parts.losses import is_labelled, label_loss, labelled_only, span_loss


@pytest.fixture
def logits():
    torch.manual_seed(0)
    return torch.randn(2, 3, 5)


def test_unlabelled_tokens_do_not_count(logits):
    labels = torch.tensor([[4, -1, -1], [-1, 0, -1]])

    expected = -(logits[0, 0].log_softmax(-1)[4] + logits[1, 1].log_softmax(-1)[0]) / 2
    torch.testing.assert_close(label_loss(logits, labels), expected)


def test_only_labelled_positions_are_kept(logits):
    labels = torch.tensor([[4, -1, -1], [-1, 0, -1]])

    hidden, kept = labelled_only(logits, labels)

    assert kept.tolist() == [4, 0]
    assert torch.equal(hidden, torch.stack([logits[0, 0], logits[1, 1]]))
    torch.testing.assert_close(label_loss(hidden, kept), label_loss(logits, labels))


def test_nothing_labelled_is_not_a_number(logits):
    labels = torch.full((2, 3), -1)
    assert math.isnan(label_loss(logits, labels))
    assert math.isnan(label_loss(*labelled_only(logits, labels)))


def test_both_usual_labels_of_nothing_are_left_out():
    logits, labels = torch.randn(4, 5), torch.tensor([-100, 2, -1, 4])
    expected = F.cross_entropy(logits[[1, 3]], labels[[1, 3]])
    torch.testing.assert_close(label_loss(logits, labels), expected)
    hidden, kept = labelled_only(logits, labels)
    assert torch.equal(hidden, logits[[1, 3]])
    assert kept.tolist() == [2, 4]
    assert is_labelled(labels).tolist() == [False, True, False, True]


def test_labels_and_scores_may_be_parts_of_larger_tensors(logits):
    labels = torch.tensor([[4, 1, 2, 0], [3, 0, 1, 0]])[:, :3]
    assert not labels.is_contiguous()
    expected = F.cross_entropy(logits.flatten(0, 1), labels.flatten())
    torch.testing.assert_close(label_loss(logits.mT.contiguous().mT, labels), expected)


def test_the_loss_leaves_out_the_default_of_torch(logits):
    labels = torch.tensor([[1, -100, 2], [0, 3, -100]])
    torch.testing.assert_close(label_loss(logits, labels), F.cross_entropy(logits.mT, labels))


def test_spans_past_the_text_do_not_count():
    starts, ends = torch.randn(2, 4), torch.randn(2, 4)

    loss = span_loss(starts, ends, torch.tensor([[1], [99]]), torch.tensor([3, 2]))

    start_loss = -starts[0].log_softmax(-1)[1]
    end_loss = -(ends[0].log_softmax(-1)[3] + ends[1].log_softmax(-1)[2]) / 2
    torch.testing.assert_close(loss, (start_loss + end_loss) / 2)


def test_negative_positions_mean_the_first_token():
    logits = torch.randn(1, 4)
    torch.testing.assert_close(
        span_loss(logits, logits, torch.tensor([-3]), torch.tensor([-1])),
        -logits.log_softmax(-1)[0, 0],
    )


@pytest.mark.parametrize("shape", [(6,), (6, 1), (1, 2, 3), (2, 3, 1), (2, 1, 3)])
def test_labels_may_have_their_dimensions_joined_as_in_2019(logits, shape):
    labels = torch.tensor([[4, -1, 2], [0, 3, 1]])
    expected = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-1)

    torch.testing.assert_close(label_loss(logits, labels.view(shape)), expected)
    torch.testing.assert_close(label_loss(logits.flatten(0, 1), labels.view(shape)), expected)
    torch.testing.assert_close(label_loss(*labelled_only(logits, labels.view(shape))), expected)


@pytest.mark.parametrize("shape", [(3, 2), (2, 2), (5,), (2, 3, 2)])
def test_labels_for_something_else_are_refused(logits, shape):
    labels = torch.zeros(shape, dtype=torch.long)
    message = rf"labels has shape {re.escape(str(shape))}, where \(2, 3\) is needed; give one"
    with pytest.raises(ValueError, match=message):
        label_loss(logits, labels)
    with pytest.raises(ValueError, match=message):
        labelled_only(logits, labels)


def test_labels_that_are_no_integers_are_refused(logits):
    with pytest.raises(
        ValueError,
        match=r"labels is of type torch\.float32, and classes are integers, s.* without labels$",
    ):
        label_loss(logits, torch.zeros(2, 3))
    with pytest.raises(TypeError, match=r"labels is of type list; give a tensor"):
        label_loss(logits, [[0, 1, 2], [2, 1, 0]])


def test_spans_of_another_batch_are_refused():
    scores, two, three = torch.randn(2, 4), torch.tensor([0, 1]), torch.tensor([0, 1, 2])
    with pytest.raises(ValueError, match=r"end_positions has shape \(3,\), where \(2,\) is needed"):
        span_loss(scores, scores, two, three)
    with pytest.raises(TypeError, match=r"start_positions is of type list; give a tensor"):
        span_loss(scores, scores, [0, 1], two)
