"""Time the least that a Python program does for some answers, beside HF tokenizers.

    python floors.py --vocabularies FOLDER CORPUS...

FOLDER and the corpora are as for ``compare.py``. A floor knows the answer for every word and every
id of the corpus beforehand, and checks nothing: it splits a text that needs no cleaning, looks up
each word in a dictionary, and makes the list that is asked for. No program in Python that does the
same word by word is faster. Figures are how many times as fast as the peer the floor is, ours if no
word of the corpus is new to it, and ours.
"""

import os
import re
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, repeat
from pathlib import Path
from typing import Any

os.environ["TOKENIZERS_PARALLELISM"] = "false"  # read when the library is first used
os.environ["RAYON_NUM_THREADS"] = "1"

from paths import PATHS, Run, prepared, print_table, ratios, sentences
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


def floor_and_ours(task: str, path: str, blocks: Sequence[Any], vocabularies: Path) -> list[float]:
    """How many times as fast as the peer the floor is, ours with known words, and ours."""
    ours = TASKS[task].ours(vocabularies)
    blocks = prepared(path, ours, blocks)
    if PATHS[path][1] is sentences and ours.family == "bert":  # the floor does not clean them
        cleaned = ours.basic_tokenizer.tokenize
        blocks = [[" ".join(cleaned(text)) for text in block] for block in blocks]
    floor = FLOORS[path](ours, chain.from_iterable(blocks))
    peer = TASKS[task].hugging_face(vocabularies / TASKS[task].vocabulary)
    known, _ = PATHS[path][0](TASKS[task].ours(vocabularies), peer)
    for block in blocks:
        known(block)
    return ratios(task, path, blocks, vocabularies, floor, known)


if __name__ == "__main__":
    print_table(__doc__ or "", "task, path: floor, known words, ours", list(FLOORS), floor_and_ours)
