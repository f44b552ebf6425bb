"""Caches of keys and values, with memory reserved for the tokens to come.

Letters: B batch, H heads, T tokens so far, D features per head, C tokens that fit in.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

_PRESENTS = "give the presents that this model returned, a tensor for each layer"


class LayerCache:
    """Keys and values of one layer, filled in place as a text grows.

    It can replace a layer's tensor in ``past``. Appending copies only the new tokens, while
    a tensor would be copied completely. Use it only without gradients.

    Args:
        capacity: number of tokens that fit in.

    Example:
        >>> cache = LayerCache(capacity=8)
        >>> cache.append(torch.zeros(2, 1, 4, 5, 16)).shape
        torch.Size([2, 1, 4, 5, 16])
        >>> cache.append(torch.zeros(2, 1, 4, 1, 16)).shape
        torch.Size([2, 1, 4, 6, 16])
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.length = 0
        self._room: Tensor | None = None

    def append(self, key_value: Tensor) -> Tensor:
        """Add tokens (2, B, H, L, D) and return a view of all so far, (2, B, H, T, D)."""
        end = self.length + key_value.size(-2)
        if end > self.capacity:
            raise ValueError(
                f"a cache for {self.capacity} tokens cannot take token {end}; "
                "make it with a larger capacity"
            )
        if self._room is None:
            self._room = key_value.new_empty(
                *key_value.shape[:-2], self.capacity, key_value.size(-1)
            )
        self._room[..., self.length : end, :] = key_value
        self.length = end
        return self._room[..., :end, :]

    def filled(self) -> Tensor:
        """Return a view of all tokens so far, (2, B, H, T, D)."""
        if self._room is None:
            raise ValueError("a cache without tokens has no keys and values; append some first")
        return self._room[..., : self.length, :]

    def select(self, rows: Tensor) -> None:
        """Keep, repeat or reorder texts: row i becomes what row ``rows[i]`` was."""
        if self._room is None:
            return
        if 2 * self.length >= self.capacity:  # copying all once costs less than the tokens twice
            self._room = self._room.index_select(1, rows)
            return
        room = self._room.new_empty(2, rows.numel(), *self._room.shape[2:])
        room[..., : self.length, :] = self._room[..., : self.length, :].index_select(1, rows)
        self._room = room


class StaticCache:
    """Keys and values of one layer whose shape is the same for every token.

    It takes one token at a time, and gives all places that there are; ``hidden`` hides those that
    have no token yet. No number of tokens is known to the program, so a compiled step fits all.

    Args:
        room: (2, B, H, C, D), finite numbers also where no token is.
        place: (1,), where the next token goes.

    Example:
        >>> cache = StaticCache(torch.zeros(2, 1, 4, 8, 16), torch.tensor([5]))
        >>> cache.append(torch.ones(2, 1, 4, 1, 16))[0, 0, 0, :, 0]
        tensor([0., 0., 0., 0., 0., 1., 0., 0.])
        >>> cache.hidden(torch.float32)
        tensor([0., 0., 0., 0., 0., 0., -inf, -inf])
    """

    def __init__(self, room: Tensor, place: Tensor) -> None:
        self._room, self._place = room, place

    @property
    def length(self) -> int:
        """All places but that of the next token: as if every place had one."""
        return self._room.size(-2) - 1

    def append(self, key_value: Tensor) -> Tensor:
        """Add a token (2, B, H, 1, D) and return the room, (2, B, H, C, D)."""
        return self._room.index_copy_(-2, self._place, key_value.to(self._room.dtype))

    def hidden(self, dtype: torch.dtype) -> Tensor:
        """Return a bias (C,) of attention: 0 up to the next token, minus infinity after it."""
        places = torch.arange(self._room.size(-2), device=self._room.device)
        bias = torch.zeros(places.shape, dtype=dtype, device=places.device)
        return bias.masked_fill(places > self._place, -math.inf)


# The past of a layer: a tensor (2, B, H, T, D), a pair of keys and values, or a cache.
LayerPast = Tensor | tuple[Tensor, Tensor] | LayerCache | StaticCache


def checked_past(past: Any, layers: int) -> list[LayerPast | None]:
    """Return the past of each layer; None for each where there is none.

    Args:
        past: what a model was given.
        layers: number of layers.

    Raises:
        TypeError: if the past of a layer holds no tensors.
        ValueError: if there is another number of layers.

    Example:
        >>> checked_past(None, layers=2)
        [None, None]
    """
    if past is None:
        return [None] * layers
    if not isinstance(past, (list, tuple, Tensor)):
        raise TypeError(f"past is of type {type(past).__name__}; {_PRESENTS}")
    if len(past) != layers:
        raise ValueError(f"past has {len(past)} layers and this model has {layers}; {_PRESENTS}")
    for layer_past in past:
        if layer_past is None or isinstance(layer_past, (Tensor, LayerCache, StaticCache)):
            continue
        keys = layer_past[0] if hasattr(layer_past, "__getitem__") and layer_past else layer_past
        if not isinstance(keys, Tensor):  # of a pair, or of a program's own
            kind = type(keys).__name__
            raise TypeError(f"past holds an object of type {kind} for a layer; {_PRESENTS}")
    return list(past)


def past_length(layer_past: LayerPast | None) -> int:
    """Return the number of tokens T that a layer has seen."""
    if layer_past is None:
        return 0
    if isinstance(layer_past, (LayerCache, StaticCache)):
        return layer_past.length
    return layer_past[0].size(-2)


def extend_past(layer_past: LayerPast | None, key_value: Tensor) -> Tensor:
    """Add keys and values to the past, and return all as one tensor (2, B, H, T, D)."""
    if layer_past is None:
        return key_value
    if isinstance(layer_past, (LayerCache, StaticCache)):
        return layer_past.append(key_value)
    past = layer_past if isinstance(layer_past, Tensor) else torch.stack(tuple(layer_past))
    return torch.cat((past.to(key_value.dtype), key_value), dim=-2)
