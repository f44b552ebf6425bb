"""Data that blocks of the pages read."""

from __future__ import annotations

import csv
import json
import random
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

_GOOD = ("wonderful", "moving", "clever", "a joy", "full of life")
_BAD = ("dull", "far too long", "a mess", "without a plot", "a waste of time")
_THINGS = ("film", "story", "play", "book", "picture")
_NAMES = ("Moses", "Aaron", "David", "Ruth", "Esther", "Peter")
_PLACES = ("Egypt", "Sinai", "Jerusalem", "Rome", "Galilee")


def reviews(folder: Path) -> None:
    """Tables of texts with the labels ``good`` and ``bad``: train.csv, dev.csv and test.csv."""
    for name, size in (("train", 96), ("dev", 32), ("test", 32)):
        rows = [[f"The {thing} was {word}.", label] for thing, word, label in _reviews(name, size)]
        _write_table(folder / f"{name}.csv", ["text", "label"], rows)


def _reviews(seed: str, size: int) -> Iterator[tuple[str, str, str]]:
    draw = random.Random(seed)
    for _ in range(size):
        label, words = draw.choice([("good", _GOOD), ("bad", _BAD)])
        yield draw.choice(_THINGS), draw.choice(words), label


def pairs(folder: Path) -> None:
    """A table of pairs of sentences: pairs.csv."""
    draw = random.Random(1)
    rows = []
    for _ in range(48):
        name, place, other = draw.choice(_NAMES), draw.choice(_PLACES), draw.choice(_PLACES)
        same = "same" if place == other else "other"
        rows.append([f"{name} went to {place}.", f"{name} was in {other}.", same])
    _write_table(folder / "pairs.csv", ["first", "second", "label"], rows)


def names(folder: Path) -> None:
    """Sentences with tagged names, in the format of CoNLL: train.conll and dev.conll."""
    for name, size in (("train", 64), ("dev", 16)):
        draw = random.Random(name)
        sentences = []
        for _ in range(size):
            person, place = draw.choice(_NAMES), draw.choice(_PLACES)
            sentences.append(f"{person} B-PER\nwent O\nup O\nto O\n{place} B-LOC\n. O\n")
        (folder / f"{name}.conll").write_text("\n".join(sentences), encoding="utf-8")


def questions(folder: Path) -> None:
    """Questions with answers, in the format of SQuAD: train.json and dev.json."""
    for name, size in (("train", 48), ("dev", 16)):
        draw = random.Random(name)
        paragraphs = []
        for number in range(size):
            person, place = draw.choice(_NAMES), draw.choice(_PLACES)
            context = f"In those days {person} went up to {place}, and stayed there."
            asked = [("Who went up?", person), ("Where did he go?", place)]
            paragraphs.append(
                {
                    "context": context,
                    "qas": [
                        {
                            "id": f"{number}-{at}",
                            "question": question,
                            "answers": [{"text": text, "answer_start": context.index(text)}],
                        }
                        for at, (question, text) in enumerate(asked)
                    ],
                }
            )
        data = {"version": "1.1", "data": [{"title": "days", "paragraphs": paragraphs}]}
        (folder / f"{name}.json").write_text(json.dumps(data), encoding="utf-8")


def endings(folder: Path) -> None:
    """A table of questions with three endings each: train-endings.csv and dev-endings.csv."""
    for name, size in (("train", 48), ("dev", 16)):
        draw = random.Random(name)
        rows = []
        for _ in range(size):
            place = draw.choice(_PLACES)
            choices = draw.sample([each for each in _PLACES if each != place], 2)
            right = draw.randrange(3)
            choices.insert(right, place)
            ends = [f"and stayed in {each}." for each in choices]
            rows.append([f"{draw.choice(_NAMES)} went to {place},", *ends, right])
        columns = ["begins", "a", "b", "c", "label"]
        _write_table(folder / f"{name}-endings.csv", columns, rows)


def texts(folder: Path) -> None:
    """Two plain texts with a sentence on each line, and an empty line between documents."""
    for name, size in (("text", 60), ("held-out", 12)):
        draw = random.Random(name)
        documents = []
        for _ in range(size // 4):
            person, place = draw.choice(_NAMES), draw.choice(_PLACES)
            documents.append(
                f"In those days {person} went up to {place}.\nAnd he stayed there many days.\n"
                f"Then the people of {place} came to him.\nAnd {person} spoke to them.\n"
            )
        (folder / f"{name}.txt").write_text("\n".join(documents), encoding="utf-8")


def unlabelled(folder: Path) -> None:
    """Files without labels: a table, lines of text, and a word on each line."""
    _write_table(folder / "new.csv", ["text"], [["The play was moving."], ["The film was dull."]])
    (folder / "sentences.txt").write_text("The play was moving.\n", encoding="utf-8")
    (folder / "words.txt").write_text("Moses\nwent\nup\n", encoding="utf-8")


def squad(folder: Path) -> None:
    """The files of ``questions`` under SQuAD's names."""
    questions(folder)
    for name in ("train", "dev"):
        shutil.copy(folder / f"{name}.json", folder / f"{name}-v2.0.json")


def swag(folder: Path) -> None:
    """Two small tables with SWAG's columns."""
    (folder / "swag").mkdir()
    for name in ("train", "val"):
        rows = [["He went up.", "And", *(f"came to {each}." for each in _PLACES[:4]), 1]] * 4
        columns = ["sent1", "sent2", "ending0", "ending1", "ending2", "ending3", "label"]
        _write_table(folder / "swag" / f"{name}.csv", columns, rows)


def notes(folder: Path) -> None:
    """A text of some sentences."""
    text = "The key is in the drawer. He rose early. They went up to Rome.\n"
    (folder / "notes.txt").write_text(text, encoding="utf-8")


def _write_table(path: Path, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
