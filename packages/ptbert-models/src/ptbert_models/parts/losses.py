"""The losses of the heads: mean cross entropies over labelled positions."""

import torch.nn.functional as F
from torch import Tensor

from ptbert_models.parts.inputs import values_are_known

UNLABELLED = -1  # the label that losses of language models ignored in 2019
UNCLASSIFIED = -100  # the label that losses of classifiers ignore, PyTorch's default


def is_labelled(labels: Tensor) -> Tensor:
    """True where a label counts: every loss here leaves out both -1 and -100.

    Example:
        >>> import torch
        >>> is_labelled(torch.tensor([0, -1, -100, 7]))
        tensor([ True, False, False,  True])
    """
    return (labels != UNLABELLED) & (labels != UNCLASSIFIED)


def label_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross entropy over the labelled positions.

    Args:
        logits: (..., number of tokens or classes).
        labels: (...), integers below that number; -1 or -100 leaves a position out.

    Returns:
        A scalar; not a number if nothing is labelled.

    Example:
        >>> import torch
        >>> logits = torch.tensor([[0.0, 0.0], [5.0, -5.0], [5.0, -5.0]])
        >>> label_loss(logits, torch.tensor([1, -1, -100]))
        tensor(0.6931)
    """
    labels = labels.masked_fill(labels == UNLABELLED, UNCLASSIFIED)
    return F.cross_entropy(
        logits.reshape(-1, logits.size(-1)), labels.reshape(-1), ignore_index=UNCLASSIFIED
    )


def labelled_only(hidden_states: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Leave out the positions without a label, so that no scores are computed for them.

    Everything stays where values are not known, because there shapes may not depend on values.

    Args:
        hidden_states: (B, L, E).
        labels: (B, L), -1 or -100 where there is none.

    Returns:
        Hidden states (number of labels, E) and the labels.
    """
    if not values_are_known(labels):
        return hidden_states, labels
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
    length = start_logits.size(1)  # also the label that is left out
    start_loss, end_loss = (
        F.cross_entropy(logits, positions.reshape(-1).clamp(0, length), ignore_index=length)
        for logits, positions in ((start_logits, starts), (end_logits, ends))
    )
    return (start_loss + end_loss) / 2
