"""Torch's compiler takes seconds to load, and an optimizer does not need it."""

import functools
import subprocess
import sys
import types

import pytest
import torch
from torch import nn

from ptbert_optim import BertAdam, OpenAIAdam, compiler
from ptbert_optim.compiler import without_compiler

both = pytest.mark.parametrize("optimizer_class", [BertAdam, OpenAIAdam], ids=lambda k: k.__name__)


@both
def test_training_does_not_load_the_compiler(optimizer_class):
    code = f"""
import sys, torch
from ptbert_optim import {optimizer_class.__name__} as Optimizer
weight = torch.nn.Parameter(torch.ones(3))
optimizer = Optimizer([weight], lr=0.1, t_total=10, warmup=0.1)
for _ in range(2):
    weight.sum().backward()
    optimizer.step()
    optimizer.zero_grad()
optimizer.load_state_dict(optimizer.state_dict())
optimizer.add_param_group({{"params": [torch.nn.Parameter(torch.ones(2))]}})
assert weight.grad is None and len(optimizer.param_groups) == 2
print("torch._dynamo" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("is_loaded", [False, True])
@both
def test_gradients_become_none_or_zeros(optimizer_class, is_loaded, monkeypatch):
    modules = {"torch._dynamo": None} if is_loaded else {}
    monkeypatch.setattr(compiler, "sys", types.SimpleNamespace(modules=modules))
    weight = nn.Parameter(torch.ones(3))
    optimizer = optimizer_class([weight], lr=0.1)
    weight.sum().backward()
    optimizer.zero_grad(set_to_none=False)
    assert weight.grad.tolist() == [0, 0, 0]
    optimizer.zero_grad()
    assert weight.grad is None


def test_methods_of_other_classes_are_called_as_they_are(monkeypatch):
    class Counting(torch.optim.SGD):
        calls = 0

        def zero_grad(self, set_to_none=True):
            self.calls += 1

    monkeypatch.setattr(compiler, "sys", types.SimpleNamespace(modules={}))
    optimizer = Counting([nn.Parameter(torch.ones(1))])
    without_compiler(optimizer.zero_grad)()
    assert optimizer.calls == 1


def test_a_class_between_the_optimizer_and_torch_is_not_left_out():
    added = []

    class Between(torch.optim.Optimizer):
        def add_param_group(self, param_group):
            added.append(len(param_group["params"]))
            super().add_param_group(param_group)

    class Mine(BertAdam, Between):
        pass

    Mine([nn.Parameter(torch.ones(1))], lr=0.1)
    assert added == [1]


def test_what_a_program_put_around_a_method_of_all_optimizers_is_called(monkeypatch):
    calls, usual = [], torch.optim.Optimizer.zero_grad

    @functools.wraps(usual)
    def watched(self, set_to_none=True):
        calls.append(set_to_none)

    monkeypatch.setattr(compiler, "sys", types.SimpleNamespace(modules={}))
    monkeypatch.setattr(torch.optim.Optimizer, "zero_grad", watched)
    BertAdam([nn.Parameter(torch.ones(1))], lr=0.1).zero_grad()
    assert calls == [True]
