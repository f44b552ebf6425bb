"""Text to time tokenizers on."""

import gzip
import json
from collections.abc import Iterator, Sequence
from pathlib import Path


def read_corpus(path: Path) -> list[str]:
    """Return the texts of a file: its JSON strings, or its lines."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    lines = text.split("\n")
    if ".jsonl" in path.suffixes:
        return [json.loads(line) for line in lines if line]
    return [line for line in lines if line]


def blocks_of(texts: Sequence[str], size: int) -> Iterator[list[str]]:
    """Cut a list of texts into lists of about ``size`` bytes of UTF-8."""
    block: list[str] = []
    total = 0
    for text in texts:
        block.append(text)
        total += len(text.encode("utf-8", "ignore"))
        if total >= size:
            yield block
            block, total = [], 0
    if block:
        yield block
