# ruff: noqa: T201 - a command line prints
"""Time the least that a Python program does for some answers, beside HF tokenizers.

    python floors.py --vocabularies FOLDER CORPUS...

FOLDER and the corpora are as for ``compare.py``. A floor knows the answer for every word and every
id of the corpus beforehand, and checks nothing: it splits a text that needs no cleaning, looks up
each word in a dictionary, and makes the list that is asked for. No program in Python that does the
same word by word is faster. Figures are how many times as fast as the peer the floor is, and ours.
"""

import argparse
import gc
import os
import re
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, repeat
from pathlib import Path
from statistics import median
from typing import Any

os.environ["TOKENIZERS_PARALLELISM"] = "false"  # read when the library is first used
os.environ["RAYON_NUM_THREADS"] = "1"

from corpora import blocks_of, read_corpus
from paths import BLOCK, PATHS, REPETITIONS, Run, sentences
from peers import TASKS

from ptbert_tokenizers.plain.bpe import hidden

GPT2_WORDS = re.compile(r" ?[^\W\d_]+|'(?:[stmd]|re|ve|ll)| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+")


def single_texts(ours: Any, texts: Iterable[str]) -> Run:
    """Split, look up, and make one list of ids."""
    split = str.split if ours.family == "bert" else GPT2_WORDS.findall
    words = {word for text in texts for word in split(text)}
    ids = {word: tuple(ours.encode(word, add_special_tokens=False)) for word in words}.__getitem__
    return lambda some: [list(chain.from_iterable(map(ids, split(text)))) for text in some]


def separate_words(ours: Any, texts: Iterable[Sequence[str]]) -> Run:
    """Look up, and make a list of tokens and one of the numbers of their words."""
    tokens = {word: ours.tokenize_words([word])[0] for text in texts for word in text}.__getitem__

    def run(some: Sequence[Sequence[str]]) -> object:
        found = [list(map(tokens, words)) for words in some]
        return [
            (
                list(chain.from_iterable(each)),
                list(chain.from_iterable(map(repeat, range(len(each)), map(len, each)))),
            )
            for each in found
        ]

    return run


def wordpiece_alone(ours: Any, texts: Iterable[str]) -> Run:
    """Split, look up, and make one list of pieces."""
    cut = ours.wordpiece_tokenizer.tokenize
    pieces = {word: tuple(cut(word)) for text in texts for word in text.split()}.__getitem__
    return lambda some: [list(chain.from_iterable(map(pieces, text.split()))) for text in some]


def decoding(ours: Any, _: object) -> Run:
    """Look up what each token adds, and make one string of it."""
    if ours.family == "bert":
        shares = {i: f" {name}".replace(" ##", "") for i, name in ours.ids_to_tokens.items()}
        share = shares.__getitem__
        return lambda rows: ["".join(map(share, row)) for row in rows]
    data = {index: hidden(token) for index, token in ours.decoder.items()}.__getitem__
    return lambda rows: [b"".join(map(data, row)).decode("utf-8", "replace") for row in rows]


FLOORS: dict[str, Callable[[Any, Any], Run]] = {
    "separate words": separate_words,
    "one short text at a time": single_texts,
    "decode": decoding,
    "WordpieceTokenizer alone": wordpiece_alone,
}


def ratios(task: str, path: str, blocks: Sequence[Any], vocabularies: Path) -> tuple[float, float]:
    """How many times as fast as the peer the floor is on the second half, and ours."""
    ours = TASKS[task].ours(vocabularies)
    make, prepare = PATHS[path]
    if path == "decode":
        blocks = [[ours.encode(text, add_special_tokens=False) for text in b] for b in blocks]
    elif prepare is not None:
        blocks = [prepare(block) for block in blocks]
    if prepare is sentences and ours.family == "bert":  # the floor does not clean them
        cleaned = ours.basic_tokenizer.tokenize
        blocks = [[" ".join(cleaned(text)) for text in block] for block in blocks]
    floor = FLOORS[path](ours, chain.from_iterable(blocks))
    found = []
    for _ in range(REPETITIONS):
        folder = vocabularies / TASKS[task].vocabulary
        runs = [floor, *make(TASKS[task].ours(vocabularies), TASKS[task].hugging_face(folder))]
        seconds = [0.0, 0.0, 0.0]
        gc.collect()
        for number, block in enumerate(blocks):
            for which, run in enumerate(runs):
                start = time.process_time()
                run(block)
                seconds[which] += (time.process_time() - start) * (number >= len(blocks) // 2)
        found.append((seconds[2] / seconds[0], seconds[2] / seconds[1]))
    least, own = zip(*found, strict=True)
    return median(least), median(own)


def main() -> None:
    """Read the command line, run all floors, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("corpora", nargs="+", type=Path, help="text or .jsonl, may be .gz")
    parser.add_argument("--vocabularies", type=Path, required=True, help="folder of vocabularies")
    parser.add_argument("--tasks", nargs="*", default=["bert-uncased", "gpt2"], choices=list(TASKS))
    parser.add_argument("--paths", nargs="*", default=list(FLOORS), choices=list(FLOORS))
    parser.add_argument("--bytes", type=int, default=10**9, help="of each corpus, at most")
    options = parser.parse_args()

    corpora = {path.name.partition(".")[0]: read_corpus(path) for path in options.corpora}
    print("Floor, and ours:")
    print(f"| task, path | {' | '.join(corpora)} |\n|---|{'---|' * len(corpora)}")
    for task in options.tasks:
        for path in options.paths:
            if path == "WordpieceTokenizer alone" and not task.startswith("bert"):
                continue
            row = []
            for texts in corpora.values():
                blocks = list(blocks_of(texts, BLOCK))[: max(2, options.bytes // BLOCK)]
                least, own = ratios(task, path, blocks, options.vocabularies)
                row.append(f"{least:.1f}x, {own:.1f}x")
            print(f"| {task}, {path} | {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
