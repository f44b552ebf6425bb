"""Removing attention heads from the weights of a layer.

Source:
    Michel et al. 2019, arXiv:1905.10650.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor, nn

from ptbert_models.parts.conv1d import Conv1D


def head_numbers(heads: Any) -> set[int]:
    """Return the numbers of heads in lists or tensors, nested or not.

    Example:
        >>> head_numbers([[0], torch.tensor([2, 3])])
        {0, 2, 3}
    """
    if isinstance(heads, Tensor):
        heads = heads.tolist()
    if isinstance(heads, Iterable) and not isinstance(heads, (str, bytes)):
        return set().union(*map(head_numbers, heads))
    return {_number(heads, "head", "{0: [1, 2]} for the heads 1 and 2 of the first layer")}


def _number(value: Any, what: str, example: str) -> int:
    with suppress(TypeError):
        return operator.index(int(value) if isinstance(value, float) and value % 1 == 0 else value)
    raise TypeError(f"{value!r} is no number of a {what}; give numbers such as {example}")


def heads_by_layer(given: Any, counts: Sequence[int | None]) -> dict[int, set[int]]:
    """Check which heads are to be pruned, before anything is changed.

    Args:
        given: numbers of heads by the number of the layer; negative ones count from the last.
        counts: how many heads each layer has; None if that is not known.

    Raises:
        TypeError: if that is no dictionary of numbers.
        ValueError: if there is no such layer or head, or none would remain.

    Example:
        >>> heads_by_layer({0: [1], -1: torch.tensor([0, 2])}, [4, 4])
        {0: {1}, -1: {0, 2}}
    """
    if not isinstance(given, Mapping):
        raise TypeError(
            f"heads to prune are a {type(given).__name__}; give a dictionary from layers to heads, "
            "such as {0: [1, 2]}"
        )
    found: dict[int, set[int]] = {}
    for key, heads in given.items():
        layer = _number(key, "layer", "{0: [1, 2]} for the first one")
        if not -len(counts) <= layer < len(counts):
            raise ValueError(
                f"cannot prune heads of layer {layer}: this model has layers 0 to {len(counts) - 1}"
            )
        found[layer] = head_numbers(heads)
        if (count := counts[layer]) is not None:
            remaining_features(found[layer], count, 1)
    return found


def remaining_features(heads: Iterable[int], total: int, head_size: int) -> Tensor:
    """Return the features that remain when heads are removed.

    Args:
        heads: indices of the heads to remove.
        total: number of heads.
        head_size: features per head.

    Returns:
        Indices of the remaining features, ascending.

    Raises:
        ValueError: if a head does not exist, or none would remain.

    Example:
        >>> remaining_features([1], total=3, head_size=2)
        tensor([0, 1, 4, 5])
    """
    heads = set(heads)
    unknown = heads - set(range(total))
    if unknown:
        raise ValueError(
            f"cannot prune heads {sorted(unknown)}: this layer has heads 0 to {total - 1}"
        )
    if len(heads) == total:
        raise ValueError(f"cannot prune all {total} heads of a layer; leave at least one")
    # On the CPU also where models are built without memory: how many stay must be known.
    stay = torch.tensor([head not in heads for head in range(total)], device="cpu")
    return stay.repeat_interleave(head_size).nonzero().flatten()


def original_numbers(heads: Iterable[int], pruned: Iterable[int]) -> frozenset[int]:
    """Return all heads that a layer has lost, by the numbers that they had at first.

    Args:
        heads: those that are pruned now, by their numbers among the heads that were left.
        pruned: those that were pruned before, by their first numbers.

    Example:
        >>> sorted(original_numbers([0, 1], pruned=[1]))
        [0, 1, 2]
    """
    gone = sorted(pruned)
    for head in sorted(heads):
        number = head
        for each in sorted(pruned):
            number += each <= number
        gone.append(number)
    return frozenset(gone)


def heads_to_prune(saved: Any, layers: int, heads: int) -> dict[int, set[int]]:
    """Read which heads a configuration says are pruned.

    Args:
        saved: lists of heads by layer, whose numbers are texts in JSON; or None.
        layers: number of layers.
        heads: number of heads of a layer before.

    Raises:
        ValueError: if there is no such layer or head, or none would remain.

    Example:
        >>> heads_to_prune({"1": [0, 2], "0": []}, layers=2, heads=4)
        {1: {0, 2}}
    """
    by_layer = {int(layer): set(each) for layer, each in (saved or {}).items() if each}
    for layer, each in by_layer.items():
        if layer >= layers or not each < set(range(heads)):
            raise ValueError(
                f"pruned_heads={saved!r} is impossible: there are {layers} layers of {heads} "
                "heads, and one head must stay in each"
            )
    return by_layer


def prune_linear_layer(layer: nn.Linear, index: Tensor, dim: int = 0) -> nn.Linear:
    """Keep only some rows or columns of a linear layer.

    Args:
        layer: weights (out, in).
        index: which features to keep, integers.
        dim: 0 to choose outputs, 1 to choose inputs.

    Returns:
        A new layer on the same device, of the same type.

    Example:
        >>> prune_linear_layer(nn.Linear(4, 3), torch.tensor([0, 2]), dim=1)
        Linear(in_features=2, out_features=3, bias=True)
    """
    index = index.to(layer.weight.device)
    weight = layer.weight.detach().index_select(dim, index)
    bias: Tensor | None = layer.bias
    if bias is not None and dim == 0:
        bias = bias.detach()[index]
    pruned = nn.Linear(
        weight.size(1), weight.size(0), bias=bias is not None, device="meta", dtype=weight.dtype
    )
    pruned.weight = nn.Parameter(weight.clone(), requires_grad=layer.weight.requires_grad)
    if bias is not None:
        pruned.bias = nn.Parameter(bias.detach().clone(), requires_grad=layer.bias.requires_grad)
    return pruned


def prune_conv1d_layer(layer: Conv1D, index: Tensor, dim: int = 1) -> Conv1D:
    """Keep only some rows or columns of a GPT layer, whose weights are (in, out).

    Args:
        layer: weights (in, out).
        index: which features to keep, integers.
        dim: 1 to choose outputs, 0 to choose inputs.

    Returns:
        A new layer on the same device, of the same type.

    Example:
        >>> prune_conv1d_layer(Conv1D(4, 3), torch.tensor([0, 2]))
        Conv1D(nf=2, nx=3)
    """
    index = index.to(layer.weight.device)
    weight = layer.weight.detach().index_select(dim, index)
    bias = layer.bias.detach()
    bias = bias[index] if dim == 1 else bias.clone()
    with torch.device("meta"):
        pruned = Conv1D(weight.size(1), weight.size(0))
    pruned.weight = nn.Parameter(weight, requires_grad=layer.weight.requires_grad)
    pruned.bias = nn.Parameter(bias, requires_grad=layer.bias.requires_grad)
    return pruned
