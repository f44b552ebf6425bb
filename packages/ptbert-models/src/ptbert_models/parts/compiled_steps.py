"""Compiled steps of a model that writes tokens, and memory for them that never moves."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any, NamedTuple, cast
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from ptbert_models.parts.untouched import is_watched


class Kind(NamedTuple):
    """Shape, type and device of a tensor."""

    shape: torch.Size
    dtype: torch.dtype
    device: torch.device

    @classmethod
    def of(cls, tensor: Tensor) -> Kind:
        """The kind of a tensor."""
        return cls(tensor.shape, tensor.dtype, tensor.device)

    def zeros(self) -> Tensor:
        """A new tensor of this kind."""
        return torch.zeros(self.shape, dtype=self.dtype, device=self.device)


class CompiledSteps:
    """A function that is compiled once for a model, and the memory of a run that is over.

    What a step keeps for the next one must lie where it lay before: a CUDA graph has the addresses
    in it, and is recorded again if they change. So memory that a run gives back is used again.

    Args:
        step: a function of the next tokens (B, 1) and others; it changes its memory in place.
        options: keyword arguments of ``torch.compile``.
    """

    def __init__(self, step: Callable[..., Tensor], options: Mapping[str, Any]) -> None:
        self.step, self.options = step, dict(options)
        self._compiled = torch.compile(_copy_of(cast("FunctionType", step)), **self.options)
        self._free: list[tuple[Tensor, ...]] = []  # at most one; a list, so that taking is atomic

    def __call__(self, ids: Tensor, *others: Any) -> Tensor:
        """Feed the next tokens (B, L) one by one, and return what the step returns for the last.

        With CUDA graphs the result holds until the next call.
        """
        for tokens in ids[..., None].unbind(1):
            if tokens.is_cuda:
                torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
            # A part of a long text has other strides than one of a short text: another graph.
            alone = tokens.clone(memory_format=torch.contiguous_format)
            scores = self._compiled(alone, *others)
        return scores

    def memory(self, owner: object, *kinds: Kind) -> tuple[Tensor, ...]:
        """Lend tensors of these kinds, filled with 0, for as long as the owner lives."""
        try:
            memory = self._free.pop()
        except IndexError:
            memory = ()
        if [Kind.of(each) for each in memory] == list(kinds):
            for each in memory:
                each.zero_()
        else:
            with torch.inference_mode(False):  # the next run may be outside of it
                memory = tuple(kind.zeros() for kind in kinds)
            for each in memory:
                torch._dynamo.mark_static_address(each, guard=False)  # noqa: SLF001  # no public name
        weakref.finalize(owner, self._take_back, memory).atexit = False
        return memory

    def _take_back(self, memory: tuple[Tensor, ...]) -> None:
        self._free[:] = [memory]


def _copy_of(function: FunctionType) -> FunctionType:
    """A function with code of its own: PyTorch counts how often it compiles one, and then stops."""
    return FunctionType(
        function.__code__.replace(),
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )


_steps: WeakKeyDictionary[nn.Module, list[CompiledSteps]] = WeakKeyDictionary()


def compiled_steps(
    model: nn.Module, step: Callable[..., Tensor], options: Mapping[str, Any]
) -> CompiledSteps:
    """Return what compiles a step of a model; the same one each time.

    Args:
        model: whose step it is; a copy of a model has steps of its own.
        step: as in ``CompiledSteps``; it gets the model as an argument, and keeps it nowhere.
        options: keyword arguments of ``torch.compile``.

    Example:
        >>> model = nn.Linear(1, 1)
        >>> how = {"backend": "eager"}
        >>> one, two = (compiled_steps(model, nn.Module.__call__, how) for _ in range(2))
        >>> one is two
        True
    """
    known = _steps.setdefault(model, [])
    for each in known:
        if each.step is step and each.options == options:
            return each
    known.append(CompiledSteps(step, options))
    return known[-1]


def check_compilable(*modules: nn.Module, is_known: bool = True) -> None:
    """Check that compiled steps compute what the modules do: hooks that come later they ignore.

    Args:
        *modules: all that a step calls, with their parts.
        is_known: whether they are of this library, as far as that matters.

    Raises:
        ValueError: if not.
    """
    if is_known and not any(map(is_watched, modules)):
        return
    raise ValueError(
        f"compile is given, and the steps of this {type(modules[0]).__name__} cannot be compiled, "
        "because it has hooks, adapters or parts that are not those of this library, or returns or "
        "keeps what its heads compute; take them away (adapters: merge them into the weights), "
        "make the model without output_attentions and keep_multihead_output, or leave out compile"
    )
