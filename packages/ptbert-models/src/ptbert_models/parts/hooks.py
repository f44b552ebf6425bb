"""Whether a program has hooks on a module."""

from torch import nn

# PyTorch has no public way to ask.
_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def has_hooks(module: nn.Module) -> bool:
    """Whether a call of the module, or its gradients, would run hooks of its own.

    Example:
        >>> module = nn.Dropout(0.1)
        >>> has_hooks(module)
        False
        >>> handle = module.register_forward_hook(lambda module, inputs, output: None)
        >>> has_hooks(module)
        True
    """
    for name in _HOOKS:  # noqa: SIM110  # a generator takes twice the time, in every layer
        if getattr(module, name):
            return True
    return False
