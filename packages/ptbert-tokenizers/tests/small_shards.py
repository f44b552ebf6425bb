"""A small vocabulary for shards, and what lies beside it."""

from pathlib import Path

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "b", "c", "<x>"]
A, B, C, X = range(4, 8)


def output_files() -> dict[str, bytes]:
    return {
        path.name: path.read_bytes()
        for path in sorted(Path().iterdir())
        if path.name not in {"vocab.txt", "part.txt"} and not path.name.endswith(".tmp")
    }
