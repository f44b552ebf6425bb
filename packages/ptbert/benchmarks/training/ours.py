"""One training of ``ptbert.training``, measured: ``python ours.py TASK DATA FOLDER THREADS``."""

import resource
import sys
import time

# ruff: noqa: T201


def main(task: str, data: str, folder: str, threads: str) -> None:
    """Train one epoch and print the CPU time at the end of each step, with its tokens."""
    import torch

    torch.set_num_threads(int(threads))
    from examples import MODEL

    from ptbert.training import Settings, train
    from ptbert.training.monitor import Monitor

    step = Monitor.step

    def measured(self: Monitor, *arguments: int, tokens: int, **options: float) -> None:
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print("step", time.process_time(), tokens, memory, flush=True)
        step(self, *arguments, tokens=tokens, **options)

    Monitor.step = measured
    train(
        Settings(
            task=task,
            model=str(MODEL),
            data=data,
            output=folder,
            epochs=1,
            device="cpu",
            max_length=0 if task != "answer" else 384,
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
