# ruff: noqa: T201 - a command line prints
"""Time the ways to tokenize that ``compare.py`` leaves out, beside those of HF tokenizers.

    python paths.py --vocabularies FOLDER CORPUS...

FOLDER and the corpora are as for ``compare.py``. Both implementations take their turn on each block
of text, on one thread. Figures are for the second half of each corpus, after the first: how many
times as fast ours is, in CPU time, median of the repetitions. What a program reads of the answer is
read: ids, and where they are asked for, offsets and numbers of words.
"""

import argparse
import gc
import os
import random
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

os.environ["TOKENIZERS_PARALLELISM"] = "false"  # read when the library is first used
os.environ["RAYON_NUM_THREADS"] = "1"

from corpora import blocks_of, read_corpus
from peers import TASKS

REPETITIONS = 3
BLOCK = 60_000  # bytes of UTF-8
ROOM = {"max_len": 384, "stride": 128}
WORD = re.compile(r"\w+|[^\w\s]")
SENTENCE_END = re.compile(r"(?<=[.!?。]) ?")
PARTS_OF_NAMES = re.findall(
    "[A-Z]?[a-z_]+", "getSetUserNameId_listTmpFooCntIdxNodeBufStrToErIngVal"
)

TASKS_HERE = ["bert-uncased", "gpt2", "openai-gpt"]

Run = Callable[[Any], object]


def offsets(ours: Any, theirs: Any) -> tuple[Run, Run]:
    """Windows over long texts, with the places of tokens."""
    theirs.enable_truncation(ROOM["max_len"], stride=ROOM["stride"])
    theirs.enable_padding()

    def peer(texts: Sequence[str]) -> object:
        found = theirs.encode_batch(texts)
        return [(row.ids, row.offsets) for each in found for row in (each, *each.overflowing)]

    return lambda texts: ours.encode_batch(texts, return_offsets=True, **ROOM), peer


def separate_words(ours: Any, theirs: Any) -> tuple[Run, Run]:
    """Words that are separated already, one text after the other."""

    def peer(texts: Sequence[Sequence[str]]) -> object:
        found = theirs.encode_batch(texts, is_pretokenized=True, add_special_tokens=False)
        return [(each.tokens, each.word_ids) for each in found]

    return lambda texts: [ours.tokenize_words(words) for words in texts], peer


def many_texts(ours: Any, theirs: Any) -> tuple[Run, Run]:
    """Ids end to end; special tokens are kept whole."""
    if ours.family == "bert":
        theirs.add_special_tokens(["[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"])

    def peer(texts: Sequence[str]) -> object:
        return [each.ids for each in theirs.encode_batch_fast(texts, add_special_tokens=False)]

    return ours.encode_flat, peer


def single_texts(ours: Any, theirs: Any) -> tuple[Run, Run]:
    """One text at a time."""
    return (
        lambda texts: [ours.encode(text, add_special_tokens=False) for text in texts],
        lambda texts: [theirs.encode(text, add_special_tokens=False).ids for text in texts],
    )


def single_texts_with_places(ours: Any, theirs: Any) -> tuple[Run, Run]:
    """Tokens of one text at a time, and where they come from."""

    def peer(texts: Sequence[str]) -> object:
        found = [theirs.encode(text, add_special_tokens=False) for text in texts]
        return [(each.tokens, each.offsets) for each in found]

    return lambda texts: [ours.tokenize_with_offsets(text) for text in texts], peer


def decoding(ours: Any, theirs: Any) -> tuple[Run, Run]:
    """Ids to texts, without cleaning up, which the peer does not do."""
    from tokenizers import decoders

    is_bert = ours.family == "bert"
    theirs.decoder = decoders.WordPiece(cleanup=False) if is_bert else decoders.ByteLevel()
    return (
        lambda rows: ours.decode_batch(rows, clean_up_tokenization_spaces=False),
        theirs.decode_batch,
    )


def basic_alone(ours: Any, theirs: Any) -> tuple[Run, Run]:
    """Words by ``BasicTokenizer`` alone."""
    normalize, cut = theirs.normalizer.normalize_str, theirs.pre_tokenizer.pre_tokenize_str

    def peer(texts: Sequence[str]) -> object:
        return [[word for word, _ in cut(normalize(text))] for text in texts]

    return lambda texts: [ours.basic_tokenizer.tokenize(text) for text in texts], peer


def wordpiece_alone(ours: Any, theirs: Any) -> tuple[Run, Run]:
    """Pieces of words that spaces separate, by ``WordpieceTokenizer`` alone."""
    cut = theirs.model.tokenize

    def peer(texts: Sequence[str]) -> object:
        return [[piece.value for word in text.split() for piece in cut(word)] for text in texts]

    return lambda texts: [ours.wordpiece_tokenizer.tokenize(text) for text in texts], peer


def spaced(texts: Sequence[str]) -> list[str]:
    """Texts in which spaces separate words and marks."""
    return [" ".join(WORD.findall(text.lower())) for text in texts]


def sentences(texts: Sequence[str]) -> list[str]:
    """Short texts."""
    return [part for text in texts for part in SENTENCE_END.split(text) if part]


def with_marks(texts: Sequence[str]) -> list[str]:
    """Texts with special tokens."""
    return [f"[CLS] {text.replace(' the ', ' [MASK] ')} [SEP]" for text in texts]


def new_names(texts: Sequence[str]) -> list[str]:
    """Identifiers that never came before, as many characters as the texts have."""
    draw = random.Random("".join(texts))  # other texts, other names
    return [
        " ".join("".join(draw.choices(PARTS_OF_NAMES, k=6)) for _ in range(len(text) // 17))
        for text in texts
    ]


PATHS: dict[str, tuple[Callable[[Any, Any], tuple[Run, Run]], Callable[[Any], Any] | None]] = {
    "offsets, windows": (offsets, None),
    "separate words": (separate_words, lambda texts: [WORD.findall(text) for text in texts]),
    "special tokens in texts": (many_texts, with_marks),
    "one short text at a time": (single_texts, sentences),
    "one short text at a time, with offsets": (single_texts_with_places, sentences),
    "new words": (many_texts, new_names),
    "decode": (decoding, None),
    "all texts": (many_texts, None),
    "BasicTokenizer alone": (basic_alone, None),
    "WordpieceTokenizer alone": (wordpiece_alone, spaced),
}
ONLY_BERT = ("special tokens in texts", "BasicTokenizer alone", "WordpieceTokenizer alone")


def prepared(path: str, ours: Any, blocks: Sequence[Any]) -> Sequence[Any]:
    """Blocks of texts as a path takes them."""
    prepare = PATHS[path][1]
    if path == "decode":
        return [[ours.encode(text, add_special_tokens=False) for text in b] for b in blocks]
    return blocks if prepare is None else [prepare(block) for block in blocks]


def ratios(
    task: str, path: str, blocks: Sequence[Any], vocabularies: Path, *others: Run
) -> list[float]:
    """How many times as fast as the peer others are on the second half of the blocks, and ours."""
    found = []
    for _ in range(REPETITIONS):
        folder = vocabularies / TASKS[task].vocabulary
        both = TASKS[task].ours(vocabularies), TASKS[task].hugging_face(folder)
        runs = [*others, *PATHS[path][0](*both)]
        seconds = [0.0] * len(runs)
        gc.collect()
        for number, block in enumerate(blocks):
            for which, run in enumerate(runs):
                start = time.process_time()
                run(block)
                seconds[which] += (time.process_time() - start) * (number >= len(blocks) // 2)
        found.append([seconds[-1] / each for each in seconds[:-1]])
    return [median(column) for column in zip(*found, strict=True)]


def print_table(
    about: str,
    cells: str,
    paths: Sequence[str],
    measure: Callable[[str, str, Sequence[Any], Path], list[float]],
) -> None:
    """Read the command line, measure paths on corpora, and print a table.

    Args:
        about: what the program does; its first line counts.
        cells: what names rows and what cells hold.
        paths: what can be measured.
        measure: takes a task, a path, blocks of texts and the folder of vocabularies.
    """
    parser = argparse.ArgumentParser(description=about.partition("\n")[0])
    parser.add_argument("corpora", nargs="+", type=Path, help="text or .jsonl, may be .gz")
    parser.add_argument("--vocabularies", type=Path, required=True, help="folder of vocabularies")
    parser.add_argument("--tasks", nargs="*", default=TASKS_HERE, choices=list(TASKS))
    parser.add_argument("--paths", nargs="*", default=paths, choices=paths)
    parser.add_argument("--bytes", type=int, default=10**9, help="of each corpus, at most")
    options = parser.parse_args()

    corpora = {path.name.partition(".")[0]: read_corpus(path) for path in options.corpora}
    print(f"| {cells} | {' | '.join(corpora)} |\n|---|{'---|' * len(corpora)}")
    for task in options.tasks:
        for path in options.paths:
            if path in ONLY_BERT and not task.startswith("bert"):
                continue
            row = []
            for texts in corpora.values():
                blocks = list(blocks_of(texts, BLOCK))[: max(2, options.bytes // BLOCK)]
                found = measure(task, path, blocks, options.vocabularies)
                row.append(", ".join(f"{each:.1f}x" for each in found))
            print(f"| {task}, {path} | {' | '.join(row)} |", flush=True)


def ours_alone(task: str, path: str, blocks: Sequence[Any], vocabularies: Path) -> list[float]:
    """How many times as fast as the peer ours is."""
    blocks = prepared(path, TASKS[task].ours(vocabularies), blocks)
    return ratios(task, path, blocks, vocabularies)


if __name__ == "__main__":
    print_table(__doc__ or "", "task, path", list(PATHS), ours_alone)
