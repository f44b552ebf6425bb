"""Corpora as the authors' TensorFlow code pickled them."""

import collections
import os
import pickle
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from ptbert import TransfoXLCorpus, TransfoXLTokenizer
from ptbert.corpora.authors_corpus import convert_corpus, convert_transfo_xl_checkpoint_to_pytorch


def authors_class(module, name, monkeypatch):
    """A class that pickles as the authors' does, while this test runs."""
    cls = type(name, (), {"__module__": module})
    namespace = ModuleType(module)
    setattr(namespace, name, cls)
    monkeypatch.setitem(sys.modules, module, namespace)
    return cls


@pytest.fixture
def pickled(tmp_path, monkeypatch):
    """Return a function that pickles a corpus with the given splits."""
    corpus = authors_class("data_utils", "Corpus", monkeypatch)()
    corpus.vocab = authors_class("vocabulary", "Vocab", monkeypatch)()
    symbols = ["<eos>", "<unk>", "the", "mat"]
    vars(corpus.vocab).update(
        counter=collections.Counter({"the": 2, "mat": 1}),
        special=["<eos>"],
        min_freq=0,
        max_size=None,
        lower_case=True,
        delimiter=None,
        vocab_file=None,
        idx2sym=symbols,
        sym2idx=collections.OrderedDict((symbol, i) for i, symbol in enumerate(symbols)),
        unk_idx=1,
        eos_idx=0,
    )

    def write(protocol=2, dataset="wt103", **splits):
        vars(corpus).update(dataset=dataset, cutoffs=[], **splits)
        path = tmp_path / "cache.pkl"
        path.write_bytes(pickle.dumps(corpus, protocol=protocol))
        for module in ("data_utils", "vocabulary"):  # they are not at hand where it is read
            monkeypatch.delitem(sys.modules, module)
        return path

    return write


@pytest.mark.parametrize("protocol", [2, 4])
def test_vocabulary_and_splits_are_loaded_by_ours(pickled, tmp_path, protocol):
    path = pickled(protocol, train=np.array([2, 3, 0]), valid=np.array([3, 0]), test=np.array([0]))

    convert_transfo_xl_checkpoint_to_pytorch("", "", tmp_path / "out", path)

    tokenizer = TransfoXLTokenizer.from_pretrained(tmp_path / "out")
    assert tokenizer.encode("The mat") == [2, 3]  # lower-cased, as it was made
    corpus = TransfoXLCorpus.from_pretrained(tmp_path / "out")
    assert corpus.dataset == "wt103"
    assert corpus.train.tolist() == [2, 3, 0]
    inputs, targets, length = next(iter(corpus.get_iterator("valid", 1, 1)))
    assert (inputs.tolist(), targets.tolist(), length) == ([[3]], [[0]], 1)


def test_separate_sentences_stay_separate(pickled, tmp_path):
    sentences = [np.array([2, 0]), np.array([3, 0])]
    convert_corpus(
        pickled(dataset="lm1b", train=["a file"], valid=sentences, test=sentences), tmp_path
    )
    corpus = TransfoXLCorpus.from_pretrained(tmp_path)
    assert [each.tolist() for each in corpus.valid] == [[2, 0], [3, 0]]


class RunsCode:
    def __reduce__(self):
        return os.system, ("touch harmed",)


def test_code_is_not_run(pickled, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = pickled(train=RunsCode())
    with pytest.raises(
        ValueError,
        match=r"is not a corpus pickled by.*asks for \w+\.system\); give its "
        r"cache.pkl, or build the corpus anew with ptbert.corpora.get_lm_corpus$",
    ):
        convert_corpus(path, tmp_path / "out")
    assert not Path("harmed").exists()
    assert not Path("out").exists()


@pytest.mark.parametrize("content", [b"", b"nonsense", pickle.dumps(1)])
def test_what_is_no_corpus_is_refused(tmp_path, content):
    path = tmp_path / "cache.pkl"
    path.write_bytes(content)
    with pytest.raises(
        ValueError, match=r"cache\.pkl' (is not a corpus|holds a int without a voc)"
    ):
        convert_corpus(path, tmp_path / "out")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"cache\.pkl"):
        convert_corpus(tmp_path / "cache.pkl", tmp_path)
