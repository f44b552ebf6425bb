"""Folders as other libraries write them."""

import gzip
import json
from pathlib import Path
from typing import Any

from ptbert_tokenizers.files.vocabulary import write_json_vocabulary, write_lines, write_merges

RECORDED = json.loads(
    gzip.decompress((Path(__file__).parent / "data/folders_of_transformers.json.gz").read_bytes())
)


SYMBOLS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "##s", "ö", "l", "##l", "o"]


def write_json(**files: Any) -> None:
    for name, content in files.items():
        Path(f"{name}.json").write_text(json.dumps(content), encoding="utf-8")


def bert_folder(**files: Any) -> None:
    write_lines("vocab.txt", SYMBOLS)
    write_json(**files)


def gpt2_folder(**files: Any) -> None:
    write_json_vocabulary("vocab.json", {"a": 0, "b": 1, "ab": 2, "Ġ": 3, "<|endoftext|>": 4})
    write_merges("merges.txt", [("a", "b")])
    write_json(**files)
