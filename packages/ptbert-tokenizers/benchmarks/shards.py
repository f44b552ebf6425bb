# ruff: noqa: T201 - a command line prints
"""Time ``encode_shard`` beside encoding alone, with one process and with several.

    python shards.py [--rounds N] [--workers N] TOKENIZER CORPUS

The corpus is UTF-8 text, with a text on each line. The ways take turns, after one that does not
count. Printed are the smallest CPU time of all processes and the smallest time that passed, which
other programs spoil least; how they compare; and the sizes, and the memory of the main process.
"""

import argparse
import os
import tempfile
from contextlib import closing
from functools import partial

from timing import memory, timed

from ptbert_tokenizers import encode_shard, read_documents
from ptbert_tokenizers.families import load_tokenizer
from ptbert_tokenizers.token_files.formats import id_writer


def stream(model: str, corpus: str, output: str, workers: int) -> None:
    """Encode and write ids, without a manifest."""
    encoded = load_tokenizer(model).encode_stream(read_documents([corpus]), workers=workers)
    with id_writer(output, "npy", 16) as write, closing(encoded):
        for flat in encoded:
            write(flat)


def shard(model: str, corpus: str, output: str, workers: int) -> None:
    """Encode and write ids, with a manifest."""
    encode_shard(corpus, output, load_tokenizer(model), bits=16, workers=workers)


def main() -> None:
    """Race the ways in turns."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tokenizer", help="its name or folder")
    parser.add_argument("corpus")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2, help="processes of the last two rows")
    arguments = parser.parse_args()
    given = arguments.tokenizer, arguments.corpus
    print(f"{os.path.getsize(arguments.corpus) / 1e6:.1f} MB, {arguments.rounds} rounds")
    ways = [(way, workers) for workers in (1, arguments.workers) for way in (stream, shard)]
    found: dict[object, list[tuple[float, float]]] = {each: [] for each in ways}
    with tempfile.TemporaryDirectory() as folder:
        shard(*given, os.path.join(folder, "first.npy"), 1)
        for number in range(arguments.rounds):
            for way, workers in ways:
                output = os.path.join(folder, f"{number}-{way.__name__}-{workers}.npy")
                found[way, workers].append(timed(partial(way, *given, output, workers)))
        size = os.path.getsize(output)
    best = {each: [min(times) for times in zip(*found[each], strict=True)] for each in ways}
    for (way, workers), (cpu, passed) in best.items():
        print(f"{way.__name__}, {workers} processes: {cpu:.2f} s of CPU time, {passed:.2f} s")
    more = best[shard, 1][0] / best[stream, 1][0] - 1
    print(f"a shard takes {more:+.1%} CPU time")
    cpu, passed = (
        several / one
        for one, several in zip(best[stream, 1], best[stream, arguments.workers], strict=True)
    )
    print(f"{arguments.workers} processes take {cpu - 1:+.1%} CPU time, and are {1 / passed:.2f}x")
    print(f"{size / 1e6:.1f} MB of ids, {memory():.0f} MB of memory")


if __name__ == "__main__":
    main()
