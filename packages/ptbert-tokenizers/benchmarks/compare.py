# ruff: noqa: T201 - a command line prints
"""Time the tokenizers beside their peers, on one thread, in one run, on files you give.

    python compare.py --vocabularies FOLDER CORPUS...

FOLDER holds the published vocabularies, one folder each: ``bert-base-uncased`` and
``bert-base-cased`` with ``vocab.txt``, ``gpt2`` and ``openai-gpt`` with ``vocab.json`` and
``merges.txt``. A corpus is a text file, or ``.jsonl`` with one JSON string a line; both may be
gzipped. Peers that are not installed are left out. Nothing is downloaded.

Every implementation takes its turn on each block of text, so that a busy machine slows all alike.
*Cold* is the first half of a corpus with a tokenizer just loaded; *warmed* is the second half,
after the first. Figures are MB of UTF-8 a second of CPU time, median of the repetitions.
"""

import argparse
import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median

os.environ["TOKENIZERS_PARALLELISM"] = "false"  # read when the library is first used
os.environ["RAYON_NUM_THREADS"] = "1"

from corpora import blocks_of, read_corpus
from peers import TASKS, Encode, Task

REPETITIONS = 5
COPIES = 25  # of a corpus, for several processes


def main() -> None:
    """Read the command line, run what it asks, print tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("corpora", nargs="+", type=Path, help="text or .jsonl, may be .gz")
    parser.add_argument("--vocabularies", type=Path, required=True, help="folder of vocabularies")
    parser.add_argument("--tasks", nargs="*", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--block", type=int, default=60_000, help="bytes of UTF-8 in a block")
    parser.add_argument("--with-2019", action="store_true", help="time the 2019 library too")
    parser.add_argument("--singly", action="store_true", help="time our single texts too")
    parser.add_argument("--processes", action="store_true", help="two processes against one")
    options = parser.parse_args()

    corpora = {path.name.partition(".")[0]: read_corpus(path) for path in options.corpora}
    print_loading(options.vocabularies, options.tasks)
    for name in options.tasks:
        for corpus, texts in corpora.items():
            compare(TASKS[name], name, corpus, texts, options)
    if options.processes:
        for name in options.tasks:
            for corpus, texts in corpora.items():
                compare_processes(name, corpus, texts, options.vocabularies)


def compare(
    task: Task, name: str, corpus: str, texts: Sequence[str], options: argparse.Namespace
) -> None:
    """Print one row for each implementation of a task on a corpus."""
    blocks = list(blocks_of(texts, options.block))
    middle = len(blocks) // 2
    makers = task.makers(options.vocabularies, singly=options.singly, with_2019=options.with_2019)
    runs: list[tuple[dict[str, float], dict[str, float]]] = []
    for _ in range(REPETITIONS):
        encoders = {maker: make() for maker, make in makers.items()}
        first = seconds_by_turns(encoders, blocks[:middle])
        runs.append((first, seconds_by_turns(encoders, blocks[middle:])))
    cold, warmed = (
        {maker: median(run[half][maker] for run in runs) for maker in makers} for half in (0, 1)
    )
    sizes = [sum(map(size, half)) for half in (blocks[:middle], blocks[middle:])]
    ours = cold["ptbert"], warmed["ptbert"]
    print(f"\n{name}, {corpus} ({sum(sizes) / 1e6:.1f} MB)")
    print("| implementation | cold MB/s | warmed MB/s | ptbert is faster: cold | warmed |")
    print("|---|---|---|---|---|")
    for maker in makers:
        speeds = sizes[0] / cold[maker] / 1e6, sizes[1] / warmed[maker] / 1e6
        ratios = cold[maker] / ours[0], warmed[maker] / ours[1]
        figures = f"{speeds[0]:.2f} | {speeds[1]:.2f} | {ratios[0]:.1f}x | {ratios[1]:.1f}x"
        print(f"| {maker} | {figures} |", flush=True)


def size(block: Sequence[str]) -> int:
    """Bytes of UTF-8 in a block."""
    return sum(len(text.encode("utf-8", "ignore")) for text in block)


def seconds_by_turns(
    encoders: dict[str, Encode], blocks: Sequence[Sequence[str]]
) -> dict[str, float]:
    """CPU seconds of each implementation over all blocks."""
    seconds = dict.fromkeys(encoders, 0.0)
    gc.collect()
    gc.disable()
    for block in blocks:
        for maker, encode in encoders.items():
            start = time.process_time()
            encode(block)
            seconds[maker] += time.process_time() - start
    gc.enable()
    return seconds


def print_loading(vocabularies: Path, tasks: Sequence[str]) -> None:
    """Print how long each tokenizer takes from its files to its first answer."""
    print("| loading | CPU s |")
    print("|---|---|")
    print(f"| import | {median(import_seconds() for _ in range(REPETITIONS)):.3f} |")
    for name in tasks:
        make = TASKS[name].makers(vocabularies)["ptbert"]
        print(f"| {name} | {median(timed(make) for _ in range(REPETITIONS)):.2f} |")


def import_seconds() -> float:
    """CPU seconds of importing the package, in a process of its own, with modules compiled."""
    program = "import time; t = time.process_time(); import ptbert_tokenizers; "
    program += "print(time.process_time() - t)"
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment)
    return float(done.stdout)


def timed(action: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    start = time.process_time()
    action()
    return time.process_time() - start


def compare_processes(name: str, corpus: str, texts: Sequence[str], vocabularies: Path) -> None:
    """Print the wall time of one and of two processes on a corpus many times over."""
    tokenizer = TASKS[name].ours(vocabularies)
    many = list(texts) * COPIES
    tokenizer.encode_flat(texts)
    ways: dict[str, Callable[..., object]] = {
        "encode_flat": tokenizer.encode_flat,
        "encode_batch": partial(tokenizer.encode_batch, max_len=256),
    }
    for way, encode in ways.items():
        seconds: dict[int, list[float]] = {1: [], 2: []}
        for _ in range(REPETITIONS):
            for workers, found in seconds.items():
                start = time.perf_counter()
                encode(many, workers=workers)
                found.append(time.perf_counter() - start)
        one, two = (median(found) for found in seconds.values())
        figures = f"one process {one:.2f} s, two {two:.2f} s, {one / two:.2f}x"
        print(f"\n{name}, {corpus}, {way}: {figures}", flush=True)


if __name__ == "__main__":
    main()
