"""Downloads and the cache, under the names of 2019."""

from pathlib import Path
from typing import TYPE_CHECKING

from ptbert_hub import (
    CONFIG_NAME,
    WEIGHTS_NAME,
    cached_path,
    default_cache,
    filename_to_url,
    get_file_extension,
    get_from_cache,
    http_get,
    read_set_from_file,
    split_s3_path,
    url_to_filename,
)

if TYPE_CHECKING:
    PYTORCH_PRETRAINED_BERT_CACHE: Path


__all__ = [
    "CONFIG_NAME",
    "PYTORCH_PRETRAINED_BERT_CACHE",
    "WEIGHTS_NAME",
    "cached_path",
    "filename_to_url",
    "get_file_extension",
    "get_from_cache",
    "http_get",
    "read_set_from_file",
    "split_s3_path",
    "url_to_filename",
]


def __getattr__(name: str) -> Path:
    if name == "PYTORCH_PRETRAINED_BERT_CACHE":  # the folder as the environment says now
        return default_cache()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
