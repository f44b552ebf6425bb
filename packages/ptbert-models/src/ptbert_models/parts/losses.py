"""The losses of the heads: of labels, of numbers, and of spans, means over what is labelled."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ptbert_models.parts.inputs import (
    check_tensor,
    is_recorded,
    is_traced,
    places_of,
    values_are_known,
)
from ptbert_models.parts.settings import setting

UNLABELLED = -1  # the label that losses of language models ignored in 2019
UNCLASSIFIED = -100  # the label that losses of classifiers ignore, PyTorch's default
PROBLEM_TYPES = ("regression", "single_label_classification", "multi_label_classification")


def is_labelled(labels: Tensor) -> Tensor:
    """True where a label counts: every loss here leaves out both -1 and -100.

    Example:
        >>> is_labelled(torch.tensor([0, -1, -100, 7]))
        tensor([ True, False, False,  True])
    """
    return (labels != UNLABELLED) & (labels != UNCLASSIFIED)


def fitted_labels(labels: Tensor, shape: tuple[int, ...], *, name: str = "labels") -> Tensor:
    """Give labels the shape of what they are for.

    As in 2019, several dimensions may be joined to one, and those of size 1 do not count. Types and
    shapes are known while a model is compiled, too; while it is traced, shapes are not, and labels
    keep theirs.

    Args:
        labels: integers.
        shape: the wanted shape.
        name: name of the argument, for messages.

    Returns:
        The labels as 64-bit integers, so that -1 and -100 can be among them.

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
    check_tensor(name, labels)
    if labels.dtype not in (torch.int64, torch.uint8):
        raise ValueError(
            f"{name} is of type {labels.dtype}, and classes are integers, such as {name}.long(); "
            "for another loss, compute it from the scores that the model returns without labels"
        )
    labels = labels.long()
    if is_traced() or labels.shape == shape:
        return labels
    have, want = ([size for size in each if size != 1] for each in (labels.shape, shape))
    one_is_flat = len(have) < 2 or len(want) < 2
    if labels.numel() != math.prod(shape) or not (one_is_flat or have[-1] == want[-1]):
        raise ValueError(
            f"{name} has shape {tuple(labels.shape)}, where {tuple(shape)} is needed; give one "
            "label for each"
        )
    return labels.reshape(shape)


def label_loss(logits: Tensor, labels: Tensor, *, name: str = "labels") -> Tensor:
    """Mean cross entropy over the labelled positions.

    Args:
        logits: (..., number of tokens or classes).
        labels: (...), integers below that number; -1 or -100 leaves a position out.
        name: name of the argument, for messages.

    Returns:
        A scalar; not a number if nothing is labelled.

    Raises:
        TypeError: see ``fitted_labels``.
        ValueError: likewise; or on a CPU, if there is no such token or class.

    Example:
        >>> logits = torch.tensor([[0.0, 0.0], [5.0, -5.0], [5.0, -5.0]])
        >>> label_loss(logits, torch.tensor([1, -1, -100]))
        tensor(0.6931)
    """
    labels = fitted_labels(labels, logits.shape[:-1], name=name)
    labels = labels.masked_fill(labels == UNLABELLED, UNCLASSIFIED)
    scores, classes = logits.reshape(-1, logits.size(-1)), labels.reshape(-1)
    if is_recorded():
        return F.cross_entropy(scores, classes, ignore_index=UNCLASSIFIED)
    try:
        return F.cross_entropy(scores, classes, ignore_index=UNCLASSIFIED)
    except IndexError as error:  # PyTorch has checked them; it does so on a CPU only
        raise _unknown_label(classes, scores.size(-1), name) from error


def check_labels(labels: Tensor, number: int, *, name: str) -> None:
    """Raise ``ValueError`` on a CPU if a label is none of a number of tokens or classes.

    Example:
        >>> check_labels(torch.tensor([0, 1]), 2, name="labels")
    """
    if (
        labels.is_cpu
        and labels.numel()
        and not 0 <= int(labels.min()) <= int(labels.max()) < number
    ):
        raise _unknown_label(labels, number, name)


def _unknown_label(labels: Tensor, number: int, name: str) -> ValueError:
    counted = labels[labels != UNCLASSIFIED]
    wrong = int(counted[(counted < 0) | (counted >= number)][0])
    return ValueError(
        f"{name} holds {wrong}, and there are {number} scores (num_labels, or the tokens of the "
        f"vocabulary); give labels from 0 to {number - 1}, or -100 where there is none"
    )


def text_loss(scores: Tensor, labels: Tensor, problem_type: str | None) -> Tensor:
    """Compute the loss of labels of whole texts, for the kind of problem that they belong to.

    Args:
        scores: (B, number of labels).
        labels: (B,) integers for one label of each text; (B, number of labels) numbers from 0 to 1
            for several labels; or the numbers that the scores should be, of that shape, or (B,)
            where there is one.
        problem_type: one of ``PROBLEM_TYPES``. When None, integers are single labels, as in 2019;
            floating-point numbers are several labels, or what a single score should be.

    Returns:
        A scalar: the mean of cross entropies, of binary cross entropies, or of squared differences.

    Raises:
        TypeError: if the labels are no tensor.
        ValueError: if the labels have another shape, or are no such label.

    Example:
        >>> scores = torch.tensor([[1.0], [3.0]])
        >>> text_loss(scores, torch.tensor([1.0, 5.0]), None)  # squared differences of 0 and 2
        tensor(2.)
    """
    check_tensor("labels", labels)
    if problem_type is None and labels.is_floating_point():
        problem_type = "regression" if scores.size(-1) == 1 else "multi_label_classification"
    if problem_type in (None, "single_label_classification"):
        return label_loss(scores, labels)
    if labels.shape != scores.shape and not (
        problem_type == "regression" and labels.numel() == scores.numel() and scores.size(-1) == 1
    ):
        raise ValueError(
            f"labels has shape {tuple(labels.shape)}, where {tuple(scores.shape)} is needed for "
            f"{problem_type!r}; give one number for each score"
        )
    wanted = labels.reshape(scores.shape).to(scores.dtype)
    if problem_type == "regression":
        return F.mse_loss(scores, wanted)
    _check_shares(labels)
    return F.binary_cross_entropy_with_logits(scores, wanted)


def _check_shares(labels: Tensor) -> None:
    """Raise ``ValueError`` for labels that are no numbers from 0 to 1; on a CPU only."""
    if not labels.is_cpu or not values_are_known(labels):
        return
    wrong = labels[~((labels >= 0) & (labels <= 1))]  # NaN too
    if wrong.numel():
        raise ValueError(
            f"labels holds {wrong[0].item()}, where problem_type is 'multi_label_classification' "
            "or not given; give 1 for each label that a text has, and 0 for the others"
        )


def problem_type_of(model: Any) -> str | None:
    """Return the kind of problem that a model's configuration names; None if it names none."""
    return setting(setting(model, "config", None), "problem_type", None)


def labelled_only(
    hidden_states: Tensor, labels: Tensor, number: int | None = None, *, name: str = "labels"
) -> tuple[Tensor, Tensor]:
    """Leave out the positions without a label, so that no scores are computed for them.

    Everything stays where values are not known, because there shapes may not depend on values.

    Args:
        hidden_states: (B, L, E).
        labels: (B, L), or (B * L,); -1 or -100 where there is none.
        number: how many labels there are; None waits for the device to know it.
        name: name of the argument, for messages.

    Returns:
        Hidden states (number of labels, E) and the labels.

    Raises:
        TypeError: see ``fitted_labels``.
        ValueError: likewise.
    """
    labels = fitted_labels(labels, hidden_states.shape[:-1], name=name)
    if not values_are_known(labels):
        return hidden_states, labels
    chosen = is_labelled(labels).flatten()
    places = chosen.nonzero()[:, 0] if number is None else places_of(chosen, number)
    rows = hidden_states.flatten(0, -2).index_select(0, places)
    return rows, labels.flatten().index_select(0, places)


def span_loss(
    start_logits: Tensor,
    end_logits: Tensor,
    starts: Tensor,
    ends: Tensor,
    real: Tensor | None = None,
) -> Tensor:
    """Mean of the cross entropies of where a span starts and where it ends.

    Args:
        start_logits: (B, L).
        end_logits: (B, L).
        starts: (B,) or (B, 1) positions; a position past the text leaves its row out.
        ends: likewise.
        real: (B, L), True at the tokens of the text; positions elsewhere are past the text. None if
            all tokens are.

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
    both = [positions.reshape(-1) for positions in (starts, ends)]
    positions = torch.stack(both, dim=1).clamp(0, length)
    if real is not None:
        known = F.pad(real, (0, 1)).gather(1, positions)
        positions = positions.masked_fill(~known, length)
    start_loss, end_loss = (
        F.cross_entropy(logits, labels, ignore_index=length)
        for logits, labels in zip((start_logits, end_logits), positions.unbind(1), strict=True)
    )
    return (start_loss + end_loss) / 2
