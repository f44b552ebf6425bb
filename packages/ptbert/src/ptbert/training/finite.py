"""Numbers that are not finite: a training stops before they are saved, and says where they began"""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from ptbert.training.counts import number_of
from ptbert.training.output import LOG_NAME

_SHOWN = 5  # places of examples in a message
_ADVICE = "choose a smaller --learning-rate, with --restart"
_AT_ONCE = "no step was done before, so check these examples and the weights of the model"


def not_finite(what: str, names: Sequence[str], done: int) -> ValueError:
    """Return the error about a loss or a gradient.

    Args:
        what: it, and its value.
        names: the places of the step's examples.
        done: how many steps were done before.
    """
    advice = _ADVICE if done else _AT_ONCE
    shown = ", ".join(names[:_SHOWN])
    are = f" begin with {shown} ({LOG_NAME} has all)" if len(names) > _SHOWN else f": {shown}"
    return ValueError(f"the {what}; its {number_of(len(names), 'example')}{are}; {advice}")


def refuse_weights(model: nn.Module, step: int) -> None:
    """Raise if a weight is not finite, because the step before was far too large.

    Args:
        model: the model.
        step: the number of steps that were done.

    Raises:
        ValueError: with the name of the weight.
    """
    for name, each in model.named_parameters():
        if not bool(each.isfinite().all()):
            raise ValueError(
                f"after step {step} the weights {name} are not finite, so they are not saved; "
                f"{_ADVICE}"
            )
