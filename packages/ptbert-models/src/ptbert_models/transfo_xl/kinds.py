"""The four kinds of attention, and how each gets its positions.

A model makes one object of its kind in every call. The object says what is added to the inputs and
memories of the layers, and what the layers' attention is given.

Letters: B batch, Q new tokens, M positions in the memory, K = M + Q, E model width, H heads, D
features per head, N layers.

Source:
    Dai et al. 2019, arXiv:1901.02860, section 3.3; Shaw et al. 2018, arXiv:1803.02155; Vaswani et
    al. 2017, arXiv:1706.03762, section 3.5; Al-Rfou et al. 2018, arXiv:1808.04444.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ptbert_models.transfo_xl.attention import new_bias
from ptbert_models.transfo_xl.config import AttnType, TransfoXLConfig
from ptbert_models.transfo_xl.layers import (
    AttentionLayer,
    DecoderLayer,
    RelLearnableDecoderLayer,
    RelPartialLearnableDecoderLayer,
)
from ptbert_models.transfo_xl.positions import last_rows


class Kind:
    """What the kinds have in common: nothing is added, and attention is given no positions.

    Args:
        model: a ``TransfoXLModel``, whose parameters are used.
        keys: number of positions K.
        hidden: (Q, B, E), the embedded tokens.
    """

    layer_class: ClassVar[type[AttentionLayer]]
    has_sinusoids: ClassVar[bool] = False  # whether the model has the part ``pos_emb``
    shared: ClassVar[tuple[str, ...]] = ("r_w_bias", "r_r_bias")  # parameters that layers share

    def __init__(self, model: Any, keys: int, hidden: Tensor) -> None:
        self.model = model
        self.keys = keys

    @classmethod
    def new_parameters(cls, config: TransfoXLConfig) -> dict[str, nn.Parameter]:
        """Make the model's own parameters of positions, by name in the order of 2019."""
        names = () if config.untie_r else cls.shared
        return {name: new_bias(config.n_head, config.d_head) for name in names}

    def added_to_input(self, hidden: Tensor) -> Tensor:
        """Add positions to the embedded tokens (Q, B, E)."""
        return hidden

    def added_to_layer(self, index: int, memory: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Add positions to a layer's memory (M, B, E) and input (Q, B, E).

        Memory already contains positions and gets new ones on each call, as in 2019.
        """
        return memory, hidden

    def given_to_layer(self, index: int) -> tuple[Tensor, ...]:
        """Return what a layer's attention is given besides its input."""
        return ()


class DistanceSinusoids(Kind):
    """Attention to sinusoids of distances: Transformer-XL's own kind."""

    layer_class = RelPartialLearnableDecoderLayer
    has_sinusoids = True

    def __init__(self, model: Any, keys: int, hidden: Tensor) -> None:
        super().__init__(model, keys, hidden)
        self.sinusoids = model.drop(_sinusoids(model, keys, hidden))

    def given_to_layer(self, index: int) -> tuple[Tensor, ...]:
        """Return the embedded distances (K, 1, E)."""
        return (self.sinusoids,)


class LearnedDistances(Kind):
    """Attention to learned vectors and biases of distances, for each layer its own."""

    layer_class = RelLearnableDecoderLayer
    shared = ()

    @classmethod
    def new_parameters(cls, config: TransfoXLConfig) -> dict[str, nn.Parameter]:
        """Make the bias of content, and the biases and vectors of distances."""
        layers, heads, longest = config.n_layer, config.n_head, config.longest()
        return {
            "r_w_bias": nn.Parameter(torch.zeros(layers, heads, config.d_head)),
            "r_bias": nn.Parameter(torch.zeros(layers, longest, heads)),
            "r_emb": nn.Parameter(torch.zeros(layers, longest, heads, config.d_head)),
        }

    def given_to_layer(self, index: int) -> tuple[Tensor, ...]:
        """Return the layer's vectors of distances, bias of content and biases of distances."""
        model = self.model
        return model.r_emb[index], model.r_w_bias[index], model.r_bias[index]


class Sinusoids(Kind):
    """Sinusoids of positions, added to the embedded tokens and to the first layer's memory."""

    layer_class = DecoderLayer
    has_sinusoids = True

    def __init__(self, model: Any, keys: int, hidden: Tensor) -> None:
        super().__init__(model, keys, hidden)
        self.sinusoids = _sinusoids(model, keys, hidden)

    def added_to_input(self, hidden: Tensor) -> Tensor:
        """Add the sinusoids of the last positions."""
        return hidden + self.sinusoids[self.keys - hidden.size(0) :]

    def added_to_layer(self, index: int, memory: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Add the sinusoids of the first positions to the first layer's memory."""
        return (memory + self.sinusoids[: memory.size(0)] if index == 0 else memory), hidden


class LearnedPositions(Kind):
    """Learned vectors of positions, added to every layer's memory and input."""

    layer_class = DecoderLayer

    @classmethod
    def new_parameters(cls, config: TransfoXLConfig) -> dict[str, nn.Parameter]:
        """Make the biases that layers share, and the vectors of positions."""
        table = torch.zeros(config.n_layer, config.longest(), config.n_head, config.d_head)
        return {**super().new_parameters(config), "r_emb": nn.Parameter(table)}

    def added_to_layer(self, index: int, memory: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Add the layer's vectors of the K positions."""
        length = memory.size(0)
        learned = last_rows(self.model.r_emb[index], self.keys).flatten(1)[:, None]  # (K, 1, E)
        return memory + learned[:length], hidden + learned[length:]


# Plain numbers: to the compiler of PyTorch 2.6 a member of AttnType is another key than its number.
KINDS: dict[int, type[Kind]] = {
    AttnType.DISTANCE_SINUSOIDS.value: DistanceSinusoids,
    AttnType.LEARNED_DISTANCES.value: LearnedDistances,
    AttnType.SINUSOIDS.value: Sinusoids,
    AttnType.LEARNED_POSITIONS.value: LearnedPositions,
}


def _sinusoids(model: Any, keys: int, hidden: Tensor) -> Tensor:
    """Embed the distances K - 1 to 0, with ``clamp_len`` as the largest: (K, 1, E)."""
    distances = torch.arange(keys - 1, -1, -1, device=hidden.device)
    if model.clamp_len > 0:
        distances = distances.clamp(max=model.clamp_len)
    return model.pos_emb(distances).to(hidden.dtype)
