"""Methods of torch's optimizers without loading the compiler, where nothing else has."""

import inspect
import sys
from collections.abc import Callable
from functools import partial
from types import MethodType
from typing import Any

from torch import _compile as torch_compile
from torch.optim import Optimizer

__all__ = ["without_compiler"]


def without_compiler(method: Any) -> Callable[..., Any]:
    """Return a bound method, but not by the way that loads torch's compiler.

    torch keeps its compiler away from some methods of its optimizers, and to do so loads it when
    one of them is called for the first time. That takes seconds and 100 MiB. Where the
    compiler is not loaded nothing is being compiled, so there is nothing to keep it away from.

    Args:
        method: of an optimizer. One that is not torch's own is returned as it is.

    Example:
        >>> import torch
        >>> optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))])
        >>> without_compiler(optimizer.zero_grad)()
    """
    if "torch._dynamo" in sys.modules or not isinstance(method, MethodType):
        return method
    function = method.__func__
    if function is not vars(Optimizer).get(method.__name__) or not _is_of_torch(function):
        return method
    return partial(inspect.unwrap(function), method.__self__)


def _is_of_torch(function: Any) -> bool:
    """Whether torch wrapped it, and not a program that watches or changes all optimizers."""
    code = getattr(function, "__code__", None)
    return code is not None and code.co_filename == torch_compile.__file__
