import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch

from ptbert import TransfoXLCorpus
from ptbert.corpora.corpus import get_lm_corpus
from ptbert.corpora.lm_batches import LMMultiFileIterator, LMOrderedIterator, LMShuffledIterator


@pytest.fixture
def folder(tmp_path):
    for split, text in {"train": "b a a\nC a b\n", "valid": "a b\n", "test": "b\n"}.items():
        (tmp_path / f"{split}.txt").write_text(text)
    return tmp_path


def test_frequent_words_come_first(folder):
    corpus = get_lm_corpus(folder, "wt103")

    assert corpus.vocab.idx2sym == ["<eos>", "a", "b", "C"]
    assert corpus.train.tolist() == [2, 1, 1, 0, 3, 1, 2, 0]
    assert corpus.valid.tolist() == [1, 2, 0]
    assert corpus.test.tolist() == [2, 0]


@pytest.mark.parametrize(
    ("dataset", "vocabulary", "train"),
    [
        # Words of all splits count but in wt103, so "b", which comes first, is as frequent as "a".
        ("wt103", ["<eos>", "a", "b", "C"], [2, 1, 1, 0, 3, 1, 2, 0]),
        ("wt2", ["<eos>", "b", "a", "C"], [1, 2, 2, 0, 3, 2, 1, 0]),
        ("ptb", ["<eos>", "b", "a", "c"], [1, 2, 2, 0, 3, 2, 1, 0]),
        ("enwik8", ["b", "a", "C"], [0, 1, 1, 2, 1, 0]),
        ("text8", ["b", "a", "C"], [0, 1, 1, 2, 1, 0]),
    ],
)
def test_each_corpus_is_read_as_in_the_paper(folder, dataset, vocabulary, train):
    corpus = get_lm_corpus(folder, dataset)
    assert corpus.vocab.idx2sym == vocabulary
    assert corpus.train.tolist() == train


def test_a_second_call_loads_what_the_first_built(folder):
    first = get_lm_corpus(folder, "wt2")
    (folder / "train.txt").unlink()

    second = get_lm_corpus(folder, "wt2")

    assert torch.equal(first.train, second.train)
    assert second.vocab.idx2sym == first.vocab.idx2sym
    assert second.vocab.encode("a b") == first.vocab.encode("a b")
    assert second.dataset == "wt2"


def test_separate_sentences(folder):
    (folder / "1b_word_vocab.txt").write_text("<S>\n<UNK>\na\nb\n")
    train = folder / "1-billion-word-language-modeling-benchmark-r13output"
    train = train / "training-monolingual.tokenized.shuffled"
    train.mkdir(parents=True)
    (train / "news.en-00001-of-00100").write_text("a b\n")

    for _ in range(2):  # built, then loaded
        corpus = get_lm_corpus(folder, "lm1b")

        assert isinstance(corpus.get_iterator("train", 1, 2), LMMultiFileIterator)
        assert corpus.get_iterator("train", 1, 2).shuffle
        assert isinstance(corpus.get_iterator("valid", 1, 2), LMShuffledIterator)
        ((inputs, targets, _),) = corpus.get_iterator("train", 1, 3)
        assert (inputs.tolist(), targets.tolist()) == ([[0, 2, 3]], [[2, 3, 0]])


def test_batches_of_a_split(folder):
    batches = get_lm_corpus(folder, "wt103").get_iterator("train", 2, 3, ext_len=1)
    assert isinstance(batches, LMOrderedIterator)
    assert batches.ext_len == 1


def test_a_saved_corpus_comes_back(folder):
    (folder / "train.txt").write_text("a b <unk> a\n")  # vocabularies in files need that word
    corpus = get_lm_corpus(folder, "wt103")
    corpus.vocab.save_vocabulary(folder)
    torch.save(
        {"dataset": "wt103", "train": corpus.train, "valid": corpus.valid, "test": corpus.test},
        folder / "corpus.bin",
    )

    again = TransfoXLCorpus.from_pretrained(folder)

    assert torch.equal(again.train, corpus.train)
    assert again.vocab.encode("a b") == corpus.vocab.encode("a b")
    assert isinstance(again.get_iterator("test", 1, 1), LMOrderedIterator)


class RunsCode:
    def __reduce__(self):
        return os.system, ("touch harmed",)


def test_arrays_of_numbers_are_read_as_tensors(folder):
    """The converter of 2019 wrote NumPy arrays, and its loader made tensors of int64 of them."""
    (folder / "vocab.txt").write_text("<eos>\n<unk>\nthe\ncat\nsat\n")
    stored = {
        "dataset": "wt103",
        "vocab": None,
        "train": np.arange(5),
        "valid": np.array([2, 3, 4, 0], dtype=">i4"),
        "test": [np.array([[2], [3]], dtype=np.uint16, order="F"), np.array([], dtype=np.int64)],
        "cutoffs": [2, 4],
        "tie_projs": [False],
    }
    for protocol in (2, 4):
        torch.save(stored, folder / "corpus.bin", pickle_protocol=protocol)

        corpus = TransfoXLCorpus.from_pretrained(folder)

        assert corpus.train.tolist() == [0, 1, 2, 3, 4]
        assert corpus.valid.tolist() == [2, 3, 4, 0]
        assert [each.tolist() for each in corpus.test] == [[[2], [3]], []]
        assert {each.dtype for each in (corpus.train, corpus.valid, *corpus.test)} == {torch.int64}
        corpus.train[0] = 4  # the memory is its own


def an_array(dtype="i8", order="<", shape=(4,), content="ABCDEFGH" * 4):
    """Return what pickles as an array that is described in any way."""

    class Dtype:
        def __reduce__(self):
            return np.dtype, (dtype, 0, 1), (3, order, None, None, None, -1, -1, 0)

    class Array:
        def __reduce__(self):
            reconstruct = np.arange(1).__reduce__()[0]
            return reconstruct, (np.ndarray, (0,), "b"), (1, shape, Dtype(), False, content)

    return Array()


ODD_ARRAYS = {
    "objects from addresses": (
        {"dtype": "O8"},
        "of objects that are only",
    ),
    "a record with an object": ({"dtype": "V8"}, "of something other than numbers"),
    "texts": ({"dtype": "U2"}, "of something other than numbers"),
    "numbers of no size": ({"dtype": "i3"}, "of something other than numbers"),
    "an odd order": ({"order": "S"}, "other than numbers"),
    "another shape": ({"shape": (5,)}, r"of shape \(5,\) in 32 bytes"),
    "a shape below 0": ({"shape": (-1, -4)}, "of an impossible shape"),
    "a text as content": ({"content": "\u0411" * 32}, "describes an array in an unknown way"),
    "a list as content": ({"content": [1]}, "describes an array in an unknown way"),
}


@pytest.mark.parametrize("what", ODD_ARRAYS)
def test_an_array_of_anything_else_is_refused(folder, what):
    how, reason = ODD_ARRAYS[what]
    torch.save({"train": an_array(**how)}, folder / "corpus.bin")
    with pytest.raises(ValueError, match=rf"plain containers \(it .*{reason}.*\); build it again"):
        TransfoXLCorpus.from_pretrained(folder)


def test_the_array_that_the_odd_ones_are_variations_of_is_read(folder):
    (folder / "vocab.txt").write_text("<unk>\n")
    torch.save({"train": an_array()}, folder / "corpus.bin")
    number = int.from_bytes(b"ABCDEFGH", "little")
    assert TransfoXLCorpus.from_pretrained(folder).train.tolist() == [number] * 4


REFUSED = (  # with the reason
    r"corpus\.bin' is not a corpus of tensors, arrays of numbers and plain containers "
    r"\((it asks for \w+\.system|torch\.save did not write it)\); build it again$"
)


@pytest.mark.parametrize("content", [{"train": RunsCode()}, b"nonsense"])
def test_a_file_that_is_no_corpus_is_refused(folder, content, monkeypatch):
    monkeypatch.chdir(folder)
    (folder / "vocab.txt").write_text("a\n")
    if isinstance(content, bytes):
        (folder / "corpus.bin").write_bytes(content)
    else:
        torch.save(content, folder / "corpus.bin")

    with pytest.raises(ValueError, match=REFUSED):
        TransfoXLCorpus.from_pretrained(folder)

    assert not Path("harmed").exists()


def test_a_list_is_no_corpus(folder):
    torch.save([1], folder / "corpus.bin")
    with pytest.raises(ValueError, match="holds a list; a corpus is a dictionary"):
        TransfoXLCorpus.from_pretrained(folder)


def test_a_list_that_is_there_many_times_takes_its_time_once(folder):
    train = [np.arange(2)]
    for _ in range(60):
        train = [train, train]
    torch.save({"dataset": "wt103", "train": train}, folder / "corpus.bin")
    (folder / "vocab.txt").write_text("<eos>\n<unk>\n")

    found = TransfoXLCorpus.from_pretrained(folder).train

    for _ in range(60):
        assert found[0] is found[1]
        found = found[1]
    assert torch.equal(found[0], torch.arange(2))


def test_a_corpus_may_be_in_an_archive(folder, tmp_path):
    (folder / "vocab.txt").write_text("<eos>\n<unk>\na\nb\n")
    torch.save({"dataset": "wt103", "train": torch.tensor([2, 3, 0])}, folder / "corpus.bin")
    with tarfile.open(tmp_path / "corpus.tar.gz", "w:gz") as archive:
        for name in ("corpus.bin", "vocab.txt"):
            archive.add(folder / name, name)

    corpus = TransfoXLCorpus.from_pretrained(tmp_path / "corpus.tar.gz", tmp_path / "cache")

    assert corpus.train.tolist() == [2, 3, 0]
    assert corpus.vocab.encode("a b") == [2, 3]


def test_a_missing_corpus_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"' has no corpus\.bin; give a folder with that"):
        TransfoXLCorpus.from_pretrained(tmp_path)
    with pytest.raises(FileNotFoundError, match="did you mean 'transfo-xl-wt103'"):
        TransfoXLCorpus.from_pretrained("transfo-xl-wt10")
    with pytest.raises(ValueError, match="'gpt2' is a checkpoint of the gpt2 family, not of trans"):
        TransfoXLCorpus.from_pretrained("gpt2")


def test_unknown_names_are_refused(folder):
    with pytest.raises(ValueError, match="dataset='wt3' is unknown; choose one of ptb, wt2, wt103"):
        get_lm_corpus(folder, "wt3")
    with pytest.raises(
        ValueError, match="split='dev' is unknown; choose one of train, valid, test"
    ):
        get_lm_corpus(folder, "wt2").get_iterator("dev", 1, 1)
    with pytest.raises(ValueError, match="there is no corpus yet; call build_corpus or from_pre"):
        TransfoXLCorpus().get_iterator("train", 1, 1)
