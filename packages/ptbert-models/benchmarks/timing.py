"""Timing several programs in turn, so that a busy machine slows all of them alike."""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch

# ruff: noqa: T201


def begun(parser: argparse.ArgumentParser, *, rounds: int, layers: int) -> argparse.Namespace:
    """Add the options that all comparisons of models have, parse, and say how this one runs.

    Args:
        parser: with the options of this comparison alone.
        rounds: timed rounds, unless the command line says otherwise.
        layers: of the models, likewise.
    """
    parser.add_argument("--rounds", type=int, default=rounds, help="timed rounds")
    parser.add_argument("--threads", type=int, default=1, help="threads of PyTorch")
    parser.add_argument("--layers", type=int, default=layers, help="layers of the models")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    versions = [f"torch {torch.__version__}"]
    if transformers := sys.modules.get("transformers"):
        transformers.logging.set_verbosity_error()
        versions.append(f"transformers {transformers.__version__}")
    print(", ".join(versions), end=", ")
    print(f"{arguments.threads} thread(s), {arguments.rounds} rounds, {arguments.layers} layers")
    return arguments


def unchecked(name: str, result: Any) -> None:
    """Accept every result."""


def times_in_turns(
    runs: Mapping[str, Callable[[], Any]],
    rounds: int,
    check: Callable[[str, Any], None] = unchecked,
) -> dict[str, list[float]]:
    """Run all programs in every round, and return the CPU seconds of each, by name.

    Args:
        runs: what is timed, by name.
        rounds: timed rounds; one more goes before to warm up.
        check: called with the name and the result of every run; raises if the result is wrong.
    """
    times: dict[str, list[float]] = {name: [] for name in runs}
    for round_number in range(rounds + 1):
        for name, run in runs.items():
            start = time.process_time()
            result = run()
            if round_number:
                times[name].append(time.process_time() - start)
            check(name, result)
    return times


def compare(
    title: str,
    runs: Mapping[str, Callable[[], Any]],
    rounds: int,
    check: Callable[[str, Any], None] = unchecked,
) -> None:
    """Time all programs in every round and print a table of medians and ratios.

    Args:
        title: what they do.
        runs: what is timed, by name; the first one is ours, which the ratios refer to.
        rounds: see ``times_in_turns``.
        check: likewise.
    """
    times = times_in_turns(runs, rounds, check)
    medians = {name: statistics.median(values) for name, values in times.items()}
    ours = next(iter(medians.values()))
    print(f"\n{title}\n\n| | median CPU ms | lowest | times ptbert |\n|---|---|---|---|")
    for name, median in medians.items():
        print(
            f"| {name} | {1e3 * median:.0f} | {1e3 * min(times[name]):.0f} | {median / ours:.2f} |"
        )
