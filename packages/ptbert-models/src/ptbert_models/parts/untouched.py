"""Whether modules are as shipped and unobserved, so that a short cut past them cannot be noticed.

A short cut calls other modules than the plain computation does, or gives them other shapes. Nobody
notices that if every module on the way is as this library and PyTorch ship it, and if nothing
watches the calls. No other module decides this. What is not known here counts as a change.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from functools import cache
from operator import is_
from typing import Any, NamedTuple, cast
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch._C import _len_torch_function_stack
from torch.nn.modules import module as torch_module
from torch.overrides import _get_current_function_mode_stack
from torch.utils._device import DeviceContext

from ptbert_models.parts.activations import POINTWISE
from ptbert_models.parts.initialization import NoInitialization
from ptbert_models.parts.inputs import is_recorded, is_transformed
from ptbert_models.parts.quantized import smallest_quantized, stands_for
from ptbert_models.parts.shipped import is_as_shipped, is_known, is_original

_BLANK = vars(nn.Module())
_HOOKS = [name for name in _BLANK if "hook" in name and "state_dict" not in name]
# The dictionaries of all hooks that run when a module is called or its gradients are computed.
# Those whose name begins with the name of another say more about the same hooks.
HOOKS = tuple(
    name
    for name in _HOOKS
    if isinstance(_BLANK[name], dict)
    and not any(name != other and name.startswith(other) for other in _HOOKS)
)
_globals = vars(torch_module)
_GLOBAL_HOOKS = tuple(
    name
    for name, value in _globals.items()
    if name.startswith("_global_") and isinstance(value, dict)
)
_IN_CALLS = ("forward", "_call_impl", "_compiled_call_impl")  # see nn.Module.__call__
_MISSING = object()

_PARAMETERS = frozenset((nn.Parameter, Tensor, type(None)))


def calls_are_unobserved() -> bool:
    """Whether nothing outside of a model sees or changes its calls.

    False with global hooks of modules, in function and dispatch modes, and in the transforms of
    ``torch.func``.

    Example:
        >>> from torch.utils.flop_counter import FlopCounterMode
        >>> with FlopCounterMode(display=False):
        ...     inside = calls_are_unobserved()
        >>> inside, calls_are_unobserved()
        (False, True)
    """
    if any(map(_globals.__getitem__, _GLOBAL_HOOKS)) or is_transformed():
        return False
    # A default device is a mode too. It matters only where no device is named.
    return not _len_torch_function_stack() or all(
        type(mode) is DeviceContext
        for mode in _get_current_function_mode_stack()  # type: ignore[no-untyped-call]
    )


def is_watched(module: nn.Module) -> bool:
    """Whether a module, a part of it, or all modules have hooks, or something sees all calls.

    So is a class of this library or PyTorch that a program changed.

    Example:
        >>> model = nn.Sequential(nn.Linear(1, 1))
        >>> is_watched(model)
        False
        >>> _ = model[0].register_forward_hook(print)
        >>> is_watched(model)
        True
    """
    parts = _all_parts(module)
    if not calls_are_unobserved() or any(vars(part)[name] for part in parts for name in HOOKS):
        return True
    return any(is_known(kind) and not is_as_shipped(kind) for kind in set(map(type, parts)))


def is_plain(module: nn.Module, kind: type[nn.Module]) -> bool:
    """Whether one module is as shipped and its calls are unobserved; its parts are not looked at.

    While a model is compiled or traced, neither are its class and what watches all calls.

    Args:
        module: the module.
        kind: the class that it must have.

    Example:
        >>> is_plain(nn.Dropout(0.1), nn.Dropout), is_plain(nn.Identity(), nn.Dropout)
        (True, False)
    """
    if type(module) is not kind:
        return False
    for name in HOOKS:  # a generator takes twice the time, in every layer
        if getattr(module, name):
            return False
    for name in _IN_CALLS:
        if name in module.__dict__:  # not vars(): PyTorch 2.6 does not compile that
            return False
    return is_recorded() or (is_as_shipped(kind) and calls_are_unobserved())


def has_usual_weight(module: Any) -> bool:
    """Whether a linear layer may be replaced by a product with its weight.

    Not if it is another module than usual, if something sees its calls, or if its weight is no
    ordinary parameter: adapters, pruning and quantization do all of this.

    Example:
        >>> has_usual_weight(nn.Linear(2, 2)), has_usual_weight(nn.Bilinear(2, 2, 2))
        (True, False)
    """
    return is_plain(module, nn.Linear) and type(module.weight) is nn.Parameter


def is_untouched(
    module: nn.Module, make_reference: Callable[..., nn.Module], *arguments: Any
) -> bool:
    """Whether a module and all its parts are as shipped, and their calls unobserved.

    The module is compared with one that was made for this purpose: its class, the attributes of
    the class and of the object, its hooks, its parts and their order, the types of its parameters.
    Sizes, rates and modes of training may differ, and so may attributes that nothing here reads.

    Comparing takes long, so what was compared is kept, and the next call only checks that all these
    objects still refer to the very same objects. ``benchmarks/untouched.py`` measures both.

    Args:
        module: the module.
        make_reference: makes a module of the same kind, with at least one layer.
        *arguments: what ``make_reference`` is called with.

    Returns:
        False also while a model is compiled or traced.

    Example:
        >>> linear = nn.Linear(2, 2)
        >>> is_untouched(linear, lambda: nn.Linear(1, 1))
        True
        >>> linear.forward = torch.square
        >>> is_untouched(linear, lambda: nn.Linear(1, 1))
        False
    """
    if is_recorded() or not calls_are_unobserved() or not isinstance(module, nn.Module):
        return False
    kept = _seen.get(module, ())
    for seen in kept:
        if seen.still_holds(module):
            if seen is not kept[0]:
                _seen[module] = kept[::-1]
            return True
    _seen.pop(module, None)
    reference = _reference(make_reference, *arguments)
    try:
        seen = _Seen.of(module)
    except (KeyError, TypeError):  # a class hides the attributes of its objects
        return False
    # It must still hold afterwards, because another thread may change parts in between.
    if not _equals(module, reference) or not seen.still_holds(module):
        return False
    # With one more, models that change between training and evaluation are not compared again.
    _seen[module] = seen, *[each for each in kept if each.is_of_the_same(seen)][:1]
    return True


class _Seen(NamedTuple):
    """An untouched module, and everything that it refers to.

    Only what is below the module is kept alive by this, so that the module itself can go.
    """

    objects: tuple[Any, ...]  # the parts, the attributes of all, and their dictionaries of parts
    referents: list[Any]
    own: list[Any]  # what the module itself refers to
    hooks: tuple[Mapping[Any, Any], ...]
    parameter_dicts: tuple[Mapping[str, Any], ...]
    parameters: list[Any]
    kinds: list[type]  # of the parameters
    orders: dict[type, tuple[type, ...]]  # the classes of the parts, with their base classes
    classes: list[Mapping[str, Any]]
    attributes: list[dict[str, Any]]

    @classmethod
    def of(cls, module: nn.Module) -> _Seen:
        parts = _all_parts(module)
        values = [vars(part) for part in parts]
        # A list without layers may get some; other parts without parts call none.
        children = [
            each["_modules"]
            for part, each in zip(parts, values, strict=True)
            if each["_modules"] or isinstance(part, nn.ModuleList)
        ]
        parameter_dicts = tuple(each["_parameters"] for each in values if each["_parameters"])
        orders = {kind: kind.__mro__ for kind in dict.fromkeys(map(type, parts))}
        classes = dict.fromkeys(each for order in orders.values() for each in order)
        parameters = gc.get_referents(*parameter_dicts)
        objects = (*parts[1:], *values, *children)
        return cls(
            objects,
            gc.get_referents(*objects),
            gc.get_referents(module),
            tuple(each[name] for each in values for name in HOOKS),
            parameter_dicts,
            parameters,
            list(map(type, parameters)),
            orders,
            [vars(each) for each in classes if each is not object],
            [dict(vars(each)) for each in classes if each is not object],
        )

    def still_holds(self, module: nn.Module) -> bool:
        """Whether nothing changed: this compares some thousand references, in C."""
        try:
            return (
                gc.get_referents(*self.objects) == self.referents
                and gc.get_referents(module) == self.own
                and not any(self.hooks)
                and all(kind.__mro__ is order for kind, order in self.orders.items())
                and self.classes == self.attributes
                and self._has_parameters()
            )
        except (RuntimeError, TypeError, ValueError):  # two tensors have no single truth value
            return False

    def is_of_the_same(self, other: _Seen) -> bool:
        """Whether it keeps nothing alive that the other does not: parts and parameters."""
        mine, others = [(*each.objects, *each.parameters) for each in (self, other)]
        return len(mine) == len(others) and all(map(is_, mine, others))

    def _has_parameters(self) -> bool:
        """Whether the parameters are the same, and of the same types: both can be exchanged."""
        now = gc.get_referents(*self.parameter_dicts)
        # Usually all are exchanged at once. Then this compares no numbers.
        if now[:1] and now[0] is not self.parameters[0]:
            return False
        return now == self.parameters and list(map(type, now)) == self.kinds


def _all_parts(module: nn.Module) -> list[nn.Module]:
    """Return a module and all below it, each once, and call no method of theirs."""
    found = {id(module): module}
    waiting = [module]
    while waiting:
        for part in vars(waiting.pop())["_modules"].values():
            if isinstance(part, nn.Module) and id(part) not in found:
                found[id(part)] = part
                waiting.append(part)
    return list(found.values())


_seen: WeakKeyDictionary[nn.Module, tuple[_Seen, ...]] = WeakKeyDictionary()


@cache
def _reference(make: Callable[..., nn.Module], *arguments: Any) -> nn.Module:
    with torch.device("meta"), NoInitialization():  # takes no random numbers from the program
        return make(*arguments)


def _equals(module: nn.Module, reference: nn.Module) -> bool:
    """Whether a module behaves like the reference, apart from sizes and rates."""
    kinds: set[type] = set()
    waiting = [(module, reference)]
    while waiting:
        part, usual = waiting.pop()
        kind = type(part)
        if stands_for(part, usual):
            usual = _reference(smallest_quantized)
        if kind is not type(usual):
            return False
        if kind not in kinds:
            if not (is_original(cast("Any", kind)) and is_as_shipped(kind)):
                return False
            kinds.add(kind)
        if not _has_usual_attributes(part, usual):
            return False
        parts, usual_parts = vars(part)["_modules"], vars(usual)["_modules"]
        if kind is nn.ModuleList:  # of any length
            waiting += [(each, usual_parts["0"]) for each in parts.values()]
        elif list(parts) == list(usual_parts):
            waiting += zip(parts.values(), usual_parts.values(), strict=True)
        else:
            return False
    return True


def _has_usual_attributes(module: nn.Module, reference: nn.Module) -> bool:
    have, want = vars(module), vars(reference)
    if not have.keys() >= want.keys():  # whole-model files may lack what the class has
        lacking = want.keys() - have.keys()
        if lacking & _BLANK.keys() or not all(
            _is_usual(getattr(type(reference), name, _MISSING), want[name]) for name in lacking
        ):
            return False
    for name in HOOKS:  # generators would take twice the time here, too
        if have[name]:
            return False
    for name in ("_parameters", "_buffers"):
        tensors, usual = have[name], want[name]
        if (tensors or usual) and not (
            tensors.keys() == usual.keys() and all(map(_is_ordinary, tensors.values()))
        ):
            return False
    free = getattr(type(module), "free_attributes", ())  # the short cut does what they say
    for name, value in have.items():
        if name in _BLANK or (name in free and type(value) is bool):
            continue
        usual = want.get(name, _MISSING)
        if usual is _MISSING:
            usual = getattr(reference, name, _MISSING)
        if not (usual is _MISSING or value is usual or _is_usual(value, usual)):
            return False
    return True


def _is_usual(value: Any, usual: Any) -> bool:
    """Whether an attribute makes a module compute what the reference computes."""
    if isinstance(usual, bool) or usual is None:
        return value is usual
    if callable(usual):
        return any(value is function for function in POINTWISE)
    return isinstance(value, (int, float, type(usual))) and not isinstance(usual, Tensor)


def _is_ordinary(tensor: Any) -> bool:
    return tensor is None or (
        type(tensor) in _PARAMETERS and tensor.layout is torch.strided and not tensor.is_meta
    )
