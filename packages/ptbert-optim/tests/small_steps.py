"""A few weights, and steps on them."""

import torch
from torch import nn


def weights(*shapes):
    generator = torch.Generator().manual_seed(0)
    return [nn.Parameter(torch.randn(shape, generator=generator)) for shape in shapes]


def take_steps(optimizer, number, seed=1):
    generator = torch.Generator().manual_seed(seed)
    for _ in range(number):
        for group in optimizer.param_groups:
            for param in group["params"]:
                param.grad = torch.randn(param.shape, generator=generator).to(param.dtype)
        optimizer.step()


def updated(optimizer_class, by_hand=None, **options):
    """Return a parameter after three steps, the last two after values were set by hand."""
    (weight,) = weights((40, 30))
    optimizer = optimizer_class([weight], **({"lr": 0.1} | options))
    take_steps(optimizer, 1)
    for name, value in (by_hand or {}).items():
        optimizer.param_groups[0][name] = value
    take_steps(optimizer, 2, seed=2)
    return weight, optimizer
