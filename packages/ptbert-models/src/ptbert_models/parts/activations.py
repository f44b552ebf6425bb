"""The activation functions that configurations name."""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F

Activation = Callable[[torch.Tensor], torch.Tensor]


def gelu(x: torch.Tensor) -> torch.Tensor:
    """Gaussian error linear unit, exact form with the error function.

    Source:
        Hendrycks and Gimpel 2016, arXiv:1606.08415, section 2; BERT as released uses this form.

    Example:
        >>> gelu(torch.tensor([-1.0, 0.0, 1.0]))
        tensor([-0.1587,  0.0000,  0.8413])
    """
    return F.gelu(x)


def gelu_tanh(x: torch.Tensor) -> torch.Tensor:
    """Gaussian error linear unit, approximated with a hyperbolic tangent.

    Source:
        Hendrycks and Gimpel 2016, arXiv:1606.08415, section 2; OpenAI GPT and GPT-2 use this form.

    Example:
        >>> gelu_tanh(torch.tensor([-1.0, 0.0, 1.0]))
        tensor([-0.1588,  0.0000,  0.8412])
    """
    return F.gelu(x, approximate="tanh")


def swish(x: torch.Tensor) -> torch.Tensor:
    """Sigmoid-weighted linear unit, ``x * sigmoid(x)``.

    Source:
        Ramachandran et al. 2017, arXiv:1710.05941.

    Example:
        >>> swish(torch.tensor([-1.0, 0.0, 1.0]))
        tensor([-0.2689,  0.0000,  0.7311])
    """
    return F.silu(x)


def activation(name_or_function: str | Activation, table: Mapping[str, Activation]) -> Activation:
    """Look up an activation by the name that a configuration gives; functions pass through.

    Args:
        name_or_function: a key of ``table``, or the function itself.
        table: the names that the family knows.

    Raises:
        ValueError: if the name is not in the table.

    Example:
        >>> activation("relu", BERT_ACTIVATIONS)(torch.tensor([-1.0, 1.0]))
        tensor([0., 1.])
    """
    if callable(name_or_function):
        return name_or_function
    if name_or_function not in table:
        raise ValueError(
            f"unknown activation {name_or_function!r}; choose one of {', '.join(sorted(table))}, "
            "or give a function"
        )
    return table[name_or_function]


# Ordinary dictionaries, because programs add activations of their own.
BERT_ACTIVATIONS: dict[str, Activation] = {
    "gelu": gelu,
    "gelu_tanh": gelu_tanh,
    "relu": F.relu,
    "swish": swish,
}
# What OpenAI GPT calls "gelu" is the approximate form.
GPT_ACTIVATIONS: dict[str, Activation] = {"gelu": gelu_tanh, "relu": F.relu, "swish": swish}
# Names that later libraries write into GPT-2 files; all of OpenAI's use the first.
GPT2_ACTIVATIONS: dict[str, Activation] = {
    "gelu_new": gelu_tanh,
    "gelu_pytorch_tanh": gelu_tanh,
    "gelu": gelu,
    "relu": F.relu,
    "swish": swish,
    "silu": swish,
}
# What this library applies to each number by itself. Programs may put others into the tables above.
POINTWISE = frozenset(
    (*BERT_ACTIVATIONS.values(), *GPT_ACTIVATIONS.values(), *GPT2_ACTIVATIONS.values())
)
