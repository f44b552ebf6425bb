"""What a token file is, and whether it is as it was written."""

import random
import secrets
from pathlib import Path

import numpy as np
import pytest

from ptbert_tokenizers.batches.flat import FlatIds
from ptbert_tokenizers.token_files import checking
from ptbert_tokenizers.token_files.checking import token_file_facts, verify_token_file
from ptbert_tokenizers.token_files.formats import id_writer

FORMATS = [
    ("a.npy", "npy"),
    ("a.bin", "nanogpt"),
    ("a.bin", "llm.c"),
    ("a.bin", "megatron"),
    ("a.ds", "datatrove"),
]


def write(name: str, *documents: list[int], format: str | None = None, bits: int = 16) -> None:
    with id_writer(name, format, bits) as add:
        ids = np.array([i for document in documents for i in document], np.int32)
        add(FlatIds(ids, np.cumsum([0, *map(len, documents)])))


@pytest.mark.parametrize(("name", "format"), FORMATS)
@pytest.mark.parametrize("block", [1, 2, 2**20])
def test_facts_and_checks(
    name: str, format: str, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "_BLOCK", block)
    write(name, [1, 2], [], [9, 4], format=format)
    files = sorted(map(str, Path().iterdir()))

    facts = token_file_facts(name)

    assert (facts.format, facts.bits, facts.tokens, facts.documents) == (format, 16, 4, 3)
    assert sorted(facts.files) == files
    assert facts.files[0] == name
    assert facts.bytes == sum(Path(file).stat().st_size for file in files)
    checked = verify_token_file(name, vocabulary_size=10)
    has_digest = format in {"npy", "nanogpt", "llm.c"}
    assert checked == facts._asdict() | {"largest_id": 9, "has_digest": has_digest}
    with pytest.raises(ValueError, match=rf"'{name}' has the id 9 at place 2, and the vocabulary"):
        verify_token_file(name, vocabulary_size=9)


def test_a_file_without_bounds_has_no_number_of_documents() -> None:
    np.array([3, 0, 4, 0], np.uint16).tofile("a.bin")
    assert token_file_facts("a.bin").documents is None
    assert token_file_facts("a.bin", separator=0).documents == 2


@pytest.mark.parametrize("name", ["a.npy", "a.bounds.npy"])
def test_every_changed_byte_of_the_arrays_is_found(name: str) -> None:
    write("a.npy", [1, 2], [3, 4, 5])
    whole = Path(name).read_bytes()
    for place in range(128, len(whole)):
        changed = whole[place] ^ random.Random(place).randrange(1, 256)
        Path(name).write_bytes(whole[:place] + bytes([changed]) + whole[place + 1 :])
        with pytest.raises(ValueError, match=r"'a\..*write (it|both) again"):
            verify_token_file("a.npy")
    Path(name).write_bytes(whole)
    assert verify_token_file("a.npy")["has_digest"]


def test_ids_below_zero_are_no_ids() -> None:
    np.save("a.npy", np.array([5, -1], np.int64))
    np.save("a.bounds.npy", np.array([0, 2]))
    with pytest.raises(ValueError, match=r"has the id -1 at place 1, and ids are 0 or more; it is"):
        verify_token_file("a.npy")


def test_ids_of_another_width_or_byte_order_are_not_of_the_vocabulary() -> None:
    ids = np.array([400, 30_000, 17, 2], np.uint16)
    ids.byteswap().tofile("swapped.bin")
    ids.astype(np.int32).byteswap().tofile("wide.bin")
    for name in ("swapped.bin", "wide.bin"):
        with pytest.raises(ValueError, match="it is of another tokenizer, has another width or by"):
            verify_token_file(name, vocabulary_size=30_522)


def test_marks_of_earlier_releases_are_no_digests() -> None:
    """They were random, the same for both files."""
    np.save("a.npy", np.array([5, 6], np.int32))
    np.save("a.bounds.npy", np.array([0, 2]))
    mark = secrets.token_bytes(16)
    for name in ("a.npy", "a.bounds.npy"):
        with open(name, "ab") as file:
            file.write(mark)
    assert not verify_token_file("a.npy")["has_digest"]


def test_an_empty_file_has_no_largest_id() -> None:
    write("a.npy")
    assert verify_token_file("a.npy", vocabulary_size=1)["largest_id"] == -1
