# ruff: noqa: T201 - a command line prints
"""Time the training of vocabularies beside that of HF tokenizers.

    python training.py [--size N] [--workers N] CORPUS...

A corpus is UTF-8 text, with a text on each line. For BERT's kind and GPT-2's kind, each library
trains in a process of its own. Ours counts and then learns; theirs trains nothing beyond the
alphabet, which is counting, and then all, which is counting and learning. What is printed is the
CPU time of all processes and threads, the time that passed, and the largest memory of the main
process.
"""

import argparse
import time
from collections.abc import Iterator
from multiprocessing import get_context
from typing import Any

from timing import cpu_time, memory
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from ptbert_tokenizers import count_words, read_documents, train_vocabulary


def ours(kind: Any, paths: list[str], size: int, workers: int) -> Iterator[None]:
    """Count, then learn."""
    counts = count_words(read_documents(paths), kind, workers=workers)
    yield
    train_vocabulary(counts, size)
    yield


def theirs(kind: Any, paths: list[str], size: int, workers: int) -> Iterator[None]:
    """Count, then count and learn."""
    for tokens in (1, size):
        _trained(kind, paths, tokens)
        yield


def _trained(kind: str, paths: list[str], size: int) -> None:
    byte_level = pre_tokenizers.ByteLevel
    options: dict[str, Any] = {"vocab_size": size, "min_frequency": 2, "show_progress": False}
    if kind == "byte-bpe":
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = byte_level(add_prefix_space=False)
        trainer = trainers.BpeTrainer(initial_alphabet=byte_level.alphabet(), **options)
    else:
        tokenizer = Tokenizer(models.WordPiece())
        tokenizer.normalizer = normalizers.BertNormalizer()
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        trainer = trainers.WordPieceTrainer(**options)
    tokenizer.train_from_iterator(read_documents(paths), trainer)


def report(name: str, run: Any, *arguments: Any) -> None:
    """Print what the steps of a training took."""
    began, clock = cpu_time(), time.perf_counter()
    steps = run(*arguments)
    for step in ("counting", "all"):
        next(steps, None)
        print(
            f"{name} {arguments[0]:9} {step:8} {cpu_time() - began:6.1f} s CPU "
            f"{time.perf_counter() - clock:6.1f} s {memory():6.0f} MB",
            flush=True,
        )
        if run is theirs:
            began, clock = cpu_time(), time.perf_counter()  # it counts again


def main() -> None:
    """Time both libraries."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpora", nargs="+")
    parser.add_argument("--size", type=int, default=32_000)
    parser.add_argument("--workers", type=int, default=1, help="processes of ours")
    options = parser.parse_args()
    for kind in ("byte-bpe", "wordpiece"):
        for name, run in (("ours  ", ours), ("theirs", theirs)):
            process = get_context("spawn").Process(
                target=report,
                args=(name, run, kind, options.corpora, options.size, options.workers),
            )
            process.start()
            process.join()


if __name__ == "__main__":
    main()
