import pytest
import torch

from ptbert_models.gpt.heads import TiedLinear
from ptbert_models.parts import row_products
from ptbert_models.parts.conv1d import Conv1D
from ptbert_models.parts.row_products import is_faster, matrix_times_row, row_times_matrix


@pytest.fixture(autouse=True)
def one_thread_without_gradients():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.no_grad():
        yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (768, 2304), (3072, 768)])
def test_products_are_those_of_matrices(size):
    torch.manual_seed(0)
    weight, row, other = torch.randn(size), torch.randn(size[0]), torch.randn(size[1])

    torch.testing.assert_close(row_times_matrix(row, weight), row @ weight, atol=2e-4, rtol=1e-5)
    torch.testing.assert_close(
        matrix_times_row(weight, other), weight @ other, atol=2e-4, rtol=1e-5
    )


def test_another_default_device_does_not_matter():
    with torch.device("meta"):
        product = row_times_matrix(torch.ones(11, device="cpu"), torch.ones(11, 2, device="cpu"))
    assert product.tolist() == [11, 11]


def test_products_do_not_need_the_private_kernel(monkeypatch):
    weight, row = torch.randn(4, 3), torch.randn(3)
    monkeypatch.setattr(row_products, "_DOT_WITH_ROWS", None)
    torch.testing.assert_close(matrix_times_row(weight, row), weight @ row)


@pytest.mark.parametrize("shape", [(1, 1, 6), (1, 6), (6,)])
def test_layers_give_the_same_on_both_ways(shape):
    x = torch.randn(shape)
    layer, head = Conv1D(4, 6), TiedLinear(torch.nn.Parameter(torch.randn(9, 6)))
    assert is_faster(x, layer.weight)
    fast = layer(x), head(x)

    with torch.enable_grad():
        plain = layer(x), head(x)

    for got, want in zip(fast, plain, strict=True):
        torch.testing.assert_close(got, want)


@pytest.mark.parametrize(
    ("x", "weight"),
    [
        (torch.ones(2, 6), torch.ones(6, 4)),
        (torch.ones(1, 6, dtype=torch.float64), torch.ones(6, 4, dtype=torch.float64)),
        (torch.ones(1, 6), torch.ones(4, 6).T),
        (torch.ones(6, 2)[:, :1].T, torch.ones(6, 4)),
        (torch.ones(1, 6, device="meta"), torch.ones(6, 4, device="meta")),
    ],
)
def test_other_products_go_the_plain_way(x, weight):
    assert not is_faster(x, weight)


def test_gradients_autocast_and_threads_go_the_plain_way():
    x, weight = torch.ones(1, 6), torch.ones(6, 4)
    assert is_faster(x, weight)
    with torch.enable_grad():
        assert not is_faster(x, weight)
    with torch.autocast("cpu", torch.bfloat16):
        assert not is_faster(x, weight)
    torch.set_num_threads(2)
    assert not is_faster(x, weight)
