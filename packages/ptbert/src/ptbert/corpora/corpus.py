"""The corpora that Transformer-XL is trained and tested on, as token ids.

Source:
    Dai et al. 2019, arXiv:1901.02860, section 4.1.
"""

from __future__ import annotations

import collections
import os
from pathlib import Path
from typing import Any, NamedTuple, Self

from torch import Tensor

from ptbert.corpora.cache import Source, Stored, read_cache, write_cache
from ptbert.corpora.lm_batches import LMMultiFileIterator, LMOrderedIterator, LMShuffledIterator
from ptbert.corpora.saved import read_saved
from ptbert_hub import (
    DownloadOptions,
    cached_path,
    extract_archive,
    is_archive,
    locate,
    open_snapshot,
    pinned,
)
from ptbert_hub.options import divided
from ptbert_tokenizers import TransfoXLTokenizer, UnknownToken

CORPUS_NAME = "corpus.bin"
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

    def has_ids(self, split: str) -> bool:
        """Whether a split is kept as ids, and not as a list of files that are read later."""
        return self.ordered or split != "train"


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
                a vocabulary, or a repository of the Hugging Face Hub, or an archive of both or its
                address.
            cache_dir: where downloads are kept.
            *inputs: further arguments of the tokenizer.
            **kwargs: likewise, and what :class:`ptbert_hub.DownloadOptions` takes.

        Raises:
            OSError: if there is no corpus, or it cannot be reached.
            ValueError: if the file is not a corpus.
        """
        name = os.fspath(pretrained_model_name_or_path)
        options, kwargs = divided(kwargs, DownloadOptions, TransfoXLTokenizer.__init__)
        options = pinned(name, cache_dir, options)
        stored = read_saved(_find_corpus_file(name, cache_dir, options))
        corpus = cls()
        corpus.vocab = TransfoXLTokenizer.from_pretrained(
            name, cache_dir, *inputs, **options.arguments(), **kwargs
        )
        vars(corpus).update({k: v for k, v in stored.items() if k in {"dataset", *SPLITS}})
        return corpus

    def build_corpus(self, path: str | os.PathLike[str], dataset: str) -> None:
        """Count words, make the vocabulary and encode the splits.

        Args:
            path: folder with ``train.txt``, ``valid.txt`` and ``test.txt``.
            dataset: "ptb", "wt2", "wt103", "enwik8", "text8", or "lm1b", whose vocabulary is the
                tokenizer's ``vocab_file`` and whose training files are read one by one later.

        Raises:
            ValueError: if the dataset is not known, or a word has no id.
            OSError: if a file is missing.
        """
        kind = _dataset(dataset)
        self.dataset = dataset
        folder = Path(path)
        for split in kind.counted:
            self.vocab.count_file(folder / f"{split}.txt", add_eos=kind.add_eos)
        self.vocab.build_vocab()
        for split in SPLITS:
            try:
                setattr(self, split, self._encode(folder, split, kind))
            except UnknownToken as error:
                raise UnknownToken(
                    f"{split}.txt has a word that is not in the vocabulary, which was made from "
                    f"{' and '.join(f'{each}.txt' for each in kind.counted) or kind.vocabulary}: "
                    f"{str(error).partition(';')[0]}; write <unk> there for rare words, as the "
                    "published corpora do, and it stands for all unknown ones"
                ) from error

    def _encode(
        self, folder: Path, split: str, kind: _Dataset
    ) -> Tensor | list[Tensor] | list[Path]:
        if kind.ordered:
            file = folder / f"{split}.txt"
            return self.vocab.encode_file(file, ordered=True, add_eos=kind.add_eos)
        if not kind.has_ids(split):
            return _files_for_later(folder)
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

    What was built is saved in the folder as ``cache.pt``, together with what it was made from: the
    dataset, its settings, and the digests of the texts. It is built again if one of these is
    different now; texts that are no longer there are not compared.

    Args:
        datadir: folder with the text.
        dataset: see ``TransfoXLCorpus.build_corpus``.

    Raises:
        ValueError: if the dataset is not known, or a word has no id.
        OSError: if a file is missing.
    """
    folder = Path(datadir)
    kind = _dataset(dataset)
    source = Source.of(folder, dataset, kind._asdict(), _text_files(kind))
    corpus = TransfoXLCorpus(**_tokenizer_settings(folder, kind))
    splits = [split for split in SPLITS if kind.has_ids(split)]
    stored = read_cache(folder, source, splits)
    if stored is None:
        corpus.build_corpus(folder, dataset)
        ids = {split: getattr(corpus, split) for split in splits}
        write_cache(folder, source, Stored(ids, corpus.vocab.idx2sym))
        return corpus
    corpus.dataset = dataset
    corpus.vocab.idx2sym = list(stored.symbols)
    corpus.vocab.sym2idx = collections.OrderedDict(
        (symbol, index) for index, symbol in enumerate(stored.symbols)
    )
    for split in SPLITS:
        setattr(corpus, split, stored.splits.get(split, _files_for_later(folder)))
    return corpus


def _files_for_later(folder: Path) -> list[Path]:
    """The training files of the One Billion Word corpus, which are read one by one."""
    return sorted((folder / _LM1B_TRAIN).glob("news.en-*"))


def _text_files(kind: _Dataset) -> list[str]:
    """The files that the ids of a dataset depend on."""
    files = [f"{split}.txt" for split in SPLITS if split in kind.counted or kind.has_ids(split)]
    return files if kind.vocabulary is None else [*files, kind.vocabulary]


def _tokenizer_settings(folder: Path, kind: _Dataset) -> dict[str, Any]:
    settings: dict[str, Any] = {"special": list(kind.special), "lower_case": kind.lower_case}
    if kind.vocabulary is not None:
        settings["vocab_file"] = folder / kind.vocabulary
    return settings


def _dataset(name: str) -> _Dataset:
    if name not in _DATASETS:
        raise ValueError(f"dataset={name!r} is unknown; choose one of {', '.join(_DATASETS)}")
    return _DATASETS[name]


def _find_corpus_file(
    name: str, cache_dir: str | os.PathLike[str] | None, options: DownloadOptions
) -> Path:
    place = locate(name, family="transfo_xl", revision=options.revision)
    if place.checkpoint is not None:
        return Path(cached_path(place.checkpoint.files()["corpus"], cache_dir, options=options))
    if place.repository is not None:
        found = open_snapshot(place.repository, cache_dir, options).fetch_first([CORPUS_NAME])
        path = found.parent if found else Path(name)
    else:
        path = place.path or Path(cached_path(name, cache_dir, options=options))
    if path.is_file() and is_archive(path):
        path = extract_archive(path, cache_dir)
    if not (path / CORPUS_NAME).is_file():
        raise FileNotFoundError(
            f"{name!r} has no {CORPUS_NAME}; give a folder with that file and a vocabulary, or the "
            "name 'transfo-xl-wt103'"
        )
    return path / CORPUS_NAME
