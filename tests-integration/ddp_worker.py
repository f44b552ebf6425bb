"""One of two processes that train a model together: ``ddp_worker.py MODEL RANK STORE OUT``.

Each sees half of the batch. Process 0 writes the gradients, which are the mean of both, to OUT.
"""

import sys

import torch
import torch.distributed
from test_distributed import build, loss_of
from torch.nn.parallel import DistributedDataParallel


def main() -> None:
    """Compute the gradients of one step."""
    name, rank, store, out = sys.argv[1:]
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{store}", rank=int(rank), world_size=2
    )
    model, batch = build(name)
    wrapped = DistributedDataParallel(model)
    half = {key: each.chunk(2)[int(rank)] for key, each in batch.items()}
    loss_of(wrapped(**half)).backward()
    if rank == "0":
        gradients = {k: p.grad for k, p in model.named_parameters() if p.grad is not None}
        torch.save(gradients, out)
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
