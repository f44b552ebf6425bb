"""A vocabulary and a part of a corpus, in the folder of the test."""

import pytest
from small_shards import VOCABULARY

from ptbert_tokenizers.files.vocabulary import write_lines


@pytest.fixture
def vocabulary() -> str:
    write_lines("vocab.txt", VOCABULARY)
    write_lines("part.txt", ["a b", "", "c"])
    return "vocab.txt"
