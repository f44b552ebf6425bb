"""Counters on the device are shared by tensors that have always been updated together."""

import copy
import io

import pytest
import torch
from torch import nn

from ptbert_optim import BertAdam, OpenAIAdam, counters

both = pytest.mark.parametrize("optimizer_class", [BertAdam, OpenAIAdam], ids=lambda k: k.__name__)


def trained(optimizer_class, present, optimizer=None, **options):
    """Train four tensors; ``present`` has, for each step, the indices of those with a gradient."""
    params = [nn.Parameter(torch.linspace(-1, 1, 80 + i)) for i in range(4)]
    if optimizer is None:
        groups = [{"params": params[:3]}, {"params": params[3:], "lr": 0.05}]
        options = {"lr": 0.01, "warmup": 0.2, "t_total": 10, "max_grad_norm": 1.0, **options}
        optimizer = optimizer_class(groups, **options)
    params = [param for group in optimizer.param_groups for param in group["params"]]
    for step, indices in enumerate(present):
        for i, param in enumerate(params):
            param.grad = torch.sin(param.detach() * (step + 1)) if i in indices else None
        optimizer.step()
    return params, optimizer


def steps_of(params, optimizer):
    return [optimizer.state[param]["step"] for param in params]


SOME_REST = [(0, 1, 2, 3), (0, 1, 3), (0, 1, 3), (2,), (0, 1, 2, 3)]


@both
@pytest.mark.parametrize("fused", [True, False])
def test_tensors_that_rested_are_counted_apart(optimizer_class, fused):
    params, optimizer = trained(optimizer_class, SOME_REST, capturable=True, fused=fused)
    plain, plain_optimizer = trained(optimizer_class, SOME_REST, fused=False)

    counted = steps_of(params, optimizer)
    assert [step.item() for step in counted] == steps_of(plain, plain_optimizer) == [4, 4, 3, 4]
    assert counted[0] is counted[1] is counted[3]
    for one, other in zip(params, plain, strict=True):
        assert torch.allclose(one, other, rtol=0, atol=1e-6)


@both
def test_a_tensor_that_comes_later_has_its_own_count(optimizer_class):
    params, optimizer = trained(optimizer_class, [(0, 1), (0, 1, 2)], capturable=True)

    assert [optimizer.state[param]["step"].item() for param in params[:3]] == [2, 2, 1]


@both
@pytest.mark.parametrize("way", ["copy", "file", "file of one counter for each tensor"])
def test_a_copied_or_loaded_optimizer_shares_counters_again(optimizer_class, way):
    params, optimizer = trained(optimizer_class, SOME_REST, capturable=True)
    if way == "copy":
        other = copy.deepcopy(optimizer)
    else:
        state = optimizer.state_dict()
        if way != "file":
            for each in state["state"].values():
                each["step"] = each["step"].clone()
        file = io.BytesIO()
        torch.save(state, file)
        file.seek(0)
        _, other = trained(optimizer_class, [], capturable=True)
        other.load_state_dict(torch.load(file, weights_only=True))
    twins = [param for group in other.param_groups for param in group["params"]]
    before = steps_of(params, optimizer)

    trained(optimizer_class, [(0, 1, 2, 3)], optimizer=other)

    counted = steps_of(twins, other)
    assert [step.item() for step in counted] == [5, 5, 4, 5]
    assert counted[0] is counted[1] is counted[3]
    assert [step.item() for step in before] == [4, 4, 3, 4]


@both
def test_a_counter_that_a_program_replaced_counts_for_its_tensor_only(optimizer_class):
    params, optimizer = trained(optimizer_class, [(0, 1, 2, 3)] * 3, capturable=True)

    optimizer.state[params[1]]["step"] = torch.tensor(0.0)
    trained(optimizer_class, [(0, 1, 2, 3)], optimizer=optimizer)

    assert [step.item() for step in steps_of(params, optimizer)] == [4, 1, 4, 4]


@pytest.fixture
def captured(monkeypatch):
    monkeypatch.setattr(counters, "is_captured", lambda device: True)


@both
def test_a_capture_before_any_step_is_refused(optimizer_class, captured):
    with pytest.raises(RuntimeError, match=r"needs new moments .* call step\(\) at least once"):
        trained(optimizer_class, [(0,)], capturable=True)


@both
def test_a_capture_in_which_other_tensors_rest_is_refused(optimizer_class, monkeypatch):
    _, optimizer = trained(optimizer_class, [(0, 1, 2, 3)], capturable=True)
    monkeypatch.setattr(counters, "is_captured", lambda device: True)

    trained(optimizer_class, [(0, 1, 2, 3)], optimizer=optimizer)
    with pytest.raises(RuntimeError, match="needs a new counter of updates for a parameter of"):
        trained(optimizer_class, [(0, 1)], optimizer=optimizer)


@both
def test_a_capture_of_an_optimizer_that_counts_outside_is_refused(optimizer_class, captured):
    with pytest.raises(RuntimeError, match=r"rate of this one step; make .* capturable=True"):
        trained(optimizer_class, [(0,)])


def test_nothingis_captured_on_a_cpu():
    assert not counters.is_captured(torch.device("cpu"))
    assert not counters.is_captured(torch.device("cuda")) or torch.cuda.is_available()


@both
def test_tensors_that_are_taken_out_of_a_group_for_a_while_keep_their_count(optimizer_class):
    weights = [nn.Parameter(torch.ones(3)) for _ in range(2)]
    for weight in weights:
        weight.grad = torch.ones(3)
    optimizer = optimizer_class(weights, lr=0.1, capturable=True)
    optimizer.step()
    frozen = optimizer.param_groups[0]["params"].pop()
    optimizer.step()
    optimizer.param_groups[0]["params"].append(frozen)
    optimizer.step()
    assert [float(optimizer.state[weight]["step"]) for weight in weights] == [3, 2]
