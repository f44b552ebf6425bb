"""On a GPU: steps are those of the CPU, none waits for the device, and a CUDA graph can hold one.

``python -m pytest -m gpu`` runs these where PyTorch finds a GPU.
"""

import copy

import pytest
import torch
from torch import nn

from ptbert_optim import BertAdam, OpenAIAdam

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch finds no GPU"),
]
SHAPES = [(33, 65), (129,), (), (7, 3, 5), (2000,)]
CLOSE = {torch.float32: 1e-5, torch.bfloat16: 2e-2, torch.float16: 2e-3}
SCHEDULE = {"lr": 0.02, "warmup": 0.2, "t_total": 20, "weight_decay": 0.05}
CLIPPINGS = [
    {"max_grad_norm": -1},
    {"max_grad_norm": 1.0},
    {"max_grad_norm": 1.0, "global_clip": True},
]
both = pytest.mark.parametrize("kind", [BertAdam, OpenAIAdam])
every_clipping = pytest.mark.parametrize("clipping", CLIPPINGS, ids=["none", "single", "global"])


def parameters(device, dtype=torch.float32):
    chance = torch.Generator().manual_seed(0)
    drawn = [torch.randn(shape, generator=chance).to(device, dtype) for shape in SHAPES]
    return [nn.Parameter(each) for each in drawn]


def set_gradients(params, step):
    """Set gradients that are the same on each device; in place, as a CUDA graph needs it."""
    chance = torch.Generator().manual_seed(step)
    for each in params:
        drawn = torch.randn(each.shape, generator=chance).to(each)
        if each.grad is None:
            each.grad = drawn
        else:
            each.grad.copy_(drawn)


def trained(kind, device, dtype=torch.float32, steps=range(8), **options):
    params = parameters(device, dtype)
    optimizer = kind(params, **SCHEDULE, **options)
    for step in steps:
        set_gradients(params, step)
        optimizer.step()
    return params, optimizer


def assert_same(ours, theirs, dtype=torch.float32):
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one.cpu(), other.cpu(), atol=CLOSE[dtype], rtol=CLOSE[dtype])


@both
@every_clipping
@pytest.mark.parametrize("dtype", list(CLOSE), ids=str)
@pytest.mark.parametrize("fused", [None, False])
def test_steps_are_those_of_the_cpu(kind, clipping, dtype, fused):
    here, _ = trained(kind, "cuda", dtype, fused=fused, **clipping)
    there, _ = trained(kind, "cpu", dtype, fused=fused, **clipping)
    assert_same(here, there, dtype)


@both
@every_clipping
@pytest.mark.parametrize("dtype", list(CLOSE), ids=str)
@pytest.mark.parametrize("capturable", [False, True])
@pytest.mark.filterwarnings("ignore:Synchronization debug mode")  # that it is a prototype
def test_no_step_waits_for_the_device(kind, clipping, dtype, capturable):
    params, optimizer = trained(kind, "cuda", dtype, range(2), capturable=capturable, **clipping)
    try:
        torch.cuda.set_sync_debug_mode("error")
        optimizer.step()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert all(each.isfinite().all() for each in params)


@both
@every_clipping
@pytest.mark.parametrize("dtype", list(CLOSE), ids=str)
def test_a_cuda_graph_replays_the_steps_of_the_cpu(kind, clipping, dtype):
    params = parameters("cuda", dtype)
    optimizer = kind(params, **SCHEDULE, capturable=True, **clipping)
    side = torch.cuda.Stream()
    set_gradients(params, 0)
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        optimizer.step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        optimizer.step()
    for step in range(1, 8):
        set_gradients(params, step)
        graph.replay()
    want, _ = trained(kind, "cpu", dtype, **clipping)
    assert_same(params, want, dtype)


@both
@pytest.mark.parametrize("capturable", [False, True])
@pytest.mark.parametrize("places", [("cpu", "cuda"), ("cuda", "cpu")], ids=str)
def test_a_saved_state_goes_on_elsewhere(kind, capturable, places, tmp_path):
    first, second = places
    params, optimizer = trained(kind, first, steps=range(3), capturable=capturable)
    torch.save(optimizer.state_dict(), tmp_path / "state")
    moved = [nn.Parameter(each.detach().to(second)) for each in params]
    going_on = kind(moved, **SCHEDULE, capturable=capturable)
    going_on.load_state_dict(torch.load(tmp_path / "state", map_location=second))
    for step in range(3, 8):
        set_gradients(moved, step)
        going_on.step()
    want, _ = trained(kind, "cpu", capturable=capturable)
    assert_same(moved, want)


def test_a_copied_optimizer_goes_on_alike():
    params, optimizer = trained(BertAdam, "cuda", steps=range(3))
    twin_params, twin = copy.deepcopy((params, optimizer))
    for step in range(3, 6):
        for each, which in ((params, optimizer), (twin_params, twin)):
            set_gradients(each, step)
            which.step()
    assert_same(params, twin_params)
