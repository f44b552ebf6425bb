"""The order of outputs in 2019: attention weights come first if they were asked for."""

from typing import Any


def with_attentions(weights: Any, *outputs: Any) -> Any:
    """Put attention weights in front of the other outputs; leave them out when None.

    Example:
        >>> with_attentions(None, "hidden")
        'hidden'
        >>> with_attentions("weights", "hidden", "pooled")
        ('weights', 'hidden', 'pooled')
    """
    if weights is not None:
        return weights, *outputs
    return outputs if len(outputs) > 1 else outputs[0]


def split_attentions(output: Any) -> tuple[Any, Any]:
    """Take apart what ``with_attentions`` made of the weights and one other output.

    Example:
        >>> split_attentions("hidden")
        (None, 'hidden')
        >>> split_attentions(("weights", "hidden"))
        ('weights', 'hidden')
    """
    return output if isinstance(output, tuple) else (None, output)
