"""Time one optimizer step beside torch's fused AdamW and the library of 2019.

All contestants of a table update the same parameters from the same gradients, one after the other
in every round, so that a busy machine slows all of them alike; read the ratios. On the CPU the
clock is the process's CPU time.
"""

import argparse
import logging
import math
import re
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from pytorch_pretrained_bert.optimization import BertAdam as BertAdam2019
from pytorch_pretrained_bert.optimization_openai import OpenAIAdam as OpenAIAdam2019
from torch import Tensor, nn

from ptbert_optim import BertAdam, OpenAIAdam

# ruff: noqa: T201

ADAMW = "torch AdamW(fused=True)"
CONTESTANTS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    ADAMW: lambda params, max_grad_norm: torch.optim.AdamW(params, lr=1e-5, fused=True),
    "BertAdam": lambda params, **clip: BertAdam(params, lr=1e-5, **clip),
    "OpenAIAdam": lambda params, **clip: OpenAIAdam(params, lr=1e-5, **clip),
    "BertAdam of 2019": lambda params, **clip: BertAdam2019(params, lr=1e-5, **clip),
    "OpenAIAdam of 2019": lambda params, **clip: OpenAIAdam2019(params, lr=1e-5, **clip),
}
SCENARIOS = [
    ("without clipping", -1, 1e-4),
    ("clipping each tensor, none is too long", 1.0, 1e-4),
    ("clipping each tensor, all are too long", 1.0, 1.0),
]
BYTES_MOVED = 7 * 4  # reads parameter, gradient and both moments, writes all but the gradient


def bert_shapes(layers: int, width: int, vocabulary: int) -> list[tuple[int, ...]]:
    """Return the shapes of BERT's parameters, of BERT-base for (12, 768, 30522)."""
    vector, square = (width,), (width, width)
    layer = [square, vector] * 4 + [vector] * 2 + [(4 * width, width), (4 * width,)]
    layer += [(width, 4 * width), vector] + [vector] * 2
    tables = [(vocabulary, width), (512, width), (2, width)]
    return tables + [vector] * 2 + layer * layers + [square, vector]


def clock(device: str) -> float:
    """Return seconds: of this process on the CPU, of the world on another device."""
    if device == "cpu":
        return time.process_time()
    torch.accelerator.synchronize()
    return time.perf_counter()


def seconds(action: Callable[[], object], device: str) -> float:
    """Return how long an action takes."""
    start = clock(device)
    action()
    return clock(device) - start


def step_times(
    params: list[nn.Parameter], gradients: list[Tensor], max_norm: float, rounds: int, device: str
) -> dict[str, float]:
    """Return the median seconds of a step for each contestant."""
    optimizers = {name: make(params, max_grad_norm=max_norm) for name, make in CONTESTANTS.items()}
    times: dict[str, list[float]] = {name: [] for name in optimizers}
    for _ in range(rounds + 1):
        for name, optimizer in optimizers.items():
            for param, gradient in zip(params, gradients, strict=True):
                param.grad.copy_(gradient)
            times[name].append(seconds(optimizer.step, device))
    return {name: statistics.median(found[1:]) for name, found in times.items()}  # 1 to warm up


def copy_bandwidth(size: int, rounds: int, device: str) -> float:
    """Return the bytes read and written in a second when that many float32 are copied."""
    source, target = torch.ones(size, device=device), torch.ones(size, device=device)
    copies = [seconds(lambda: target.copy_(source), device) for _ in range(rounds + 1)]
    return 2 * 4 * size / statistics.median(copies[1:])


def extra_memory(optimizer: torch.optim.Optimizer) -> int:
    """Return by how many bytes the process grows at its peak during a step that adds no state."""
    optimizer.step()
    before = _status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    optimizer.step()
    return max(_status("VmHWM") - before, 0)


def _status(name: str) -> int:
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) * 1024 if found else 0


def report(arguments: argparse.Namespace) -> None:
    """Measure and print the tables."""
    shapes = bert_shapes(2, 64, 1000) if arguments.small else bert_shapes(12, 768, 30522)
    torch.manual_seed(0)
    device = arguments.device
    params = [nn.Parameter(torch.randn(shape, device=device) * 0.02) for shape in shapes]
    noise = [torch.randn(shape, device=device) for shape in shapes]
    for param in params:
        param.grad = torch.zeros_like(param)
    size = sum(math.prod(shape) for shape in shapes)
    head = f"{size / 1e6:.1f} M parameters in {len(shapes)} tensors, torch {torch.__version__}"
    print(f"{head}, {device}, {torch.get_num_threads()} thread(s), {arguments.rounds} rounds\n")
    if device == "cpu":
        for make in (BertAdam, OpenAIAdam):
            share = extra_memory(make(params, lr=1e-5, max_grad_norm=1.0)) / (4 * size)
            print(f"{make.__name__}: memory beyond the state {share:.1%} of the parameters' size")
    bandwidth = copy_bandwidth(size, arguments.rounds, device)
    print(f"copying the parameters: {bandwidth / 1e9:.1f} GB/s")
    for title, max_norm, scale in SCENARIOS:
        print(f"\n| {title} | ms | times AdamW | of 2019's time | of the copy bandwidth |")
        print("|---|---|---|---|---|")
        times = step_times(
            params, [scale * tensor for tensor in noise], max_norm, arguments.rounds, device
        )
        for name, took in times.items():
            old = times.get(f"{name} of 2019")
            gain = f"1/{old / took:.1f}" if old else ""
            reached = BYTES_MOVED * size / took / bandwidth
            figures = f"{1e3 * took:.1f} | {took / times[ADAMW]:.2f} | {gain} | {reached:.0%}"
            print(f"| {name} | {figures} |")


def main() -> None:
    """Read the command line and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="a tiny model, to see that it runs")
    parser.add_argument("--rounds", type=int, default=9, help="default: %(default)s")
    parser.add_argument("--threads", type=int, default=1, help="default: %(default)s")
    parser.add_argument("--device", default="cpu", help="default: %(default)s")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    warnings.simplefilter("ignore")  # the calls of 2019 are deprecated
    logging.disable(logging.WARNING)
    report(arguments)


if __name__ == "__main__":
    main()
