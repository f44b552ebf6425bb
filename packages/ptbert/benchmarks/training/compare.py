"""Train beside the Trainer of transformers: tokens a second, the time to the first step, memory.

The same examples, model, batches of 32 and number of threads, one epoch, each training in a process
of its own and in turn, so that a busy machine slows both. CPU time of the process is measured.
Tokens are those of texts, without padding. Trainer uses fused AdamW and is otherwise as it comes.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import torch
import transformers
from examples import MADE

# ruff: noqa: T201

HERE = Path(__file__).parent
BATCH = 32
WANTED = {"classify": 1.7, "tag": 1.4, "answer": 1.3, "masked-lm": 1.3}  # times their speed


class Run(NamedTuple):
    """A training.

    Args:
        speed: tokens in a second of CPU time, from the end of the first step to that of the last.
        start: CPU seconds from the start of the process to the end of the first step.
        memory: MiB at most.
    """

    speed: float
    start: float
    memory: float


def run(script: str, task: str, data: Path, threads: int) -> Run:
    """Run a training and measure it."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(HERE / script), task, str(data), f"{folder}/out"]
        done = subprocess.run(
            [*command, str(threads)], stdout=subprocess.PIPE, text=True, check=True
        )
    steps = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("step ")]
    times = [float(step[0]) for step in steps]
    tokens = [int(step[1]) for step in steps]
    memory = max(int(step[2]) for step in steps) / 1024
    return Run(sum(tokens[1:]) / (times[-1] - times[0]), times[0], memory)


def row(task: str, rounds: int, steps: int, threads: int) -> str:
    """Return a line of the table: medians of ours and theirs, and of the ratios of each round."""
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as folder:
        data = MADE[task](steps * BATCH, Path(folder))
        for _ in range(rounds):
            ours.append(run("ours.py", task, data, threads))
            theirs.append(run("theirs.py", task, data, threads))
    cells = [task]
    for name in Run._fields:
        pairs = [(getattr(a, name), getattr(b, name)) for a, b in zip(ours, theirs, strict=True)]
        a, b = (statistics.median(values) for values in zip(*pairs, strict=True))
        ratio = statistics.median(a / b for a, b in pairs)
        digits = 1 if name == "start" else 0
        cells.append(f"{a:,.{digits}f} / {b:,.{digits}f} = {ratio:.2f}")
    cells.append(f"{WANTED[task]}, 0.5, 0.8")
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Race the tasks that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tasks", nargs="*", choices=[*MADE, []], help="all if none")
    parser.add_argument("--rounds", type=int, default=3, help="trainings of each")
    parser.add_argument("--steps", type=int, default=24, help="of a training")
    parser.add_argument("--threads", type=int, default=1, help="threads of PyTorch")
    arguments = parser.parse_args()
    print(f"torch {torch.__version__}, transformers {transformers.__version__}, ", end="")
    print(f"{arguments.threads} thread(s), {arguments.rounds} rounds of {arguments.steps} steps\n")
    print("| task | tokens a second | seconds to the first step | MiB | wanted |")
    print("|---|---|---|---|---|")
    for task in arguments.tasks or MADE:
        line = row(task, arguments.rounds, arguments.steps, arguments.threads)
        print(line, flush=True)


if __name__ == "__main__":
    main()
