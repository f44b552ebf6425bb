"""Time the models beside the library of 2019 on the PyTorch of 2019, in an interpreter of its own.

::

    python stack_2019.py --old PYTHON [--rounds N] [--layers N] [ROW ...]

``PYTHON`` is an interpreter with ``torch==1.1.0`` and ``pytorch-pretrained-bert==0.6.2``, such as
that of an environment of Python 3.7. Both sides run ``stack_2019_side.py``, the same program for
2019's interface, with the same weights and ids. They take turns, so that a busy machine slows both
alike. The CPU time of each process is measured, with one thread. The run fails unless both give
the same numbers.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from stack_2019_side import ROWS

# ruff: noqa: T201

SIDE = Path(__file__).with_name("stack_2019_side.py")


class Side:
    """A process that runs a row when it is told to."""

    def __init__(self, python: str, *words: str) -> None:
        self._process = subprocess.Popen(
            [python, str(SIDE), *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.versions = self._answer()

    def run(self) -> tuple[float, list[float]]:
        """Return CPU seconds, and numbers that the result has."""
        assert self._process.stdin
        print("run", file=self._process.stdin, flush=True)
        seconds, numbers = self._answer()
        return seconds, numbers

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()

    def _answer(self) -> Any:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            sys.exit(f"{SIDE.name} ended with status {self._process.wait()}")
        return json.loads(line)


def compare(row: str, old: str, layers: int, rounds: int) -> None:
    """Time a row on both sides, and print a line of the table."""
    with tempfile.TemporaryDirectory() as folder:
        words = row, str(layers), str(Path(folder) / "weights.npz")
        sides = [Side(sys.executable, *words), Side(old, *words)]  # ours writes the weights
        times: list[list[float]] = [[], []]
        for number in range(rounds + 1):
            results = [side.run() for side in sides]
            ours, of_2019 = (numbers for _, numbers in results)
            if not all(
                abs(a - b) <= 1e-3 * (1 + abs(b)) for a, b in zip(ours, of_2019, strict=True)
            ):
                sys.exit(f"{row}: {ours} is not {of_2019}")
            if number:
                for seconds, (second, _) in zip(times, results, strict=True):
                    seconds.append(second)
        for side in sides:
            side.close()
    ours, of_2019 = map(statistics.median, times)
    print(f"| {ROWS[row]} | {1e3 * ours:.1f} | {1e3 * of_2019:.1f} | {of_2019 / ours:.2f} |")


def main() -> None:
    """Compare the rows that the command line names; all without names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", choices=[*ROWS, []], metavar="ROW")
    parser.add_argument("--old", required=True, help="an interpreter with the library of 2019")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--layers", type=int, default=4)
    arguments = parser.parse_args()
    print(f"{arguments.layers} layers, {arguments.rounds} rounds\n")
    print("| | ptbert, CPU ms | 2019, CPU ms | 2019 / ptbert |\n|---|---|---|---|")
    for row in arguments.rows or ROWS:
        compare(row, arguments.old, arguments.layers, arguments.rounds)


if __name__ == "__main__":
    main()
