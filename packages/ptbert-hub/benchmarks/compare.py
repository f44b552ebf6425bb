# ruff: noqa: T201 - its table is its output
"""How fast and how heavy downloading is, against a bare loop over ``requests``.

    python packages/ptbert-hub/benchmarks/compare.py [--megabytes 1000] [--runs 5] [--imports]

A child process serves zeros on loopback with ``sendfile``. Both sides write the file to the same
disk; ours also hashes, syncs, records and publishes it. Medians, after a round that warms up.
Imports are timed in new processes, in turns, with compiled modules on disk; ``--imports`` times
them alone.
"""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from multiprocessing import get_context
from pathlib import Path
from statistics import median

PEAK = """
def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))
"""
OURS = (
    PEAK
    + """
import sys, time
from ptbert_hub import get_from_cache
import requests, filelock, tqdm
began, used = time.perf_counter(), time.process_time()
get_from_cache(*sys.argv[1:])
print(time.perf_counter() - began, time.process_time() - used,
      peak())
"""
)
BARE = (
    PEAK
    + """
import os, sys, time, requests
began, used = time.perf_counter(), time.process_time()
with requests.get(sys.argv[1], stream=True) as answer, open(sys.argv[2], "wb") as file:
    for chunk in answer.iter_content(1 << 20):
        file.write(chunk)
    if sys.argv[3:] == ["sync"]:
        file.flush()
        os.fsync(file.fileno())
print(time.perf_counter() - began, time.process_time() - used,
      peak())
"""
)
IMPORTS = ("import ptbert_hub", "from ptbert_hub import cached_path", "import requests")
TIMED = "import time; t = time.process_time(); {}; print(time.process_time() - t)"


def serve(path: str, port: "object") -> None:
    """Answer every request with the file at ``path``."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port.put(listener.getsockname()[1])  # type: ignore[attr-defined]
        while True:
            connection, _ = listener.accept()
            with connection, open(path, "rb") as file:
                connection.recv(1 << 16)
                size = os.fstat(file.fileno()).st_size
                head = f'HTTP/1.1 200 OK\r\nETag: "1"\r\nContent-Length: {size}\r\n\r\n'
                connection.sendall(head.encode())
                connection.sendfile(file)


def measured(code: str, *arguments: str) -> tuple[float, float, float]:
    """Run a program that prints seconds, processor seconds and megabytes."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    first, second, third = (float(text) for text in done.stdout.split())
    return first, second, third


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--imports", action="store_true", help="time imports alone")
    options = parser.parse_args()
    time_imports(options.runs)
    if options.imports:
        return
    folder = Path(tempfile.mkdtemp())
    try:
        compare(folder, options.megabytes, options.runs)
    finally:
        shutil.rmtree(folder)


def compare(folder: Path, megabytes: int, runs: int) -> None:
    """Measure all sides in turn, so that a busy moment meets them all."""
    served = folder / "served"
    with open(served, "wb") as file:
        file.truncate(megabytes * 1_000_000)
    context = get_context("spawn")
    port = context.Queue()
    server = context.Process(target=serve, args=(str(served), port), daemon=True)
    server.start()
    address = f"http://127.0.0.1:{port.get()}/model.dat"
    bare, cache = str(folder / "bare"), str(folder / "cache")
    runners = {
        "bare loop": lambda: measured(BARE, address, bare),
        "bare loop + fsync": lambda: measured(BARE, address, bare, "sync"),
        "ptbert-hub": lambda: measured(OURS, address, cache),
    }
    sides = {name: [] for name in runners}
    for run in range(runs + 1):
        names = list(runners)
        for position in range(3):  # each side follows each other one as often
            name = names[(run + position) % 3]
            sides[name].append(runners[name]())
            shutil.rmtree(cache, ignore_errors=True)
            Path(bare).unlink(missing_ok=True)
            os.sync()  # what one side left to be written is not the next one's burden
    server.terminate()
    report(sides, megabytes, runs)


def report(sides: dict[str, list[tuple[float, float, float]]], megabytes: int, runs: int) -> None:
    """Print one line for each side."""
    print(f"{megabytes} MB over loopback, medians of {runs} runs")
    print(f"{'':<20}{'MB/s':>8}{'CPU s':>8}{'MB of memory':>14}")
    for name, results in sides.items():
        wall, used, memory = (median(column) for column in zip(*results[1:], strict=True))
        print(f"{name:<20}{megabytes / wall:>8.0f}{used:>8.2f}{memory:>14.0f}")
    for name in ("bare loop", "bare loop + fsync"):
        pairs = list(zip(sides[name], sides["ptbert-hub"], strict=True))[1:]
        share = median(theirs[0] / ours[0] for theirs, ours in pairs)
        print(f"ptbert-hub reaches {share:.0%} of the {name}, run by run")


def time_imports(runs: int) -> None:
    """Print what imports cost, in milliseconds of the processor."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    times: dict[str, list[float]] = {statement: [] for statement in IMPORTS}
    for _ in range(runs + 1):  # the first one may compile modules
        for statement, found in times.items():
            done = subprocess.run(
                [sys.executable, "-c", TIMED.format(statement)],
                capture_output=True,
                check=True,
                env=environment,
            )
            found.append(1000 * float(done.stdout))
    print(f"CPU ms of imports, medians of {runs} runs, and the lowest")
    for statement, found in times.items():
        print(f"{statement:<36}{median(found[1:]):>8.0f}{min(found[1:]):>8.0f}")


if __name__ == "__main__":
    main()
