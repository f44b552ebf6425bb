"""Time the products of one step of GPT-2's writing, by every kernel that PyTorch ships for them.

A step multiplies a few rows, one for each text or beam, with the 48 matrices of the layers and
with the 50,257 tokens. Every matrix is a tensor of its own, as in the model, so that caches behave
alike. All kernels run one after the other in every round, and must give the same numbers.
"""

import argparse
import statistics
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from timing import begun, times_in_turns
from torch import Tensor

# ruff: noqa: T201, SLF001 - a command line prints; kernels of PyTorch without public names

WIDTH, WIDE, TOKENS = 768, 3072, 50257
ROWS = (1, 2, 4, 8)

Product = Callable[[Tensor], Tensor]
Kernel = Callable[[Tensor, int], Product]  # from a weight (in, out) and a number of rows


def random_weights(*shapes: tuple[int, int], dtype: torch.dtype = torch.float32) -> list[Tensor]:
    """Return a matrix for each shape."""
    return [torch.randn(shape).mul_(0.02).to(dtype) for shape in shapes]


def gpt2_weights(layers: int) -> list[Tensor]:
    """Return the matrices of GPT-2 small as (in, out), stored as the model stores them."""
    layer = ((WIDTH, 3 * WIDTH), (WIDTH, WIDTH), (WIDTH, WIDE), (WIDE, WIDTH))
    *of_layers, tokens = random_weights(*layer * layers, (TOKENS, WIDTH))
    return [*of_layers, tokens.T]


def steps_of_writing(read: int, new: int, rows: int = 1, *, layers: int = 12) -> list[list[int]]:
    """Return how many rows each matrix of GPT-2 is multiplied with, step by step.

    Args:
        read: tokens of all prompts together.
        new: tokens that are written.
        rows: texts or beams; only their last tokens are scored.
        layers: of the model.
    """
    matrices = 4 * layers
    return [[read] * matrices + [rows], *([rows] * (matrices + 1) for _ in range(new - 1))]


def plain_product(weight: Tensor, _: int) -> Product:
    """Multiply with the weight as it is."""
    return lambda x: x @ weight


def with_bias(weight: Tensor, _: int) -> Product:
    """Add a bias, as layers do."""
    bias = weight.new_zeros(weight.size(1))
    return lambda x: torch.addmm(bias, x, weight)


def into_memory(weight: Tensor, rows: int) -> Product:
    """Write the result into memory that is there."""
    out = weight.new_empty(rows, weight.size(1))
    return lambda x: torch.mm(x, weight, out=out)


def stored_transposed(weight: Tensor, _: int) -> Product:
    """Store the weight the other way round: a second copy of it."""
    copy = weight.T.contiguous().T if weight.is_contiguous() else weight.contiguous()
    return lambda x: x @ copy


def weight_first(weight: Tensor, _: int) -> Product:
    """Compute the transposed result: the weight times the rows."""
    return lambda x: (weight.T @ x.T).T


def sixteen_rows(weight: Tensor, rows: int) -> Product:
    """Multiply with rows of zeros too, so that there are 16."""
    return lambda x: (F.pad(x, (0, 0, 0, 16 - rows)) @ weight)[:rows]


def row_by_row(weight: Tensor, _: int) -> Product:
    """Multiply one row after the other."""
    return lambda x: torch.stack([torch.mv(weight.T, row) for row in x])


def one_dnn(weight: Tensor, _: int) -> Product:
    """Call oneDNN, with the weight as it is."""
    return lambda x: torch.ops.mkldnn._linear_pointwise(x, weight.T, None, "none", [], "")


def one_dnn_arranged(weight: Tensor, rows: int) -> Product:
    """Call oneDNN, with the weight in the order that it likes best: a second copy of it."""
    arranged = torch.ops.mkldnn._reorder_linear_weight(weight.T.contiguous(), rows)
    return lambda x: torch.ops.mkldnn._linear_pointwise(x, arranged, None, "none", [], "")


def mkl_arranged(weight: Tensor, rows: int) -> Product:
    """Call MKL, with the weight in the order that it likes best: a second copy of it."""
    plain = weight.T.contiguous()
    arranged = torch.ops.mkl._mkl_reorder_linear_weight(plain, rows)
    return lambda x: torch.ops.mkl._mkl_linear(x, arranged, plain, None, rows)


def reading(weight: Tensor, _: int) -> Product:
    """Add up all numbers of the weight, which is no product."""
    return lambda _: weight.sum()


KERNELS: Sequence[Kernel] = (
    plain_product,
    with_bias,
    into_memory,
    stored_transposed,
    weight_first,
    sixteen_rows,
    row_by_row,
    one_dnn,
    one_dnn_arranged,
    mkl_arranged,
)


def floor(
    kernel: Kernel, weights: Sequence[Tensor], steps: Sequence[Sequence[int]]
) -> Callable[[], None]:
    """Return what multiplies with every weight in every step, and does nothing else.

    Args:
        kernel: of all products.
        weights: each (in, out).
        steps: the rows that each weight is multiplied with, step by step.
    """
    products = [kernel(*each) for each in zip(weights, steps[-1], strict=True)]
    most = max(map(max, steps))
    inputs = {len(weight): torch.randn(most, len(weight)).to(weight.dtype) for weight in weights}

    def run() -> None:
        for step in steps:
            for product, weight, rows in zip(products, weights, step, strict=True):
                product(inputs[len(weight)][:rows])

    return run


def check(kernel: Kernel, weight: Tensor, rows: int) -> None:
    """Raise unless a kernel gives the numbers of a plain product."""
    x = torch.randn(rows, len(weight))
    torch.testing.assert_close(kernel(weight, rows)(x), x @ weight, atol=1e-4, rtol=1e-4)


def main() -> None:
    """Time all kernels with all numbers of rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments = begun(parser, rounds=9, layers=12)
    *layers, tokens = gpt2_weights(arguments.layers)
    print("\nCPU ms of a step, in the layers and for the scores of the tokens\n")
    print("| kernel |" + "".join(f" {rows} row(s) | scores |" for rows in ROWS))
    print("|---|" + "---|---|" * len(ROWS))
    cells: dict[str, str] = {}
    for rows in ROWS:
        for weights in (layers, [tokens]):
            runs = {}
            for kernel in (*KERNELS, reading):
                if kernel is not reading:
                    check(kernel, weights[0], rows)
                runs[kernel.__name__] = floor(kernel, weights, [[rows] * len(weights)])
            for name, times in times_in_turns(runs, arguments.rounds).items():
                cells[name] = cells.get(name, "") + f" {1e3 * statistics.median(times):.1f} |"
    for name, texts in cells.items():
        print(f"| {name.replace('_', ' ')} |{texts}")


if __name__ == "__main__":
    with torch.inference_mode():
        main()
