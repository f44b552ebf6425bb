"""What stands beside a model that a command is given."""

from __future__ import annotations

from pathlib import Path

from ptbert_hub import CATALOG
from ptbert_tokenizers.families import load_tokenizer
from ptbert_tokenizers.pretrained import PretrainedTokenizer


def folder_of(source: str) -> Path:
    """Return the folder of a model: itself, or that of its file or of a checkpoint's prefix."""
    path = Path(source)
    return path if path.is_dir() else path.parent


def tokenizer_beside(source: str, cache_dir: str | None) -> PretrainedTokenizer:
    """Load the tokenizer of a model.

    Args:
        source: a published name, an address, a folder, a file or a checkpoint's prefix.
        cache_dir: where downloads are kept instead of the usual cache.

    Raises:
        MissingVocabulary: if there is none.
    """
    is_remote = source in CATALOG or "://" in source
    return load_tokenizer(source if is_remote else folder_of(source), cache_dir=cache_dir)
