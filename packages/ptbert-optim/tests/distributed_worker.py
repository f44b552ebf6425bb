"""One of two processes that train a model together; run by ``test_distributed.py``.

usage: distributed_worker.py RANK STORE_FILE RESULT_FILE

Process 0 also trains the model alone on the whole batch. It writes, for each scenario, the largest
difference between the parameters of the two trainings.
"""

import io
import json
import sys
import warnings
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.checkpoint.state_dict import (
    get_optimizer_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.optim import ZeroRedundancyOptimizer
from torch.nn.parallel import DistributedDataParallel

from ptbert_optim import BertAdam, OpenAIAdam

OPTIONS = {"lr": 0.05, "warmup": 0.2, "t_total": 10, "weight_decay": 0.1, "max_grad_norm": 0.05}
STEPS = 6


def new_model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(40, 31), nn.Tanh(), nn.Linear(31, 3))


def train(model, optimizer, share, steps=range(STEPS)):
    for step in steps:
        generator = torch.Generator().manual_seed(step)
        inputs = torch.randn(8, 40, generator=generator)
        optimizer.zero_grad()
        model(inputs[share]).square().mean().backward()
        optimizer.step()


def data_parallel(optimizer_class, share):
    model = DistributedDataParallel(new_model())
    train(model, optimizer_class(model.parameters(), **OPTIONS), share)
    return list(model.parameters())


def sharded(optimizer_class, share, options=OPTIONS):
    model = new_model()
    mesh = init_device_mesh("cpu", (2,))
    fully_shard(model[0], mesh=mesh)
    fully_shard(model, mesh=mesh)
    optimizer = optimizer_class(model.parameters(), **options)
    train(model, optimizer, share, range(3))
    saved = get_optimizer_state_dict(model, optimizer)
    resumed = optimizer_class(model.parameters(), **{**options, "lr": 7.0})
    set_optimizer_state_dict(model, resumed, saved)
    train(model, resumed, share, range(3, STEPS))
    return [param.full_tensor() for param in model.parameters()]


def sharded_with_global_clip(optimizer_class, share):
    return sharded(optimizer_class, share, {**OPTIONS, "global_clip": True})


def zero_redundancy(optimizer_class, share):
    model = DistributedDataParallel(new_model())
    optimizer = ZeroRedundancyOptimizer(model.parameters(), optimizer_class, **OPTIONS)
    train(model, optimizer, share, range(3))
    optimizer.consolidate_state_dict(to=0)
    saved = [None]
    if dist.get_rank() == 0:
        file = io.BytesIO()
        torch.save(optimizer.state_dict(), file)
        saved = [file.getvalue()]
    dist.broadcast_object_list(saved)
    resumed = ZeroRedundancyOptimizer(model.parameters(), optimizer_class, lr=7.0)
    resumed.load_state_dict(torch.load(io.BytesIO(saved[0]), weights_only=True))
    train(model, resumed, share, range(3, STEPS))
    return list(model.parameters())


SCENARIOS = [data_parallel, zero_redundancy]
if hasattr(torch.cpu.Stream, "record_event"):  # without it fully_shard cannot run on a CPU
    SCENARIOS += [sharded, sharded_with_global_clip]


def main(rank, store_file, result_file):
    store = dist.FileStore(store_file, 2)
    dist.init_process_group(
        "gloo", store=store, rank=rank, world_size=2, timeout=timedelta(seconds=60)
    )
    differences = {}
    for optimizer_class in (BertAdam, OpenAIAdam):
        for scenario in SCENARIOS:
            together = scenario(optimizer_class, slice(4 * rank, 4 * rank + 4))
            options = {**OPTIONS, "global_clip": scenario is sharded_with_global_clip}
            model = new_model()
            train(model, optimizer_class(model.parameters(), **options), slice(None))
            pairs = zip(together, model.parameters(), strict=True)
            largest = max((left - right).abs().max().item() for left, right in pairs)
            moved = (model[0].weight - new_model()[0].weight).abs().max().item()
            name = f"{optimizer_class.__name__} {scenario.__name__}"
            differences[name] = {"largest": largest, "moved": moved}
    if rank == 0:
        Path(result_file).write_text(json.dumps(differences), "utf-8")
    dist.destroy_process_group()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(int(sys.argv[1]), *sys.argv[2:])
