"""What a cache was made from is in it, and is compared."""

import logging
import os
import pickle
import shutil
import types
from pathlib import Path

import pytest
import torch

from ptbert.corpora.corpus import get_lm_corpus

TEXTS = {"train": "b a a\nC a b\n", "valid": "a b\n", "test": "b\n"}
OF_2019 = Path(__file__).parents[1] / "data" / "corpus_2019.pt"  # of the same texts, as wt2
WT2 = ["<eos>", "b", "a", "C"]


@pytest.fixture
def folder(tmp_path):
    write(tmp_path)
    return tmp_path


def write(folder, **texts):
    for split, text in (TEXTS | texts).items():
        (folder / f"{split}.txt").write_text(text)


@pytest.fixture
def built(monkeypatch):
    """The datasets that were built, and not loaded."""
    names = []
    build = get_lm_corpus.__globals__["TransfoXLCorpus"].build_corpus

    def counted(corpus, path, dataset):
        names.append(dataset)
        return build(corpus, path, dataset)

    monkeypatch.setattr("ptbert.corpora.corpus.TransfoXLCorpus.build_corpus", counted)
    return names


@pytest.mark.parametrize("dataset", ["ptb", "wt2", "wt103", "enwik8", "text8"])
def test_what_is_loaded_is_what_was_built(folder, built, dataset):
    first = get_lm_corpus(folder, dataset)
    second = get_lm_corpus(folder, dataset)

    assert built == [dataset]
    assert second.dataset == dataset
    assert vars(second.vocab)["sym2idx"] == vars(first.vocab)["sym2idx"]
    assert second.vocab.lower_case == first.vocab.lower_case
    for split in TEXTS:
        assert torch.equal(getattr(first, split), getattr(second, split))


def test_another_dataset_of_the_same_folder_is_another_corpus(folder, built, caplog):
    get_lm_corpus(folder, "wt2")
    corpus = get_lm_corpus(folder, "ptb")

    assert built == ["wt2", "ptb"]
    assert corpus.dataset == "ptb"
    assert corpus.vocab.idx2sym == ["<eos>", "b", "a", "c"]
    assert caplog.messages == [
        f"{folder / 'cache.pt'} was made from another dataset; the corpus is built anew"
    ]


@pytest.mark.parametrize("split", TEXTS)
def test_a_text_that_was_replaced_is_noticed(folder, built, split, caplog):
    """Also if its size and its time are the same."""
    get_lm_corpus(folder, "wt2")
    path = folder / f"{split}.txt"
    before = path.stat()
    path.write_text(path.read_text().replace("b", "Z"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    corpus = get_lm_corpus(folder, "wt2")

    assert built == ["wt2", "wt2"]
    assert "Z" in corpus.vocab.idx2sym
    assert f"was made from another {split}.txt; the corpus is built anew" in caplog.text
    get_lm_corpus(folder, "wt2")
    assert built == ["wt2", "wt2"]


def test_a_folder_that_was_copied_keeps_its_cache(folder, built, tmp_path):
    get_lm_corpus(folder, "wt2")
    shutil.copytree(folder, tmp_path / "copy", copy_function=shutil.copyfile)  # with new times

    get_lm_corpus(tmp_path / "copy", "wt2")

    assert built == ["wt2"]


def test_texts_that_are_gone_are_not_compared(folder, built):
    get_lm_corpus(folder, "wt2")
    for split in TEXTS:
        (folder / f"{split}.txt").unlink()

    assert get_lm_corpus(folder, "wt2").vocab.idx2sym == WT2
    assert built == ["wt2"]
    with pytest.raises(FileNotFoundError, match="no text file at"):
        get_lm_corpus(folder, "ptb")


def test_settings_of_another_version_are_noticed(folder, built, monkeypatch):
    get_lm_corpus(folder, "wt2")
    monkeypatch.setattr("ptbert.corpora.cache._VERSION", 2)
    monkeypatch.setattr("ptbert.corpora.cache.Source.__init__.__defaults__", (2,))

    get_lm_corpus(folder, "wt2")

    assert built == ["wt2", "wt2"]


def test_new_files_of_the_one_billion_words_are_found(folder, built):
    (folder / "1b_word_vocab.txt").write_text("<S>\n<UNK>\na\nb\n")
    train = folder / "1-billion-word-language-modeling-benchmark-r13output"
    train = train / "training-monolingual.tokenized.shuffled"
    train.mkdir(parents=True)
    (train / "news.en-00001-of-00100").write_text("a b\n")
    get_lm_corpus(folder, "lm1b")
    (train / "news.en-00002-of-00100").write_text("a b\n")

    assert len(get_lm_corpus(folder, "lm1b").train) == 2
    assert built == ["lm1b"]
    (folder / "1b_word_vocab.txt").write_text("<S>\n<UNK>\nb\na\n")
    assert get_lm_corpus(folder, "lm1b").vocab.idx2sym[2] == "b"
    assert built == ["lm1b", "lm1b"]


# Caches that do not say what they were made from


def old_cache(folder, name="cache.pt", *, newer_than_texts=True):
    shutil.copyfile(OF_2019, folder / name)
    ages = 1_000_000 * (1 if newer_than_texts else -1)
    for split in TEXTS:
        os.utime(folder / f"{split}.txt", (2_000_000_000 - ages, 2_000_000_000 - ages))
    os.utime(folder / name, (2_000_000_000, 2_000_000_000))


@pytest.mark.parametrize("name", ["cache.pt", "cache.pkl"])
def test_a_corpus_that_a_program_of_2019_saved_is_read(folder, built, name):
    old_cache(folder, name)

    corpus = get_lm_corpus(folder, "wt2")

    assert built == []
    assert corpus.vocab.idx2sym == WT2
    assert corpus.train.tolist() == [1, 2, 2, 0, 3, 2, 1, 0]
    assert corpus.vocab.encode("a b") == [2, 1]


@pytest.mark.parametrize(
    ("dataset", "newer", "why"),
    [("ptb", True, "the dataset 'wt2'"), ("wt2", False, "an older train.txt")],
)
def test_one_that_does_not_fit_is_not_used_and_not_touched(
    folder, built, dataset, newer, why, caplog
):
    old_cache(folder, newer_than_texts=newer)

    assert get_lm_corpus(folder, dataset).dataset == dataset

    assert built == [dataset]
    assert (folder / "cache.pt").read_bytes() == OF_2019.read_bytes()
    assert f"was made from {why}; the corpus is built anew" in caplog.text
    assert "was saved by another program and does not fit; it is left as it is" in caplog.text


def test_a_cache_of_version_0_2_is_replaced_where_it_can_be(folder, built):
    corpus = get_lm_corpus(folder, "wt2")
    old = {
        "dataset": "wt2",
        "vocab": {"idx2sym": corpus.vocab.idx2sym, "sym2idx": corpus.vocab.sym2idx},
        **{split: getattr(corpus, split) for split in TEXTS},
    }
    torch.save(old, folder / "cache.pt")

    get_lm_corpus(folder, "wt2")
    assert built == ["wt2", "wt2"]
    assert "made_from" in torch.load(folder / "cache.pt", weights_only=True)

    torch.save(old, folder / "cache.pt")
    (folder / "test.txt").unlink()
    assert torch.equal(get_lm_corpus(folder, "wt2").train, corpus.train)
    assert built == ["wt2", "wt2"]


# Caches that cannot be read or written


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"nonsense", "is not a corpus of tensors, arrays of numbers and plain co"),
        ({"dataset": "wt2"}, "lacks 'train'"),
        ({"train": 1, "valid": 1, "test": 1}, "lacks 'symbols'"),
        ([1], "holds a list; a corpus is a dictionary"),
    ],
)
def test_a_damaged_cache_is_told(folder, content, message):
    path = folder / "cache.pt"
    path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)

    with pytest.raises(ValueError, match=f"{message}.*; delete the file, and the corpus is built"):
        get_lm_corpus(folder, "wt2")

    path.unlink()
    assert get_lm_corpus(folder, "wt2").vocab.idx2sym == WT2


def test_a_pickle_of_the_authors_code_is_passed_over(folder, built):
    (folder / "cache.pkl").write_bytes(pickle.dumps(types.SimpleNamespace(vocab=1)))

    get_lm_corpus(folder, "wt2")

    assert built == ["wt2"]


@pytest.mark.skipif(os.name != "posix", reason="needs permissions of POSIX")
def test_a_folder_that_cannot_be_written_gives_a_corpus_too(folder, monkeypatch, caplog):
    def refused(*args, **kwargs):
        raise PermissionError(13, "Permission denied", "cache.pt")

    monkeypatch.setattr("ptbert.corpora.cache.atomic_write", refused)

    with caplog.at_level(logging.WARNING):
        assert get_lm_corpus(folder, "wt2").vocab.idx2sym == WT2

    assert caplog.messages == ["the corpus is not saved: [Errno 13] Permission denied: 'cache.pt'"]


def test_byte_order_marks_and_line_ends_are_no_words(folder):
    (folder / "train.txt").write_bytes(b"\xef\xbb\xbfb a a\r\nC a b\r\n")

    assert get_lm_corpus(folder, "wt2").vocab.idx2sym == WT2


def test_a_word_without_an_id_is_told_with_what_to_do(folder):
    (folder / "valid.txt").write_text("a fox\n")
    message = (
        r"valid.txt has a word that is not in the vocabulary, which was made from train.txt: "
        r"token 'fox' is not in the vocabulary of 4; write <unk> there for rare words"
    )
    with pytest.raises(ValueError, match=message):
        get_lm_corpus(folder, "wt103")

    (folder / "train.txt").write_text("b a a\nC a b <unk>\n")  # the advice is right
    corpus = get_lm_corpus(folder, "wt103")
    assert corpus.valid.tolist() == corpus.vocab.convert_tokens_to_ids(["a", "<unk>", "<eos>"])
