"""A small model of GPT-2's kind."""

from pathlib import Path

import pytest
from small_corpus import LINES

from ptbert_tokenizers.files.vocabulary import write_json_vocabulary, write_merges
from ptbert_tokenizers.plain.bpe import bytes_to_unicode


@pytest.fixture
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model of GPT-2's kind, and a text beside it in the working folder."""
    Path("text.txt").write_text("\n".join(LINES) + "\n", encoding="utf-8")
    folder = tmp_path_factory.mktemp("gpt2")
    symbols = [*bytes_to_unicode().values(), "he", "ll"]
    write_json_vocabulary(folder / "vocab.json", {name: i for i, name in enumerate(symbols)})
    write_merges(folder / "merges.txt", [("h", "e"), ("l", "l")])
    return folder
