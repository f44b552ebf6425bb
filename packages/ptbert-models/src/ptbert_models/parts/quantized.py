"""Linear layers with weights of 8 bits, for inference on CPUs

Letters: R rows, I width of the input, O width of the output.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple, NoReturn, Self

import torch
from torch import Tensor, nn

from ptbert_models.parts.conv1d import Conv1D

_LARGEST = 127  # of 8 bits with a sign; -128 is not used, so that both signs are alike
_ZERO = 128  # what stands for 0 in the input, whose 8 bits have no sign


class Packed(NamedTuple):
    """The values of a layer, in the forms that the product takes.

    Args:
        weight: (O, I) integers from -127 to 127, in the order that the processor reads.
        scale: (O,), what ``weight`` and the input are multiplied by, with 1 / 127 of the input.
        zeros: (O,), what stands for 0 in ``weight``: 0.
        bias: (O,).
    """

    weight: Tensor
    scale: Tensor
    zeros: Tensor
    bias: Tensor


class QuantizedLinear(nn.Module):
    """A linear layer whose weights are integers of 8 bits; it computes no gradients.

    Each output has a factor of its own, and so has each row of the input, whose values become
    integers when the layer is called. The products of integers are exact. So the result of a row
    depends on no other row: a text is what it is alone, in any batch and with any padding.

    Args:
        packed: weights and bias.
        in_features: I.
        out_features: O.

    Example:
        >>> layer = nn.Linear(64, 32)
        >>> x = torch.randn(5, 64)
        >>> error = QuantizedLinear.of(layer)(x) - layer(x)
        >>> bool(error.abs().max() < 0.05)
        True
    """

    def __init__(self, packed: Packed, in_features: int, out_features: int) -> None:
        super().__init__()
        self.packed = packed
        self.in_features = in_features
        self.out_features = out_features

    @classmethod
    @torch.no_grad()
    def of(cls, layer: nn.Linear | Conv1D) -> Self:
        """Make it from the values of a layer, which stays as it is.

        Raises:
            RuntimeError: if PyTorch cannot multiply integers of 8 bits on this machine.
        """
        check_support()
        weight = layer.weight.T if isinstance(layer, Conv1D) else layer.weight
        weight = weight.detach().float()
        largest = weight.abs().amax(dim=1)
        scale = (largest / _LARGEST).where(largest != 0, 1.0)
        integers = (weight / scale[:, None]).round().to(torch.int8).contiguous()
        outputs, inputs = weight.shape
        zeros = torch.zeros(outputs, dtype=torch.int32, device=weight.device)
        bias = zeros.float() if layer.bias is None else layer.bias.detach().float().clone()
        return cls(Packed(_pack(integers), scale / _LARGEST, zeros, bias), inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(..., I) → (..., O), of the type of the input.

        Raises:
            RuntimeError: if a gradient of the input is wanted, or in a graph of ``torch.compile``.
            ValueError: if the input has another width.
        """
        if x.requires_grad and torch.is_grad_enabled():
            raise RuntimeError(
                "layers of 8 bits compute no gradients; call the model under torch.no_grad(), or "
                "train it before quantize()"
            )
        if x.size(-1) != self.in_features:
            raise ValueError(
                f"the input has shape {tuple(x.shape)}, and this layer takes {self.in_features} "
                "features in the last dimension"
            )
        if not x.numel():
            return x.new_empty(*x.shape[:-1], self.out_features)
        exact = x if x.dtype is torch.float32 else x.float()
        largest = exact.abs().amax(dim=-1, keepdim=True)
        # Conversion cuts off what is behind the point. A row of zeros becomes anything, times 0.
        integers = exact.div(largest).mul_(_LARGEST).add_(_ZERO + 0.5).to(torch.uint8)
        scores = _product(integers, self.packed)
        torch.addcmul(self.packed.bias, scores, largest, out=scores)
        return scores if x.dtype is torch.float32 else scores.to(x.dtype)

    def extra_repr(self) -> str:
        """Sizes, for ``print(model)``."""
        return f"in_features={self.in_features}, out_features={self.out_features}"

    @property
    def weight(self) -> NoReturn:
        """None: who reads or replaces the weights of a layer is told that it has others."""
        raise refusal("has no weight of its own type")

    @property
    def bias(self) -> NoReturn:
        """None, as ``weight``."""
        raise refusal("has no bias of its own type")

    def __getstate__(self) -> dict[str, Any]:
        weight = self.packed.weight.to_dense().T  # (O, I): packed it has the other order
        return {**vars(self), "packed": self.packed._replace(weight=weight)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        check_support()
        self.packed = self.packed._replace(weight=_pack(self.packed.weight.contiguous()))

    def _save_to_state_dict(self, *args: Any) -> None:
        raise refusal("is not saved by state_dict")

    def _load_from_state_dict(self, *args: Any) -> None:
        raise refusal("takes no weights from load_state_dict")

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        device = fn(torch.empty(0, device="cpu")).device
        if device.type != "cpu":
            raise refusal(f"cannot go to the device {device}")
        return self


def refusal(what: str) -> RuntimeError:
    """Return the error about what a layer of 8 bits cannot do."""
    return RuntimeError(
        f"a layer of 8 bits {what}; do this with the model before quantize(), and quantize it "
        "afterwards"
    )


def smallest_quantized() -> QuantizedLinear:
    """Make a layer that only shows its parts."""
    return QuantizedLinear(Packed(*(torch.empty(0) for _ in Packed._fields)), 1, 1)


def stands_for(module: nn.Module, usual: nn.Module) -> bool:
    """Whether a module is of 8 bits, where a linear layer usually is."""
    return type(module) is QuantizedLinear and isinstance(usual, nn.Linear | Conv1D)


@cache
def check_support() -> None:
    """Compute a product with the largest values, which some processors get wrong.

    Processors without instructions for this add pairs of products in 16 bits, which overflow.

    Raises:
        RuntimeError: if PyTorch has no product of 8 bits for this machine, or it is not exact.
    """
    width = 64
    weight = torch.full((16, width), _LARGEST, dtype=torch.int8, device="cpu")
    weight[1::2] *= -1
    x = torch.full((3, width), 255, dtype=torch.uint8, device="cpu")
    ones = torch.ones(16, dtype=torch.float32, device="cpu")
    zeros = torch.zeros(16, dtype=torch.int32, device="cpu")
    try:
        packed = Packed(_pack(weight), ones, zeros, ones)
        wanted = weight[:, 0].float() * width * (255 - _ZERO)
        exact = bool((_product(x, packed) == wanted).all())
        reason = "its products are not exact"
    except (AttributeError, NotImplementedError, RuntimeError) as error:
        exact, reason = False, str(error).partition("\n")[0]
    if not exact:
        raise RuntimeError(
            f"PyTorch {torch.__version__} cannot multiply integers of 8 bits on this processor "
            f"({reason}); leave out quantize(), or load the model with dtype=torch.bfloat16"
        )


def _pack(weight: Tensor) -> Tensor:
    packed: Tensor = torch.ops.onednn.qlinear_prepack.default(weight, None)
    return packed


def _product(x: Tensor, packed: Packed) -> Tensor:
    """(R, I) of 8 bits without sign, → (R, O) of float32, without the bias."""
    if torch.compiler.is_dynamo_compiling():  # whose compiler knows this product otherwise
        raise RuntimeError(
            "layers of 8 bits are not compiled; call torch.compile without fullgraph, and they "
            "are called between the graphs"
        )
    weight, scale, zeros, _ = packed
    scores: Tensor = torch.ops.onednn.qlinear_pointwise.default(
        x, 1.0, _ZERO, weight, scale, zeros, None, 1.0, 0, torch.float32, "none", [], ""
    )
    return scores
