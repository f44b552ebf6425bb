import math

import pytest
import torch

from ptbert_models.transfo_xl import PositionalEmbedding
from ptbert_models.transfo_xl.positions import (
    last_rows,
    relative_shift,
    relative_shift_by_padding,
)


def test_sinusoids_follow_the_formula():
    embedding = PositionalEmbedding(6)(torch.tensor([0.0, 3.0, 100.0]), bsz=2)

    assert embedding.shape == (3, 2, 6)
    for row, position in enumerate((0, 3, 100)):
        angles = [position / 10000 ** (2 * i / 6) for i in range(3)]
        expected = [math.sin(a) for a in angles] + [math.cos(a) for a in angles]
        torch.testing.assert_close(embedding[row, 1], torch.tensor(expected), atol=1e-5, rtol=0)


def test_half_precision_tells_neighbouring_positions_apart():
    positions = torch.arange(900, 903)
    exact = PositionalEmbedding(8)(positions)
    assert torch.equal(PositionalEmbedding(8).to(torch.bfloat16)(positions), exact)


@pytest.mark.parametrize("shift", [relative_shift, relative_shift_by_padding])
@pytest.mark.parametrize(("queries", "keys"), [(1, 1), (1, 5), (2, 2), (4, 4), (3, 8)])
def test_shifting_is_looking_up_the_distance(shift, queries, keys):
    scores = torch.randn(2, 3, queries, keys)

    shifted = shift(scores)

    assert shifted.shape == scores.shape
    for query in range(queries):
        position = keys - queries + query
        for key in range(position + 1):
            distance = position - key
            expected = scores[..., query, keys - 1 - distance]
            assert torch.equal(shifted[..., query, key], expected)


def test_gradients_flow_back_through_the_shift():
    scores = torch.randn(1, 2, 3, 5, dtype=torch.float64, requires_grad=True)
    seen = torch.ones(3, 5, dtype=torch.bool).tril(2)  # the rest is meaningless, and masked

    assert torch.autograd.gradcheck(lambda x: relative_shift(x)[..., seen], scores)
    by_window, by_padding = (
        torch.autograd.grad((shift(scores)[..., seen] ** 2).sum(), scores)[0]
        for shift in (relative_shift, relative_shift_by_padding)
    )
    assert torch.equal(by_window, by_padding)


def test_the_first_row_stands_for_all_before_it():
    table = torch.randn(3, 2)
    assert torch.equal(last_rows(table, 2), table[1:])
    assert torch.equal(last_rows(table, 5), table[[0, 0, 0, 1, 2]])
