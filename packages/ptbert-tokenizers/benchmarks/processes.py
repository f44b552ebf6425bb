# ruff: noqa: T201 - a command line prints
"""Time ``ptbert-tokenizers encode`` with one process and with several.

    python processes.py [--rounds N] [--workers N] TOKENIZER CORPUS

The command runs as users run it, so starting Python and loading the tokenizer count too. The ways
take turns, after one run that does not count, in which files come into memory and modules are
compiled. Printed are the smallest CPU time of all processes and the smallest time that passed, for
each way, and how they compare. All runs must write the same bytes.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from timing import timed


def encode(tokenizer: str, corpus: str, output: Path, workers: int) -> None:
    """Run the command."""
    command = [sys.executable, "-m", "ptbert_tokenizers", "encode", tokenizer, corpus, "--quiet"]
    compiled = {name: os.environ[name] for name in os.environ if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run([*command, "-o", output, "--workers", str(workers)], check=True, env=compiled)


def main() -> None:
    """Race the ways in turns."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tokenizer", help="its name or folder")
    parser.add_argument("corpus")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    given = arguments.tokenizer, arguments.corpus
    found: dict[int, list[tuple[float, float]]] = {1: [], arguments.workers: []}
    with tempfile.TemporaryDirectory() as folder:
        first = Path(folder, "first.npy")
        encode(*given, first, 1)
        for number in range(arguments.rounds):
            for workers, times in found.items():
                output = Path(folder, f"{number}-{workers}.npy")
                times.append(timed(partial(encode, *given, output, workers)))
                if output.read_bytes() != first.read_bytes():
                    raise SystemExit(f"{workers} processes wrote other bytes than one")
                output.unlink()
    best = {
        workers: [min(each) for each in zip(*times, strict=True)]
        for workers, times in found.items()
    }
    print(f"{os.path.getsize(arguments.corpus) / 1e6:.1f} MB, {arguments.rounds} rounds")
    for workers, (cpu, passed) in best.items():
        print(f"{workers} processes: {cpu:.2f} s of CPU time, {passed:.2f} s")
    cpu, passed = (one / several for one, several in zip(*best.values(), strict=True))
    print(f"{arguments.workers} processes take {1 / cpu - 1:+.1%} CPU time, and are {passed:.2f}x")


if __name__ == "__main__":
    main()
