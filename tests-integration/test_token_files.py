"""Token files of ptbert in the readers of the programs whose formats they have, and back."""

import importlib
from pathlib import Path

import numpy as np
import pytest

from ptbert_tokenizers import FlatIds, open_tokens
from ptbert_tokenizers.token_files.formats import id_writer

pytestmark = pytest.mark.filterwarnings("ignore")  # of the peers, about their own parts

DOCUMENTS = [[1, 2, 3], [7, 8], [60_000], [5, 6, 9, 10]]


def write(name, format, bits):
    with id_writer(name, format, bits) as add:
        for document in DOCUMENTS:
            add(FlatIds(np.array(document, np.int32), np.array([0, len(document)])))


@pytest.fixture(scope="module")
def megatron():
    return importlib.import_module("megatron.core.datasets.indexed_dataset")


@pytest.mark.parametrize("bits", [16, 32])
def test_megatron_reads_ours(megatron, bits, tmp_path):
    write(tmp_path / "a.bin", "megatron", bits)

    dataset = megatron.IndexedDataset(str(tmp_path / "a"))

    assert [document.tolist() for document in dataset] == DOCUMENTS
    assert dataset.document_indices.tolist() == list(range(len(DOCUMENTS) + 1))
    assert dataset.get(3, offset=1, length=2).tolist() == [6, 9]


@pytest.mark.parametrize("kind", [np.uint16, np.int32])
def test_files_of_megatron_are_read_and_are_the_same_as_ours(megatron, kind, tmp_path):
    import torch

    builder = megatron.IndexedDatasetBuilder(str(tmp_path / "theirs.bin"), dtype=kind)
    for document in DOCUMENTS:
        builder.add_document(torch.tensor(document), [len(document)])
    builder.finalize(str(tmp_path / "theirs.idx"))

    found = [document.tolist() for document in open_tokens(tmp_path / "theirs.bin")]

    assert found == DOCUMENTS
    write(tmp_path / "ours.bin", "megatron", np.dtype(kind).itemsize * 8)
    for ending in (".bin", ".idx"):
        theirs = (tmp_path / f"theirs{ending}").read_bytes()
        assert (tmp_path / f"ours{ending}").read_bytes() == theirs


@pytest.mark.parametrize("bits", [16, 32])
def test_datatrove_reads_ours(bits, tmp_path):
    from datatrove.utils import dataset

    write(tmp_path / "a.ds", None, bits)

    rows = dataset.DatatroveFileDataset(
        str(tmp_path / "a.ds"), seq_len=4, token_size=bits // 8, return_positions=True
    )

    flat = [i for document in DOCUMENTS for i in document]
    found = [rows[number]["input_ids"].tolist() for number in range(len(rows))]
    assert found == [flat[:5], flat[5:10]]
    assert rows[0]["positions"].tolist() == [0, 1, 2, 0, 1]


@pytest.mark.parametrize("bits", [16, 32])
def test_files_of_datatrove_are_read_and_are_the_same_as_ours(bits, tmp_path):
    from datatrove.pipeline.tokens import tokenizer

    theirs = tokenizer.TokenizedFile(str(tmp_path), "theirs.ds", token_size=bits // 8)
    for document in DOCUMENTS:
        theirs.write(document, None)
    theirs.close()

    found = [document.tolist() for document in open_tokens(tmp_path / "theirs.ds")]

    assert found == DOCUMENTS
    write(tmp_path / "ours.ds", None, bits)
    for ending in (".ds", ".ds.index"):
        theirs = (tmp_path / f"theirs{ending}").read_bytes()
        assert (tmp_path / f"ours{ending}").read_bytes() == theirs


def test_nanogpt_and_llm_c_read_ours(tmp_path):
    """Each has one line that reads: ``np.memmap`` of uint16, from the start or behind a header."""
    write(tmp_path / "train.bin", "nanogpt", 16)
    write(tmp_path / "shard.bin", "llm.c", 16)
    flat = [i for document in DOCUMENTS for i in document]

    assert np.memmap(tmp_path / "train.bin", dtype=np.uint16, mode="r").tolist() == flat
    header = np.fromfile(tmp_path / "shard.bin", dtype=np.int32, count=256)
    assert header[:3].tolist() == [20240520, 1, len(flat)]
    data = Path(tmp_path / "shard.bin").read_bytes()[256 * 4 :]
    assert np.frombuffer(data, dtype=np.uint16).tolist() == flat
