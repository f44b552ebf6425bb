"""Loading the tokenizer of the model that a command is given."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ptbert_hub import DownloadOptions, extract_archive, is_archive, locate, open_snapshot
from ptbert_hub.model_files import fetch_tokenizer
from ptbert_hub.options import ORDINARY
from ptbert_tokenizers.errors import MissingVocabulary
from ptbert_tokenizers.families import load_tokenizer
from ptbert_tokenizers.pretrained import PreTrainedTokenizer


def load_tokenizer_of_model(
    source: str, cache_dir: str | None, options: DownloadOptions = ORDINARY
) -> PreTrainedTokenizer:
    """Load the tokenizer of a model.

    Args:
        source: a published name, a repository of the Hugging Face Hub, an address, a folder, an
            archive, a weights file or the prefix of a TensorFlow checkpoint.
        cache_dir: where downloads are kept instead of the usual cache.
        options: how to download.

    Raises:
        MissingVocabulary: if there is no vocabulary with the model.
    """
    place = locate(source, revision=options.revision)
    if place.path is None:
        name = place.checkpoint.name if place.checkpoint is not None else source
        return load_tokenizer(name, cache_dir=cache_dir, **options.arguments())
    for folder in folders_of_model(place.path, cache_dir):
        try:
            return load_tokenizer(folder, cache_dir=cache_dir)
        except MissingVocabulary:
            continue
    raise MissingVocabulary(f"there is no vocabulary beside {source!r}; give a folder with one")


def folders_of_model(path: Path, cache_dir: str | None) -> Iterator[Path]:
    """Yield the folders in which a vocabulary may be: in an archive, then beside the file.

    Args:
        path: a folder, a file or the prefix of a TensorFlow checkpoint.
        cache_dir: where archives are extracted.
    """
    if path.is_file() and is_archive(path):
        yield extract_archive(path, cache_dir)
    yield path if path.is_dir() else path.parent


def folders_of_source(
    source: str, cache_dir: str | None, options: DownloadOptions
) -> Iterator[Path | None]:
    """Yield the folders in which the settings of a tokenizer may be; None for a published one.

    Args:
        source: as for ``load_tokenizer_of_model``.
        cache_dir: where downloads are kept instead of the usual cache.
        options: how to download.
    """
    place = locate(source, revision=options.revision)
    if place.repository is not None:
        yield fetch_tokenizer(open_snapshot(place.repository, cache_dir, options))
    elif place.path is None:
        yield None
    else:
        yield from folders_of_model(place.path, cache_dir)
