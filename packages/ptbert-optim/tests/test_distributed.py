"""Two processes train as one, see ``distributed_worker.py``."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Shard, distribute_tensor

from ptbert_optim.clipping import clip_coefficients

WORKER = Path(__file__).with_name("distributed_worker.py")

needs_streams_with_events = pytest.mark.skipif(
    not hasattr(torch.cpu.Stream, "record_event"),
    reason="in PyTorch 2.6 fully_shard does not run on a CPU, whose streams have no events",
)


@pytest.fixture(scope="module")
def differences(tmp_path_factory):
    folder = tmp_path_factory.mktemp("together")
    workers = [
        subprocess.Popen(
            [sys.executable, WORKER, str(rank), folder / "store", folder / "result.json"],
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in (0, 1)
    ]
    errors = []
    try:
        for worker in workers:
            errors.append(worker.communicate(timeout=300)[1])
    finally:
        for worker in workers:
            worker.kill()
    assert [worker.returncode for worker in workers] == [0, 0], "\n".join(errors)
    assert errors == ["", ""]  # no warning either
    return json.loads((folder / "result.json").read_text("utf-8"))


@pytest.mark.parametrize("optimizer", ["BertAdam", "OpenAIAdam"])
@pytest.mark.parametrize(
    "scenario",
    [
        "data_parallel",
        pytest.param("sharded", marks=needs_streams_with_events),
        pytest.param("sharded_with_global_clip", marks=needs_streams_with_events),
        "zero_redundancy",
    ],
)
def test_two_processes_reach_the_parameters_of_one(differences, optimizer, scenario):
    difference = differences[f"{optimizer} {scenario}"]

    assert difference["moved"] > 0.1
    assert difference["largest"] < 5e-6


# PyTorch 2.6 warns of random numbers; there are none here.
@pytest.mark.filterwarnings("ignore:DTensor random operators:UserWarning")
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_distributed_gradients_of_each_type_are_clipped_by_their_norm(dtype):
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        mesh = init_device_mesh("cpu", (1,))
        grads = [torch.full((4,), 512.0, dtype=dtype), torch.full((9,), 0.25, dtype=dtype)]
        given = [distribute_tensor(grad, mesh, [Shard(0)]) for grad in grads]

        found = clip_coefficients(given, 2.0)
    finally:
        dist.destroy_process_group()

    # The norms are 2 * 512, whose square float16 does not hold, and 3 * 0.25.
    torch.testing.assert_close(found, torch.tensor([2 / 1024, 1.0]).to(found), rtol=1e-6, atol=0)
    assert found.dtype == torch.promote_types(dtype, torch.float32)
