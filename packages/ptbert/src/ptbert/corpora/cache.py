"""The cache of a corpus, `cache.pt`, which says what it was made from."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from ptbert.corpora.saved import read_saved
from ptbert_hub import atomic_write
from ptbert_hub.digests import file_digest

logger = logging.getLogger(__name__)

CACHE_NAME = "cache.pt"
CACHE_NAMES = (CACHE_NAME, "cache.pkl")  # programs of 2019 saved corpora under either name

_VERSION = 1  # of how text becomes ids; another one makes other caches invalid


@dataclass(frozen=True)
class Source:
    """What a corpus is made from.

    Args:
        dataset: the name of its kind.
        settings: how text becomes ids.
        digests: SHA-256 of each file, by its name in the folder; None for one that is not there.
        version: of the code that makes ids.
    """

    dataset: str
    settings: Mapping[str, Any]
    digests: Mapping[str, str | None]
    version: int = _VERSION

    @classmethod
    def of(
        cls, folder: Path, dataset: str, settings: Mapping[str, Any], files: Iterable[str]
    ) -> Source:
        """Return what a corpus of the files of a folder is made from now."""
        return cls(dataset, settings, {name: _digest(folder / name) for name in files})

    def difference(self, stored: Mapping[str, Any]) -> str | None:
        """Return in what a stored source differs from this one; None if it does not."""
        for name in ("dataset", "settings", "version"):
            if stored.get(name) != getattr(self, name):
                return f"another {name}"
        digests = stored.get("digests")
        for name, digest in self.digests.items():
            known = digests.get(name) if isinstance(digests, dict) else None
            if digest is not None and digest != known:
                return f"another {name}"
        return None


def _digest(path: Path) -> str | None:
    try:
        return file_digest(path)
    except FileNotFoundError:
        return None


@dataclass(frozen=True)
class Stored:
    """A corpus in a cache.

    Args:
        splits: the ids of each split that is kept as ids.
        symbols: the vocabulary in the order of ids.
    """

    splits: Mapping[str, Any]
    symbols: Sequence[str]


def write_cache(folder: Path, source: Source, corpus: Stored) -> None:
    """Write a cache; a warning says if that cannot be done.

    A cache that another program made is left as it is.

    Args:
        folder: of the texts.
        source: what the corpus was made from.
        corpus: its ids and vocabulary.
    """
    path = folder / CACHE_NAME
    stored = {"made_from": asdict(source), **corpus.splits, "symbols": list(corpus.symbols)}
    try:
        if path.exists() and not _is_ours(read_saved(path)):
            logger.warning(
                "%s was saved by another program and does not fit; it is left as it is, and this "
                "corpus is not saved; move the file away to have it saved",
                path,
            )
            return
        with atomic_write(path) as file:
            torch.save(stored, file)
    except OSError as error:
        logger.warning("the corpus is not saved: %s", error)


def read_cache(folder: Path, source: Source, splits: Sequence[str]) -> Stored | None:
    """Read the cache of a folder; None if there is none that fits.

    Args:
        folder: of the texts.
        source: what the corpus would be made from now.
        splits: the names of the splits that are kept as ids.

    Raises:
        ValueError: if the file is damaged, or holds something else than a corpus.
    """
    path = next((folder / name for name in CACHE_NAMES if (folder / name).exists()), None)
    if path is None:
        return None
    try:
        found = read_saved(path)
        kept = Stored({split: found[split] for split in splits}, _symbols(found))
    except (ValueError, KeyError, AttributeError) as error:
        if path.name != CACHE_NAME:  # a file of the authors' TensorFlow code, for example
            logger.info("%s is no cache that can be read: %s", path, error)
            return None
        why = error if isinstance(error, ValueError) else f"{str(path)!r} lacks {error}"
        raise ValueError(
            f"{why}; delete the file, and the corpus is built from its texts"
        ) from error
    made_from = found.get("made_from")
    if isinstance(made_from, dict):
        difference = source.difference(made_from)
    else:
        difference = _difference_of_unknown(path, found, source)
    if difference is not None:
        logger.warning("%s was made from %s; the corpus is built anew", path, difference)
        return None
    logger.info("loading the corpus from %s", path)
    return kept


def _difference_of_unknown(path: Path, found: Mapping[str, Any], source: Source) -> str | None:
    """How a cache that does not say what it was made from differs, as far as that can be seen."""
    if found.get("dataset") != source.dataset:
        return f"the dataset {found.get('dataset')!r}"
    present = [name for name, digest in source.digests.items() if digest is not None]
    if len(present) < len(source.digests):
        return None  # it cannot be built anew
    if _is_ours(found):
        return "texts that it does not name"
    age = path.stat().st_mtime_ns
    newer = [name for name in present if path.with_name(name).stat().st_mtime_ns > age]
    return f"an older {newer[0]}" if newer else None


def _is_ours(found: Mapping[str, Any]) -> bool:
    return "made_from" in found or isinstance(found.get("vocab"), dict)  # as version 0.2 wrote


def _symbols(found: Mapping[str, Any]) -> Sequence[str]:
    vocabulary = found.get("vocab")
    if isinstance(vocabulary, dict):
        return list(vocabulary["idx2sym"])
    return list(found["symbols"] if vocabulary is None else vocabulary.idx2sym)
