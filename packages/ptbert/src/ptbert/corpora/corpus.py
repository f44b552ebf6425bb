"""The corpora that Transformer-XL is trained and tested on, as token ids.

Source:
    Dai et al. 2019, arXiv:1901.02860, section 4.1.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor

from ptbert.corpora.lm_batches import LMMultiFileIterator, LMOrderedIterator, LMShuffledIterator
from ptbert.corpora.saved import read_saved
from ptbert_hub import atomic_write, cached_path, extract_archive, is_archive, locate
from ptbert_tokenizers import TransfoXLTokenizer

logger = logging.getLogger(__name__)

CORPUS_NAME = "corpus.bin"
CACHE_NAME = "cache.pt"
SPLITS = ("train", "valid", "test")


class _Dataset(NamedTuple):
    """How a corpus is read.

    Args:
        counted: the splits whose words make the vocabulary; none where a file has it.
        special: the first tokens of the vocabulary.
        lower_case: whether the text is lower-cased first.
        add_eos: whether ``<eos>`` ends each line.
        ordered: whether sentences follow each other, or are independent.
        vocabulary: the file with the vocabulary, if it is not made from the text.
    """

    counted: tuple[str, ...] = SPLITS
    special: tuple[str, ...] = ()
    lower_case: bool = False
    add_eos: bool = True
    ordered: bool = True
    vocabulary: str | None = None


_DATASETS = {
    "ptb": _Dataset(special=("<eos>",), lower_case=True),
    "wt2": _Dataset(special=("<eos>",)),
    "wt103": _Dataset(special=("<eos>",), counted=("train",)),
    "enwik8": _Dataset(add_eos=False),
    "text8": _Dataset(add_eos=False),
    "lm1b": _Dataset(counted=(), ordered=False, vocabulary="1b_word_vocab.txt"),
}
_LM1B_TRAIN = Path(
    "1-billion-word-language-modeling-benchmark-r13output",
    "training-monolingual.tokenized.shuffled",
)


class TransfoXLCorpus:
    """A corpus in three splits, and the vocabulary made from it.

    Args:
        *args: arguments of the tokenizer.
        **kwargs: likewise.

    Example:
        >>> corpus = TransfoXLCorpus(special=["<eos>"])
        >>> for split in SPLITS:
        ...     _ = Path(f"{split}.txt").write_text("a b a\\nb a\\n")
        >>> corpus.build_corpus(".", "wt2")
        >>> corpus.train.tolist()
        [1, 2, 1, 0, 2, 1, 0]
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.vocab = TransfoXLTokenizer(*args, **kwargs)
        self.dataset: str | None = None
        self.train: Any = None
        self.valid: Any = None
        self.test: Any = None

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str],
        cache_dir: str | os.PathLike[str] | None = None,
        *inputs: Any,
        **kwargs: Any,
    ) -> Self:
        """Load a corpus that was encoded before, with its vocabulary.

        Args:
            pretrained_model_name_or_path: "transfo-xl-wt103", or a folder with ``corpus.bin`` and
                a vocabulary, or an archive of both or its address.
            cache_dir: where downloads are kept.
            *inputs: further arguments of the tokenizer.
            **kwargs: likewise.

        Raises:
            OSError: if there is no corpus, or it cannot be reached.
            ValueError: if the file is not a corpus.
        """
        name = os.fspath(pretrained_model_name_or_path)
        stored = read_saved(_find_corpus_file(name, cache_dir))
        corpus = cls()
        corpus.vocab = TransfoXLTokenizer.from_pretrained(name, cache_dir, *inputs, **kwargs)
        vars(corpus).update({k: v for k, v in stored.items() if k in {"dataset", *SPLITS}})
        return corpus

    def build_corpus(self, path: str | os.PathLike[str], dataset: str) -> None:
        """Count words, make the vocabulary and encode the splits.

        Args:
            path: folder with ``train.txt``, ``valid.txt`` and ``test.txt``.
            dataset: "ptb", "wt2", "wt103", "enwik8", "text8", or "lm1b", whose vocabulary is the
                tokenizer's ``vocab_file`` and whose training files are read one by one later.

        Raises:
            ValueError: if the dataset is not known.
            OSError: if a file is missing.
        """
        kind = _dataset(dataset)
        self.dataset = dataset
        folder = Path(path)
        for split in kind.counted:
            self.vocab.count_file(folder / f"{split}.txt", add_eos=kind.add_eos)
        self.vocab.build_vocab()
        for split in SPLITS:
            setattr(self, split, self._encode(folder, split, kind))

    def _encode(
        self, folder: Path, split: str, kind: _Dataset
    ) -> Tensor | list[Tensor] | list[Path]:
        if kind.ordered:
            file = folder / f"{split}.txt"
            return self.vocab.encode_file(file, ordered=True, add_eos=kind.add_eos)
        if split == "train":
            return sorted((folder / _LM1B_TRAIN).glob("news.en-*"))
        return self.vocab.encode_file(folder / f"{split}.txt", add_double_eos=True)

    def get_iterator(
        self, split: str, *args: Any, **kwargs: Any
    ) -> LMOrderedIterator | LMShuffledIterator:
        """Return the batches of a split.

        Args:
            split: "train", "valid" or "test".
            *args: arguments of the iterator, the number of texts side by side first.
            **kwargs: likewise.

        Raises:
            ValueError: if there is no such split, or no corpus yet.
        """
        if split not in SPLITS:
            raise ValueError(f"split={split!r} is unknown; choose one of {', '.join(SPLITS)}")
        data = getattr(self, split)
        if self.dataset is None or data is None:
            raise ValueError("there is no corpus yet; call build_corpus or from_pretrained first")
        if _dataset(self.dataset).ordered:
            return LMOrderedIterator(data, *args, **kwargs)
        if split == "train":
            return LMMultiFileIterator(data, self.vocab, *args, **{"shuffle": True, **kwargs})
        return LMShuffledIterator(data, *args, **kwargs)


def get_lm_corpus(datadir: str | os.PathLike[str], dataset: str) -> TransfoXLCorpus:
    """Build a corpus with the settings of the paper, or load what an earlier call built.

    Args:
        datadir: folder with the text; ``cache.pt`` is written into it.
        dataset: see ``TransfoXLCorpus.build_corpus``.

    Raises:
        ValueError: if the dataset is not known.
        OSError: if a file is missing.
    """
    folder = Path(datadir)
    kind = _dataset(dataset)
    cache = folder / CACHE_NAME
    corpus = TransfoXLCorpus(**_tokenizer_settings(folder, kind))
    if cache.exists():
        logger.info("loading the corpus from %s", cache)
        stored = read_saved(cache)
        vars(corpus.vocab).update(stored.pop("vocab"))
        vars(corpus).update(stored)
        return corpus
    corpus.build_corpus(folder, dataset)
    stored = vars(corpus) | {"vocab": {k: getattr(corpus.vocab, k) for k in ("idx2sym", "sym2idx")}}
    if not kind.ordered:
        stored["train"] = [os.fspath(path) for path in corpus.train]
    with atomic_write(cache) as file:
        torch.save(stored, file)
    return corpus


def _tokenizer_settings(folder: Path, kind: _Dataset) -> dict[str, Any]:
    settings: dict[str, Any] = {"special": list(kind.special), "lower_case": kind.lower_case}
    if kind.vocabulary is not None:
        settings["vocab_file"] = folder / kind.vocabulary
    return settings


def _dataset(name: str) -> _Dataset:
    if name not in _DATASETS:
        raise ValueError(f"dataset={name!r} is unknown; choose one of {', '.join(_DATASETS)}")
    return _DATASETS[name]


def _find_corpus_file(name: str, cache_dir: str | os.PathLike[str] | None) -> Path:
    place = locate(name, family="transfo_xl")
    if place.checkpoint is not None:
        return Path(cached_path(place.checkpoint.files()["corpus"], cache_dir))
    path = place.path or Path(cached_path(name, cache_dir))
    if path.is_file() and is_archive(path):
        path = extract_archive(path, cache_dir)
    if not (path / CORPUS_NAME).is_file():
        raise FileNotFoundError(
            f"{name!r} has no {CORPUS_NAME}; give a folder with that file and a vocabulary, or the "
            "name 'transfo-xl-wt103'"
        )
    return path / CORPUS_NAME
