"""The activation functions that configurations name."""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F

from ptbert_hub.messages import shown

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


def activation(
    name_or_function: str | Activation,
    table: Mapping[str, Activation],
    *,
    key: str = "activation",
) -> Activation:
    """Look up an activation by the name that a configuration gives; functions pass through.

    Args:
        name_or_function: a key of ``table`` or of ``LATER_ACTIVATIONS``, or the function itself.
        table: the names that the family knows, which come first.
        key: where the configuration gives it, for messages.

    Raises:
        ValueError: if no activation has that name.

    Example:
        >>> activation("relu", BERT_ACTIVATIONS)(torch.tensor([-1.0, 1.0]))
        tensor([0., 1.])
        >>> activation("relu2", BERT_ACTIVATIONS)(torch.tensor([-1.0, 3.0]))
        tensor([0., 9.])
    """
    if callable(name_or_function):
        return name_or_function
    known = {**LATER_ACTIVATIONS, **table}
    if not isinstance(name_or_function, str) or name_or_function not in known:
        later = sorted(known.keys() - table.keys())
        raise ValueError(
            f"{key}: unknown activation {shown(name_or_function)}; choose one of "
            f"{', '.join(sorted(table))}, or of the names of later libraries ({', '.join(later)}), "
            "or give a function"
        )
    return known[name_or_function]


def _limited_gelu(x: torch.Tensor) -> torch.Tensor:
    return F.gelu(x).clamp(-10, 10)


def _quick_gelu(x: torch.Tensor) -> torch.Tensor:
    return x * torch.sigmoid(1.702 * x)


def _laplace(x: torch.Tensor) -> torch.Tensor:
    """Cumulative distribution of a normal variable, as Ma et al. 2022, arXiv:2209.10655, use it."""
    return 0.5 * (1 + torch.erf((x - 0.707107) / (0.282095 * 2**0.5)))


def _squared_relu(x: torch.Tensor) -> torch.Tensor:
    return F.relu(x) ** 2


def _root_of_softplus(x: torch.Tensor) -> torch.Tensor:
    return F.softplus(x).sqrt()


def _identity(x: torch.Tensor) -> torch.Tensor:
    return x


# Ordinary dictionaries, because programs add activations of their own.
BERT_ACTIVATIONS: dict[str, Activation] = {
    "gelu": gelu,
    "gelu_tanh": gelu_tanh,
    "relu": F.relu,
    "swish": swish,
}
# What OpenAI GPT calls "gelu" is the approximate form.
GPT_ACTIVATIONS: dict[str, Activation] = {"gelu": gelu_tanh, "relu": F.relu, "swish": swish}
# OpenAI's GPT-2 is the first in later libraries.
GPT2_ACTIVATIONS: dict[str, Activation] = {
    "gelu_new": gelu_tanh,
    "gelu_pytorch_tanh": gelu_tanh,
    "gelu": gelu,
    "relu": F.relu,
    "swish": swish,
    "silu": swish,
}
# Names that later libraries write into files of all families. Those with weights of their own are
# left out.
LATER_ACTIVATIONS: dict[str, Activation] = {
    "gelu": gelu,
    "gelu_10": _limited_gelu,
    "gelu_accurate": gelu_tanh,
    "gelu_fast": gelu_tanh,
    "gelu_new": gelu_tanh,
    "gelu_python": gelu,
    "gelu_python_tanh": gelu_tanh,
    "gelu_pytorch_tanh": gelu_tanh,
    "gelu_tanh": gelu_tanh,
    "hardswish": F.hardswish,
    "laplace": _laplace,
    "leaky_relu": F.leaky_relu,
    "linear": _identity,
    "mish": F.mish,
    "quick_gelu": _quick_gelu,
    "relu": F.relu,
    "relu2": _squared_relu,
    "relu6": F.relu6,
    "sigmoid": torch.sigmoid,
    "silu": swish,
    "sqrtsoftplus": _root_of_softplus,
    "swish": swish,
    "tanh": torch.tanh,
}
# Functions whose names mean the same in every family, and in later libraries.
_NAMES: dict[Activation, str] = {
    gelu: "gelu_python",
    F.gelu: "gelu_python",
    gelu_tanh: "gelu_new",
    swish: "silu",
    F.silu: "silu",
    F.relu: "relu",
    torch.relu: "relu",
    torch.tanh: "tanh",
    torch.sigmoid: "sigmoid",
    **{LATER_ACTIVATIONS[name]: name for name in ("hardswish", "leaky_relu", "mish", "relu6")},
}


def activation_name(function: Activation) -> str | None:
    """Return a name by which configurations of all families know a function, or None.

    Example:
        >>> activation_name(F.silu), activation_name(torch.sin)
        ('silu', None)
    """
    try:
        return _NAMES.get(function)
    except TypeError:  # an object that cannot be a key
        return None


# What this library applies to each number by itself. Programs may put others into the tables above.
POINTWISE: frozenset[Activation] = frozenset(
    (
        *BERT_ACTIVATIONS.values(),
        *GPT_ACTIVATIONS.values(),
        *GPT2_ACTIVATIONS.values(),
        *LATER_ACTIVATIONS.values(),
    )
)
