"""Making the linear layers of a model layers of 8 bits, for inference on CPUs"""

from __future__ import annotations

from typing import ClassVar, Self

import torch
from torch import nn

from ptbert_models.parts.conv1d import Conv1D
from ptbert_models.parts.quantized import QuantizedLinear
from ptbert_models.parts.shipped import is_as_shipped
from ptbert_models.parts.untouched import is_plain


class Quantization(nn.Module):
    """What makes a model one of 8 bits; a part of ``PreTrainedModel``."""

    base_model_prefix: ClassVar[str]
    token_scores: ClassVar[str | None]
    # Names of linear layers of the bare model whose weights are used without calling them.
    unquantized: ClassVar[tuple[str, ...]] = ()

    def quantize(self, kind: str) -> Self:
        """Make linear layers of this model layers of 8 bits, in place: faster inference on CPUs.

        These are the layers of the bare model, and what scores tokens, which has a copy of the
        embeddings from then on. Embeddings, normalization, attention and other heads stay as they
        are, and so do layers that are not as this library made them, or are part of something
        else: with hooks, adapters, masks of pruning, in modules of a program. In Transformer-XL
        only the feed-forward networks and the outputs of attention change.

        The model is in evaluation mode afterwards and its parameters take no gradients. It can be
        copied and pickled. What needs the values of weights must come before: training, pruning,
        other numbers of tokens, ``load_state_dict`` and ``save_pretrained``. Else that is an error.

        Args:
            kind: "int8", which is all there is.

        Returns:
            The model itself.

        Raises:
            RuntimeError: if PyTorch cannot multiply integers of 8 bits on this machine.
            ValueError: if the kind is another one, a layer is not on the CPU, or none can change.

        Example:
            >>> from ptbert_models import BertConfig, BertModel
            >>> config = BertConfig(9, hidden_size=8, num_hidden_layers=1, num_attention_heads=2)
            >>> BertModel(config).quantize("int8").encoder.layer[0].attention.self.query
            QuantizedLinear(in_features=8, out_features=8)
        """
        if kind != "int8":
            raise ValueError(f'kind={kind!r} is no kind of integers; the only one is "int8"')
        places = self._linear_layers()
        if not places and not any(isinstance(each, QuantizedLinear) for each in self.modules()):
            raise ValueError(
                f"no layer of this {type(self).__name__} can be of 8 bits: all were replaced, or "
                "hooks or modes of PyTorch watch their calls; quantize the model before that"
            )
        for place, layer in places.items():
            if layer.weight.device.type != "cpu":
                raise ValueError(
                    f"{place} is on the device {layer.weight.device}, and layers of 8 bits are for "
                    "CPUs; move the model with model.cpu() first"
                )
        made: dict[nn.Module, QuantizedLinear] = {}  # a layer may have several places
        for place, layer in places.items():
            made[layer] = made.get(layer) or QuantizedLinear.of(layer)
            owner, _, name = place.rpartition(".")
            setattr(self.get_submodule(owner), name, made[layer])
        return self.requires_grad_(False).eval()

    def _linear_layers(self) -> dict[str, nn.Linear | Conv1D]:
        """Return the layers that can change, by their names."""
        bare = getattr(self, self.base_model_prefix, self)
        inside = set(bare.modules())
        return {
            place: module
            for place, module in self.named_modules(remove_duplicate=False)
            if (module in inside or place == self.token_scores)
            and isinstance(module, nn.Linear | Conv1D)
            and place.rpartition(".")[2] not in self.unquantized
            and is_plain(module, type(module))
            and _has_ordinary_weight(module)
            and _only_calls(self.get_submodule(place.rpartition(".")[0]))
        }


def _has_ordinary_weight(layer: nn.Linear | Conv1D) -> bool:
    weight = layer.weight
    return (
        type(weight) is nn.Parameter
        and weight.layout is torch.strided
        and weight.is_floating_point()
        and weight.numel() > 0
    )


def _only_calls(owner: nn.Module) -> bool:
    """Whether what has a layer is known to call it, and does not read its weights."""
    kind = type(owner)
    ours = kind.__module__.startswith(f"{__package__}.") or kind is nn.Sequential
    return ours and is_as_shipped(kind)
