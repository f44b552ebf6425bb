"""Time the least that a program using PyTorch does for some answers, beside transformers.

    python floors.py [--rounds N] [--layers N]

A floor multiplies with every weight that the work needs, in the shapes of the work: each weight is
a matrix of its own, padding is left out, and a prompt of several beams is read once. Nothing else
is computed, neither attention nor normalization nor activation. ``products`` are PyTorch's with the
weights as they are, ``oneDNN`` that library's, ``arranged`` the same with a second copy of all
weights in the order that it likes best, and ``reading`` adds up all numbers of every weight in
every step. Figures are how many times as fast as transformers each is.
"""

import argparse
import statistics
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import gpt2_batches
import padded
import torch
from products import (
    WIDE,
    WIDTH,
    floor,
    gpt2_weights,
    one_dnn,
    one_dnn_arranged,
    plain_product,
    random_weights,
    reading,
    steps_of_writing,
)
from timing import begun, times_in_turns
from torch import Tensor

# ruff: noqa: T201 - a command line prints

OURS, TODAY = padded.OURS, padded.TODAY
FLOORS = {
    "products": plain_product,
    "oneDNN": one_dnn,
    "arranged": one_dnn_arranged,
    "reading": reading,
}
NEW = 32

Runs = Mapping[str, Callable[[], Any]]
Work = tuple[str, Runs, list[Tensor], list[list[int]], Callable[[str, Any], None]]


def writing(texts: int, beams: int, layers: int) -> Work:
    """GPT-2 continues texts of 32 tokens, greedily or with beams."""
    runs = gpt2_batches.writing(layers, texts, beams, new=NEW)
    steps = steps_of_writing(texts * gpt2_batches.PROMPT, NEW, texts * beams, layers=layers)
    title = f"GPT-2, {texts} text(s), 32 tokens in, {NEW} out, {beams} beam(s)"
    return title, runs, gpt2_weights(layers), steps, partial(gpt2_batches.same, {})


def first_token(layers: int) -> Work:
    """GPT-2 reads 512 tokens and writes one."""
    runs = gpt2_batches.writing(layers, 1, 1, prompt=512, new=1)
    steps = steps_of_writing(512, 1, layers=layers)
    title = "GPT-2, 512 tokens in, 1 out"
    return title, runs, gpt2_weights(layers), steps, partial(gpt2_batches.same, {})


def reading_padded(task: Callable[..., Runs], layers: int) -> Work:
    """BERT reads 16 texts of 10 to 128 tokens in bfloat16; class scores need the first tokens."""
    shapes = [(WIDTH, WIDTH)] * 4 + [(WIDE, WIDTH), (WIDTH, WIDE)]  # (out, in)
    stored = random_weights(*shapes * layers, dtype=torch.bfloat16)
    tokens, texts = int(padded.LENGTHS.sum()), len(padded.LENGTHS)
    rows = [tokens] * len(stored)
    if task is padded.class_scores:  # of the last layer all keys and values
        rows[-6:] = [texts, tokens, tokens, texts, texts, texts]
    title = f"BERT, {task.__name__.replace('_', ' ')} of padded texts, bfloat16"
    weights = [each.T for each in stored]
    return title, task(layers, torch.bfloat16), weights, [rows], partial(padded.same, {})


WORKS: Sequence[Callable[[int], Work]] = (
    partial(reading_padded, padded.hidden_states),
    partial(reading_padded, padded.answers),
    partial(reading_padded, padded.class_scores),
    partial(writing, 1, 1),
    partial(writing, 1, 4),
    partial(writing, 8, 1),
    first_token,
)


def print_row(work: Work, rounds: int) -> None:
    """Time both libraries and the floors in turns, and print a row of the table."""
    title, runs, weights, steps, same = work

    def check(name: str, result: Any) -> None:
        if name in runs:
            same(name, result)

    floors = {name: floor(kernel, weights, steps) for name, kernel in FLOORS.items()}
    times = times_in_turns({**runs, **floors}, rounds, check)
    medians = {name: statistics.median(each) for name, each in times.items()}
    ratios = (f"{medians[TODAY] / medians[name]:.2f}" for name in (OURS, *FLOORS))
    print(f"| {title} | {1e3 * medians[TODAY]:.0f} ms | {' | '.join(ratios)} |", flush=True)


def main() -> None:
    """Print a row for each work."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments = begun(parser, rounds=5, layers=12)
    print(
        f"\n| work | {TODAY} | {OURS} | {' | '.join(FLOORS)} |\n|---|{'---|' * (2 + len(FLOORS))}"
    )
    for work in WORKS:
        print_row(work(arguments.layers), arguments.rounds)


if __name__ == "__main__":
    with torch.inference_mode():
        main()
