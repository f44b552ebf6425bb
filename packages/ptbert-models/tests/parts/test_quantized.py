"""One layer of 8 bits: its numbers, its inputs, and what it refuses."""

import copy
import pickle

import pytest
import torch
from torch import nn

from ptbert_models.parts import quantized
from ptbert_models.parts.conv1d import Conv1D
from ptbert_models.parts.quantized import QuantizedLinear, check_support

try:
    check_support()
except RuntimeError as error:
    pytest.skip(str(error), allow_module_level=True)


def integers(values):
    """The integers from -127 to 127 that stand for rows of values, and the factor of each row."""
    factor = values.abs().amax(dim=-1, keepdim=True) / 127
    return (values / factor).round(), factor


@pytest.mark.parametrize("rows", [1, 2, 7, 70])
@pytest.mark.parametrize("sizes", [(64, 32), (33, 17), (1, 1), (768, 40)])
def test_results_are_the_products_of_the_nearest_integers(rows, sizes):
    torch.manual_seed(0)
    layer = nn.Linear(*sizes).requires_grad_(False)
    x = torch.randn(rows, sizes[0])
    (a, row_factor), (b, column_factor) = integers(x.double()), integers(layer.weight.double())
    expected = (a @ b.T) * row_factor * column_factor.T + layer.bias
    actual = QuantizedLinear.of(layer)(x)
    # A value in the middle of two integers may become either, in 32 bits and in 64.
    step = float((row_factor * column_factor.T).max() * 127)
    assert (actual - expected).abs().max() < 2 * step
    assert (actual - expected).abs().mean() < step / 20


def test_a_layer_with_transposed_weights_gives_the_same():
    layer, other = nn.Linear(16, 8), Conv1D(8, 16)
    other.load_state_dict({"weight": layer.weight.T, "bias": layer.bias})
    x = torch.randn(3, 16)
    assert QuantizedLinear.of(layer)(x).equal(QuantizedLinear.of(other)(x))


def test_a_row_does_not_depend_on_the_others():
    layer = QuantizedLinear.of(nn.Linear(64, 32))
    x = torch.randn(40, 64) * torch.logspace(-3, 3, 40)[:, None]
    together = layer(x)
    assert all(layer(x[n : n + 1])[0].equal(together[n]) for n in range(40))
    x[3] = float("nan")
    others = torch.arange(40) != 3
    assert layer(x)[others].equal(together[others])
    assert layer(x)[3].isnan().all()


@pytest.mark.parametrize("shape", [(6,), (0, 6), (2, 0, 6), (2, 3, 6), (2, 3, 4, 6)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float64])
def test_shape_and_type_are_those_of_a_linear_layer(shape, dtype):
    layer, x = nn.Linear(6, 5), torch.randn(shape, dtype=dtype)
    actual, expected = QuantizedLinear.of(layer)(x), layer.to(dtype)(x)
    assert (actual.shape, actual.dtype) == (expected.shape, dtype)
    torch.testing.assert_close(actual, expected.detach(), atol=0.1, rtol=0)


def test_inputs_may_lie_in_memory_in_any_order():
    layer, x = QuantizedLinear.of(nn.Linear(6, 5)), torch.randn(6, 3, 4)
    moved = x.permute(2, 1, 0)
    assert layer(moved).equal(layer(moved.contiguous()))


def test_zeros_give_the_bias_and_weights_of_zero_give_zero():
    layer = nn.Linear(6, 5)
    with torch.no_grad():
        layer.weight[2] = 0
    small = QuantizedLinear.of(layer)
    assert small(torch.zeros(2, 6)).equal(layer.bias.detach().expand(2, 5))
    torch.testing.assert_close(small(torch.randn(2, 6))[:, 2], layer.bias[2].detach().expand(2))


def test_copies_compute_the_same():
    layer, x = QuantizedLinear.of(nn.Linear(6, 5)), torch.randn(3, 6)
    for twin in (copy.copy(layer), copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert twin(x).equal(layer(x))


def test_an_input_of_another_width_is_refused():
    with pytest.raises(ValueError, match=r"has shape \(2, 7\), and this layer takes 6 features"):
        QuantizedLinear.of(nn.Linear(6, 5))(torch.ones(2, 7))


def test_an_input_that_wants_gradients_is_refused():
    layer, x = QuantizedLinear.of(nn.Linear(6, 5)), torch.ones(2, 6, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"compute no gradients; call .* under torch.no_grad"):
        layer(x)
    with torch.no_grad():
        assert layer(x).shape == (2, 5)


@pytest.mark.parametrize(
    ("use", "what"),
    [
        (lambda layer: layer.weight, "has no weight"),
        (lambda layer: layer.bias, "has no bias"),
        (lambda layer: setattr(layer, "weight", nn.Parameter(torch.ones(5, 6))), "has no weight"),
        (lambda layer: layer.state_dict(), "is not saved by state_dict"),
        (lambda layer: layer.load_state_dict({}, strict=False), "takes no weights"),
        (lambda layer: layer.to("meta"), "cannot go to the device meta"),
    ],
)
def test_what_needs_the_weights_is_refused(use, what):
    layer, x = QuantizedLinear.of(nn.Linear(6, 5)), torch.ones(2, 6)
    before = layer(x)
    with pytest.raises(RuntimeError, match=f"layer of 8 bits {what}.* before quantize"):
        use(layer)
    assert layer(x).equal(before)


def test_other_types_of_the_model_do_not_change_a_layer():
    layer, x = QuantizedLinear.of(nn.Linear(6, 5)), torch.ones(2, 6)
    assert layer.half().double()(x).equal(layer(x))


@pytest.mark.parametrize("product", [lambda *_: torch.zeros(3, 16), lambda *_: torch.ops.aten.no])
def test_a_machine_with_other_products_is_refused(monkeypatch, product):
    monkeypatch.setattr(quantized, "_product", product)
    check_support.cache_clear()
    try:
        with pytest.raises(RuntimeError, match=r"on this processor \(.*\); leave out quantize"):
            QuantizedLinear.of(nn.Linear(6, 5))
    finally:
        check_support.cache_clear()
