"""The losses of the heads: mean cross entropies over labelled positions."""

import torch
import torch.nn.functional as F
from torch import Tensor

from ptbert_models.parts.inputs import check_tensor, is_recorded, values_are_known

UNLABELLED = -1  # the label that losses of language models ignored in 2019
UNCLASSIFIED = -100  # the label that losses of classifiers ignore, PyTorch's default


def is_labelled(labels: Tensor) -> Tensor:
    """True where a label counts: every loss here leaves out both -1 and -100.

    Example:
        >>> is_labelled(torch.tensor([0, -1, -100, 7]))
        tensor([ True, False, False,  True])
    """
    return (labels != UNLABELLED) & (labels != UNCLASSIFIED)


def fitted_labels(labels: Tensor, shape: tuple[int, ...], *, name: str = "labels") -> Tensor:
    """Give labels the shape of what they are for.

    As in 2019, several dimensions may be joined to one, and those of size 1 do not count. While a
    model is compiled or traced, labels stay as they are.

    Args:
        labels: integers.
        shape: the wanted shape.
        name: name of the argument, for messages.

    Raises:
        TypeError: if the labels are no tensor.
        ValueError: if there is another number of labels, their last dimension is another, or they
            are no integers of a type that losses take.

    Example:
        >>> fitted_labels(torch.tensor([0, 1, 2, 3]), (2, 2)).tolist()
        [[0, 1], [2, 3]]
        >>> fitted_labels(torch.tensor([[0, 1, 2]]), (2,))
        Traceback (most recent call last):
        ...
        ValueError: labels has shape (1, 3), where (2,) is needed; give one label for each
    """
    if is_recorded():
        return labels
    check_tensor(name, labels)
    if labels.dtype not in (torch.int64, torch.uint8):
        raise ValueError(
            f"{name} is of type {labels.dtype}, and classes are integers, such as {name}.long(); "
            "for another loss, compute it from the scores that the model returns without labels"
        )
    if labels.shape == shape:
        return labels
    have, want = ([size for size in each if size != 1] for each in (labels.shape, shape))
    one_is_flat = len(have) < 2 or len(want) < 2
    if labels.numel() != torch.Size(shape).numel() or not (one_is_flat or have[-1] == want[-1]):
        raise ValueError(
            f"{name} has shape {tuple(labels.shape)}, where {tuple(shape)} is needed; give one "
            "label for each"
        )
    return labels.reshape(shape)


def label_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross entropy over the labelled positions.

    Args:
        logits: (..., number of tokens or classes).
        labels: (...), integers below that number; -1 or -100 leaves a position out.

    Returns:
        A scalar; not a number if nothing is labelled.

    Raises:
        TypeError: see ``fitted_labels``.
        ValueError: likewise.

    Example:
        >>> logits = torch.tensor([[0.0, 0.0], [5.0, -5.0], [5.0, -5.0]])
        >>> label_loss(logits, torch.tensor([1, -1, -100]))
        tensor(0.6931)
    """
    labels = fitted_labels(labels, logits.shape[:-1])
    labels = labels.masked_fill(labels == UNLABELLED, UNCLASSIFIED)
    return F.cross_entropy(
        logits.reshape(-1, logits.size(-1)), labels.reshape(-1), ignore_index=UNCLASSIFIED
    )


def labelled_only(hidden_states: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Leave out the positions without a label, so that no scores are computed for them.

    Everything stays where values are not known, because there shapes may not depend on values.

    Args:
        hidden_states: (B, L, E).
        labels: (B, L), or (B * L,); -1 or -100 where there is none.

    Returns:
        Hidden states (number of labels, E) and the labels.
    """
    if not values_are_known(labels):
        return hidden_states, labels
    labels = fitted_labels(labels, hidden_states.shape[:-1])
    labelled = is_labelled(labels)
    return hidden_states[labelled], labels[labelled]


def span_loss(start_logits: Tensor, end_logits: Tensor, starts: Tensor, ends: Tensor) -> Tensor:
    """Mean of the cross entropies of where a span starts and where it ends.

    Args:
        start_logits: (B, L).
        end_logits: (B, L).
        starts: (B,) or (B, 1) positions; a position past the text leaves its row out.
        ends: likewise.

    Returns:
        A scalar.

    Source:
        Devlin et al. 2018, arXiv:1810.04805, section 4.2.

    Example:
        >>> import torch
        >>> uniform = torch.zeros(1, 2)
        >>> span_loss(uniform, uniform, torch.tensor([0]), torch.tensor([7]))  # 7: not in the text
        tensor(nan)
    """
    batch, length = start_logits.shape  # the length is also the label that is left out
    starts = fitted_labels(starts, (batch,), name="start_positions")
    ends = fitted_labels(ends, (batch,), name="end_positions")
    start_loss, end_loss = (
        F.cross_entropy(logits, positions.reshape(-1).clamp(0, length), ignore_index=length)
        for logits, positions in ((start_logits, starts), (end_logits, ends))
    )
    return (start_loss + end_loss) / 2
