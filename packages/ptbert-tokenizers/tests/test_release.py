"""The two releases of 2019: a tokenizer keeps the one it was made for."""

import copy
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

from ptbert_hub.release import current_release, set_release
from ptbert_tokenizers import GPT2Tokenizer
from ptbert_tokenizers.files.vocabulary import write_json_vocabulary, write_merges

TEXT = "It 's late ."


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Leave the release as it was."""
    before = current_release().name
    yield
    set_release(before)


def made() -> GPT2Tokenizer:
    symbols = sorted({*TEXT.replace(" ", "Ġ")})
    write_json_vocabulary("vocab.json", {symbol: number for number, symbol in enumerate(symbols)})
    write_merges("merges.txt", [])
    return GPT2Tokenizer("vocab.json", "merges.txt")


def decoded(tokenizer: GPT2Tokenizer) -> str:
    return tokenizer.decode(tokenizer.encode(TEXT))


def test_april_keeps_spaces_and_june_closes_gaps(tmp_path: Path) -> None:
    set_release("april")
    april = made()
    set_release("june")
    june = made()

    assert decoded(april) == TEXT
    assert decoded(june) == "It's late."
    assert decoded(copy.deepcopy(april)) == TEXT
    assert decoded(pickle.loads(pickle.dumps(april))) == TEXT


def test_a_pickle_without_a_release_gets_the_one_in_force() -> None:
    tokenizer = made()
    state = tokenizer.__getstate__()
    del state["release"]
    old = GPT2Tokenizer.__new__(GPT2Tokenizer)

    set_release("april")
    old.__setstate__(state)

    assert decoded(old) == TEXT
