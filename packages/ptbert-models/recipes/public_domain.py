"""Write the King James Bible and the novels of Jane Austen as plain text, from packages of Debian.

::

    python packages/ptbert-models/recipes/public_domain.py TEXTS
    ptbert-tokenizers train wordpiece TEXTS/train.txt --size 8000 -o TEXTS/bert
    ptbert-tokenizers train byte-bpe TEXTS/train.txt --size 8000 -o TEXTS/gpt2

Both texts are in the public domain. ``TEXTS/train.txt`` has nine of ten chapters, and
``TEXTS/held_out.txt`` every tenth one. A line is a verse or a paragraph, and an empty line is
between two chapters. The packages are downloaded by ``apt-get``, unless their files are given by
``--deb``. ``dpkg`` and ``gzip`` unpack them.

``--novel 5`` writes the lines of one novel instead, as the package has them, to ``novel_5.txt``.
"""

import argparse
import re
import struct
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from itertools import groupby, pairwise
from pathlib import Path

BIBLE, NOVELS = "bible-kjv-text", "r-cran-janeaustenr"  # versions 4.38 and 1.0.0 were used
VERSES, NOVELS_IN_ALL = 31_102, 6  # as everybody counts them
HELD_OUT = 10  # one chapter of so many

WINDOWS = 0x54  # where the size of a window, their number, and where each begins are
_COMPRESS = b"\x1f\x9d\x90"  # the header of a file of the program `compress` with 16 bits
_VERSE = re.compile(r"(\d?[A-Z][A-Za-z]+)(\d+):\d+ (.*)")
_HEADING = re.compile(r"(chapter|volume)\b", re.IGNORECASE)
_END = re.compile(r"(finis|the end)\.?", re.IGNORECASE)

Chapter = list[str]


def bible_chapters(content: bytes) -> list[Chapter]:
    """Return the verses of each chapter, from ``bible.data`` of the Bible Retrieval System.

    After a header, the file has windows of the text, each compressed like a file of ``compress``
    without its header.
    """
    number = struct.unpack_from(">2I", content, WINDOWS)[1]
    bounds = struct.unpack_from(f">{number + 1}I", content, WINDOWS + 8)
    windows = (_COMPRESS + content[start:stop] for start, stop in pairwise(bounds))
    text = b"".join(_run(["gzip", "-dc"], window) for window in windows).decode("ascii")
    verses = [match.groups() for line in text.splitlines() if (match := _VERSE.fullmatch(line))]
    return [
        [verse for _, _, verse in chapter]
        for _, chapter in groupby(verses, lambda verse: verse[:2])
    ]


def novel_chapters(lines: Iterable[str]) -> list[Chapter]:
    """Return the paragraphs of each chapter of a novel; what is before the first is left out."""
    chapters: list[Chapter] = []
    for is_blank, group in groupby(lines, lambda line: not line.strip()):
        paragraph = " ".join(line.strip() for line in group).replace("_", "")  # it marks emphasis
        if is_blank or _END.fullmatch(paragraph):
            continue
        if _HEADING.match(paragraph):
            chapters.append([])
        elif chapters:
            chapters[-1].append(paragraph)
    return [chapter for chapter in chapters if chapter]  # the first chapter follows a volume


def texts_of_rdb(content: bytes) -> Iterator[list[str]]:
    """Read the vectors of strings in a file of R's lazy loading, such as ``Rdata.rdb``.

    Source:
        "R Internals", 1.8 (serialization) and 1.11: blocks with a length of 4 bytes before what
        zlib compressed; a vector of strings has the number 16, and a string the number 9.
    """
    while len(content) > 4:
        unpacked = zlib.decompressobj()
        block = unpacked.decompress(content[4:])
        content = unpacked.unused_data
        start = block.find(b"\x00\x00\x00\x10")
        if start < 0:
            continue
        at, texts = start + 8, []
        for _ in range(int.from_bytes(block[start + 4 : start + 8])):
            size = int.from_bytes(block[at + 4 : at + 8])
            texts.append(block[at + 8 : at + 8 + size].decode("utf-8", "replace"))
            at += 8 + size
        yield texts


def main() -> None:
    """Write the texts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="where the texts are written")
    parser.add_argument(
        "--deb", type=Path, nargs="+", default=[], help=f"files of {BIBLE} and {NOVELS}"
    )
    parser.add_argument(
        "--novel", type=int, choices=range(1, NOVELS_IN_ALL + 1), help="write this novel alone"
    )
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        wanted = [NOVELS] if options.novel else [BIBLE, NOVELS]
        for package in options.deb or _downloaded(folder, wanted):
            _run(["dpkg", "-x", str(package), scratch])
        books = list(texts_of_rdb(next(folder.rglob("Rdata.rdb")).read_bytes()))
        if options.novel:
            text = "".join(f"{line}\n" for line in books[options.novel - 1])
            (options.folder / f"novel_{options.novel}.txt").write_text(text, encoding="utf-8")
            return
        bible = bible_chapters(next(folder.rglob("bible.data")).read_bytes())
    found = sum(map(len, bible)), len(books)
    if found != (VERSES, NOVELS_IN_ALL):
        sys.exit(f"{found[0]} verses and {found[1]} novels, and not {VERSES} and {NOVELS_IN_ALL}")
    chapters = [*bible, *(chapter for book in books for chapter in novel_chapters(book))]
    for name, is_held_out in (("train", False), ("held_out", True)):
        some = [
            chapter
            for number, chapter in enumerate(chapters, 1)
            if (number % HELD_OUT == 0) == is_held_out
        ]
        text = "\n".join("".join(f"{line}\n" for line in chapter) for chapter in some)
        (options.folder / f"{name}.txt").write_text(text, encoding="utf-8")
        sys.stdout.write(
            f"{name}.txt: {len(some)} chapters, {len(text.split())} words, {len(text)} characters\n"
        )


def _downloaded(folder: Path, packages: Iterable[str]) -> Iterator[Path]:
    for package in packages:
        _run(["apt-get", "download", package], folder=folder)
        yield from folder.glob(f"{package}_*.deb")


def _run(command: list[str], data: bytes = b"", folder: Path | None = None) -> bytes:
    return subprocess.run(
        command, input=data, cwd=folder, stdout=subprocess.PIPE, check=True
    ).stdout


if __name__ == "__main__":
    main()
