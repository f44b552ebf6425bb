"""Loading the tokenizer of the model that a command is given."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ptbert_hub import extract_archive, is_archive, locate
from ptbert_tokenizers.errors import MissingVocabulary
from ptbert_tokenizers.families import load_tokenizer
from ptbert_tokenizers.pretrained import PreTrainedTokenizer


def load_tokenizer_of_model(source: str, cache_dir: str | None) -> PreTrainedTokenizer:
    """Load the tokenizer of a model.

    Args:
        source: a published name, an address, a folder, an archive, a weights file or the prefix of
            a TensorFlow checkpoint.
        cache_dir: where downloads are kept instead of the usual cache.

    Raises:
        MissingVocabulary: if there is no vocabulary with the model.
    """
    place = locate(source)
    if place.path is None:
        name = place.checkpoint.name if place.checkpoint is not None else source
        return load_tokenizer(name, cache_dir=cache_dir)
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
