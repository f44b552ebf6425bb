"""Layer normalization, under its name of 2019."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class BertLayerNorm(nn.Module):
    """Normalize the last dimension to mean 0 and variance 1, then scale and shift it.

    Args:
        hidden_size: size of the last dimension.
        eps: added to the variance; the TensorFlow BERT uses 1e-12.

    Source:
        Ba et al. 2016, arXiv:1607.06450.

    Example:
        >>> BertLayerNorm(2)(torch.tensor([[1.0, 3.0]])).tolist()
        [[-1.0, 1.0]]
    """

    def __init__(self, hidden_size: int, eps: float = 1e-12) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(hidden_size))
        self.bias = nn.Parameter(torch.zeros(hidden_size))
        self.variance_epsilon = eps

    def forward(self, x: Tensor) -> Tensor:
        """Normalize (..., E) over its last dimension."""
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, self.variance_epsilon)
